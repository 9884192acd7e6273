#include <distworker/input_reader.hpp>
#include <distworker/outcome.hpp>

namespace distworker::detail {

void fail_input(std::string_view path, std::string_view wanted, std::optional<value_kind> found) {
    std::string message = std::string{path} + ": ";
    message +=
        found ? "is of type " + std::string{to_string(*found)} + ", " + std::string{wanted} + " is needed"
              : "is missing";
    throw task_error{std::string{error_code::invalid_input}, message, value{{"path", path}}};
}

std::optional<value_view> find_path(const object_view& object, std::string_view path) {
    if (auto whole = object.find(path)) {
        return whole;
    }
    for (auto dot = path.find('.'); dot != std::string_view::npos; dot = path.find('.', dot + 1)) {
        if (const auto inner = object.find(path.substr(0, dot))) {
            if (const auto next = inner->object()) {
                if (auto found = find_path(*next, path.substr(dot + 1))) {
                    return found;
                }
            }
        }
    }
    return std::nullopt;
}

} // namespace distworker::detail
