#include <distworker/controller_task.hpp>
#include <distworker/outcome.hpp>

namespace distworker {
// `Object` is what `write_members` takes: `value` or `object_view`.
template <typename Object>
std::expected<encoded_object, write_fault>
encoded_object::encode_members(const Object& object, std::string_view name, std::size_t max_depth) {
    byte_buffer bytes;
    wire::writer wire{bytes};
    value_writer members{wire, name, max_document_bytes, max_depth};
    write_members(members, object);
    members.finish();
    if (members.fault()) {
        return std::unexpected{*members.fault()};
    }
    wire.finish();
    encoded_object out;
    out.bytes_ = std::move(bytes).share();
    out.document_bytes_ = members.document_bytes();
    return out;
}

std::expected<encoded_object, write_fault> encoded_object::encode(const value& object, std::string_view name,
                                                                  std::size_t max_depth) {
    return encode_members(object, name, max_depth);
}

std::expected<encoded_object, write_fault>
encoded_object::encode(const object_view& object, std::string_view name, std::size_t max_depth) {
    return encode_members(object, name, max_depth);
}

const char* to_string(task_status status) noexcept {
    switch (status) {
    case task_status::pending:
        return "pending";
    case task_status::processing:
        return "processing";
    case task_status::completed:
        return "completed";
    case task_status::finished:
        return "finished";
    }
    return "unknown";
}

} // namespace distworker
