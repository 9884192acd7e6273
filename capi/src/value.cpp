#include "handles.hpp"

#include <distworker/payload_schema.hpp>

namespace c_abi = distworker::c_abi;

namespace {

std::span<const std::byte> body(const dw_value& value) {
    return c_abi::bytes(value.text.data, value.text.size);
}

dw_value to_c(const distworker::value_view& value) {
    dw_value made{
        .kind = static_cast<std::int32_t>(value.kind()), .boolean = 0, .number = 0, .text = {nullptr, 0}};
    made.boolean = value.boolean().value_or(false) ? 1 : 0;
    made.number = value.number().value_or(0);
    if (const auto string = value.string()) {
        made.text = c_abi::text(*string);
    } else if (const auto object = value.object()) {
        made.text = c_abi::text(object->bytes());
    } else if (const auto list = value.list()) {
        made.text = c_abi::text(list->bytes());
    }
    return made;
}

dw_value to_c(const distworker::object_view& object) {
    return {.kind = DW_OBJECT, .boolean = 0, .number = 0, .text = c_abi::text(object.bytes())};
}

} // namespace

static_assert(int{DW_LIST} == int{std::to_underlying(distworker::value_kind::list)} &&
              int{DW_BOOLEAN} == int{std::to_underlying(distworker::value_kind::boolean)});
// Both are repeated fields of one number, so that one walk serves.
static_assert(distworker::wire::struct_field::entry == distworker::wire::list_item);

dw_value dw_value_find(dw_value object, const char* key, std::size_t size) {
    const distworker::object_view members{object.kind == DW_OBJECT ? body(object)
                                                                   : std::span<const std::byte>{}};
    return to_c(members[c_abi::view(key, size)]);
}

int dw_value_next(dw_value container, std::size_t* position, dw_text* key, dw_value* item) {
    namespace wire = distworker::wire;
    if ((container.kind != DW_OBJECT && container.kind != DW_LIST) || *position > container.text.size) {
        return 0;
    }
    const std::span<const std::byte> rest = body(container).subspan(*position);
    wire::reader fields{rest};
    wire::field field;
    while (fields.next(field)) {
        if (!field.is(wire::struct_field::entry, wire::wire_type::length)) {
            continue;
        }
        *position += static_cast<std::size_t>(field.bytes.data() + field.bytes.size() - rest.data());
        if (container.kind == DW_LIST) {
            *item = to_c(distworker::value_view{field.bytes});
            return 1;
        }
        const auto member = distworker::object_view{rest}.begin();
        *item = to_c(member.value());
        if (key != nullptr) {
            *key = c_abi::text(member.key());
        }
        return 1;
    }
    return 0;
}

void dw_task_read(const dw_task* task, dw_task_info* info) {
    const distworker::assigned_task& from = task->task;
    *info = {.delivery = c_abi::to_c(from.name()),
             .id = c_abi::text(from.id()),
             .queue = c_abi::text(from.queue()),
             .input = to_c(from.input()),
             .metadata = to_c(from.metadata()),
             .deadline_ns = from.deadline().time_since_epoch().count()};
}

int dw_task_next_file(const dw_task* task, std::size_t* position, dw_file* file) {
    const distworker::file_list_view files = task->task.files();
    auto at = files.begin();
    for (std::size_t passed = 0; passed < *position && at != files.end(); ++passed) {
        ++at;
    }
    if (at == files.end()) {
        return 0;
    }
    const distworker::file_view found = *at;
    *file = {.id = c_abi::text(found.file_id),
             .name = c_abi::text(found.filename),
             .content_type = c_abi::text(found.content_type),
             .storage_url = c_abi::text(found.storage_url),
             .size = found.size};
    ++*position;
    return 1;
}

void dw_task_free(dw_task* task) {
    delete task;
}
