#include "api_target.hpp"

#include <distworker/utf8.hpp>

#include <charconv>

namespace distworker::controller {
namespace {

// Percent sequences and the plus sign of forms.
std::optional<std::string> decode(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '+') {
            out += ' ';
        } else if (text[i] != '%') {
            out += text[i];
        } else {
            unsigned byte = 0;
            const std::string_view digits = text.substr(i + 1, 2);
            const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), byte, 16);
            if (digits.size() != 2 || error != std::errc{} || end != digits.data() + 2) {
                return std::nullopt;
            }
            out += static_cast<char>(byte);
            i += 2;
        }
    }
    return out;
}

} // namespace

std::expected<api_target, std::string> parse_target(std::string_view target) {
    const std::size_t mark = target.find('?');
    api_target out{std::string{target.substr(0, mark)}, {}};
    std::string_view rest = mark == std::string_view::npos ? std::string_view{} : target.substr(mark + 1);
    while (!rest.empty()) {
        const std::string_view pair = rest.substr(0, rest.find('&'));
        rest.remove_prefix(std::min(pair.size() + 1, rest.size()));
        const std::size_t equals = pair.find('=');
        const auto name = decode(pair.substr(0, equals));
        const auto value =
            decode(equals == std::string_view::npos ? std::string_view{} : pair.substr(equals + 1));
        if (!name || !value) {
            return std::unexpected{
                std::string{"query: holds a % that is not followed by two hexadecimal digits"}};
        }
        if (!is_valid_utf8(*name) || !is_valid_utf8(*value)) {
            return std::unexpected{std::string{"query: is not UTF-8"}};
        }
        out.query[*name] = *value;
    }
    return out;
}

std::optional<std::int64_t> parse_integer(std::string_view text, std::int64_t min, std::int64_t max) {
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end != text.data() + text.size() || number < min || number > max) {
        return std::nullopt;
    }
    return number;
}

} // namespace distworker::controller
