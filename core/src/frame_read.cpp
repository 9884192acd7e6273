#include <distworker/frame.hpp>
#include <distworker/payload_check.hpp>
#include <distworker/utf8.hpp>

#include <bit>
#include <optional>

namespace distworker {
namespace {

using wire::wire_type;

constexpr std::uint32_t type_field = 1;

// Notes which singular fields of one message were met.
class met_fields {
public:
    bool again(std::uint32_t id) noexcept {
        const std::uint32_t bit = 1U << id;
        const bool met = (bits_ & bit) != 0;
        bits_ |= bit;
        return met;
    }

private:
    std::uint32_t bits_ = 0;
};

using defect = std::optional<std::string_view>;

constexpr std::string_view repeated = "a field that may stand once is given twice";
constexpr std::string_view malformed = "not a well-formed message";
constexpr std::string_view bad_text = "text that is not UTF-8";
constexpr std::string_view unknown_type = "a message of an unknown type";

std::string_view reason_of(payload_fault fault) noexcept {
    return to_string(fault);
}

// Walks one message whose singular fields all are known by number and wire type. `take(field)` stores a
// known field and says false for one that it does not know; `is_repeated(id)` excepts repeated ones.
template <typename Take>
defect read_message(std::span<const std::byte> body, std::uint32_t repeated_field, Take take) noexcept {
    wire::reader fields{body};
    wire::field f;
    met_fields met;
    while (fields.next(f)) {
        if (!take(f)) {
            continue;
        }
        if (f.id != repeated_field && met.again(f.id)) {
            return repeated;
        }
    }
    return fields.error() == wire::wire_error::none ? defect{} : defect{malformed};
}

bool take_text(const wire::field& f, std::uint32_t id, std::string_view& out) noexcept {
    if (f.is(id, wire_type::length)) {
        out = f.text();
        return true;
    }
    return false;
}

bool take_object(const wire::field& f, std::uint32_t id, object_view& out) noexcept {
    if (f.is(id, wire_type::length)) {
        out = object_view{f.bytes};
        return true;
    }
    return false;
}

bool take_int64(const wire::field& f, std::uint32_t id, std::int64_t& out) noexcept {
    if (f.is(id, wire_type::varint)) {
        out = static_cast<std::int64_t>(f.number);
        return true;
    }
    return false;
}

bool take_int32(const wire::field& f, std::uint32_t id, std::int32_t& out) noexcept {
    if (f.is(id, wire_type::varint)) {
        out = static_cast<std::int32_t>(f.number); // upper bits are cut, as protobuf does
        return true;
    }
    return false;
}

bool take_float(const wire::field& f, std::uint32_t id, float& out) noexcept {
    if (f.is(id, wire_type::fixed32)) {
        out = std::bit_cast<float>(static_cast<std::uint32_t>(f.number));
        return true;
    }
    return false;
}

bool all_utf8(std::initializer_list<std::string_view> texts) noexcept {
    for (const std::string_view text : texts) {
        if (!is_valid_utf8(text)) {
            return false;
        }
    }
    return true;
}

defect check_into(object_view payload, std::size_t& document_bytes) noexcept {
    const auto checked = check_payload(payload.bytes());
    if (!checked) {
        return reason_of(checked.error());
    }
    document_bytes += *checked;
    return {};
}

defect read_file(std::span<const std::byte> body, file_view& out) noexcept {
    const defect broken = read_message(body, 0, [&](const wire::field& f) {
        return take_text(f, 1, out.file_id) || take_text(f, 2, out.filename) ||
               take_text(f, 3, out.content_type) || take_int64(f, 4, out.size) ||
               take_text(f, 5, out.storage_url);
    });
    if (broken) {
        return broken;
    }
    return all_utf8({out.file_id, out.filename, out.content_type, out.storage_url}) ? defect{}
                                                                                    : defect{bad_text};
}

defect check_files(const std::span<const std::byte> body, std::uint32_t field_id) noexcept {
    wire::reader fields{body};
    wire::field f;
    while (fields.next(f)) {
        file_view file;
        if (f.is(field_id, wire_type::length)) {
            if (const defect broken = read_file(f.bytes, file)) {
                return broken;
            }
        }
    }
    return {};
}

defect read_assign(std::span<const std::byte> body, task_assign_view& out) noexcept {
    namespace id = wire::assign_field;
    bool has_files = false;
    const defect broken = read_message(body, id::files, [&](const wire::field& f) {
        if (f.is(id::files, wire_type::length)) {
            has_files = true;
            return true;
        }
        return take_text(f, id::task_id, out.task_id) || take_text(f, id::queue, out.queue) ||
               take_object(f, id::metadata, out.metadata) || take_object(f, id::input, out.input) ||
               take_int64(f, id::timeout_ms, out.timeout_ms);
    });
    if (broken) {
        return broken;
    }
    if (out.task_id.empty() || out.task_id.size() > max_task_id_bytes) {
        return "an assignment without a usable task id";
    }
    if (out.queue.empty()) {
        return "an assignment without a queue";
    }
    if (!all_utf8({out.task_id, out.queue})) {
        return bad_text;
    }
    if (const defect unusable = check_into(out.metadata, out.document_bytes)) {
        return unusable;
    }
    if (const defect unusable = check_into(out.input, out.document_bytes)) {
        return unusable;
    }
    if (has_files) {
        out.files = file_list_view{body, id::files};
        return check_files(body, id::files);
    }
    return {};
}

defect read_heartbeat(std::span<const std::byte> body, heartbeat_view& out) noexcept {
    std::span<const std::byte> usage;
    std::int32_t health = 0;
    defect broken = read_message(body, 0, [&](const wire::field& f) {
        if (f.is(3, wire_type::length)) {
            usage = f.bytes;
            return true;
        }
        return take_int64(f, 1, out.timestamp_ms) || take_int32(f, 2, health);
    });
    if (broken) {
        return broken;
    }
    out.health = health >= 0 && health <= 3 ? static_cast<worker_health>(health) : worker_health::unspecified;
    object_view additional;
    broken = read_message(usage, 0, [&](const wire::field& f) {
        return take_float(f, 1, out.usage.cpu_percent) || take_int64(f, 2, out.usage.memory_used_mb) ||
               take_float(f, 3, out.usage.gpu_utilization) || take_object(f, 4, additional);
    });
    std::size_t ignored = 0;
    return broken ? broken : check_into(additional, ignored);
}

defect read_progress(std::span<const std::byte> body, task_progress_view& out) noexcept {
    namespace id = wire::progress_field;
    const defect broken = read_message(body, 0, [&](const wire::field& f) {
        if (take_object(f, id::data, out.data)) {
            out.has_data = true;
            return true;
        }
        return take_text(f, id::task_id, out.task_id) || take_float(f, id::progress, out.progress) ||
               take_text(f, id::message, out.message);
    });
    if (broken) {
        return broken;
    }
    if (!all_utf8({out.task_id, out.message})) {
        return bad_text;
    }
    std::size_t ignored = 0;
    return check_into(out.data, ignored);
}

defect read_complete(std::span<const std::byte> body, task_complete_view& out) noexcept {
    namespace id = wire::complete_field;
    const defect broken = read_message(body, id::result_files, [&](const wire::field& f) {
        return f.is(id::result_files, wire_type::length) || take_text(f, id::task_id, out.task_id) ||
               take_object(f, id::result, out.result);
    });
    if (broken) {
        return broken;
    }
    if (!is_valid_utf8(out.task_id)) {
        return bad_text;
    }
    out.result_files = file_list_view{body, id::result_files};
    if (const defect unusable = check_files(body, id::result_files)) {
        return unusable;
    }
    return check_into(out.result, out.document_bytes);
}

defect read_failed(std::span<const std::byte> body, task_failed_view& out) noexcept {
    namespace id = wire::failed_field;
    const defect broken = read_message(body, 0, [&](const wire::field& f) {
        return take_text(f, id::task_id, out.task_id) || take_text(f, id::error_code, out.error_code) ||
               take_text(f, id::error_message, out.error_message) ||
               take_object(f, id::error_details, out.error_details);
    });
    if (broken) {
        return broken;
    }
    if (!all_utf8({out.task_id, out.error_code, out.error_message})) {
        return bad_text;
    }
    std::size_t ignored = 0;
    return check_into(out.error_details, ignored);
}

defect read_register(std::span<const std::byte> body, worker_register_view& out) noexcept {
    return read_message(body, 0, [&](const wire::field& f) {
        if (f.is(1, wire_type::length)) {
            out.data = f.bytes;
        } else if (f.is(2, wire_type::length)) {
            out.signature = f.bytes;
        } else {
            return false;
        }
        return true;
    });
}

using body_view = std::expected<frame_view, std::string_view>;

template <typename View>
body_view read_as(std::span<const std::byte> body,
                  defect (*read)(std::span<const std::byte>, View&) noexcept) {
    View view;
    if (const defect broken = read(body, view)) {
        return std::unexpected{*broken};
    }
    return view;
}

defect read_response(std::span<const std::byte> body, register_response_view& out) noexcept {
    constexpr std::uint32_t idle_time = 10;
    return read_message(body, 0,
                        [&](const wire::field& f) { return take_int32(f, idle_time, out.idle_time); });
}

// The payload of that field of a WebSocketMessage.
body_view read_body(std::uint32_t payload_id, std::span<const std::byte> body) noexcept {
    switch (static_cast<frame_type>(payload_id)) {
    case frame_type::worker_register:
        return read_as(body, read_register);
    case frame_type::worker_register_response:
        return read_as(body, read_response);
    case frame_type::heartbeat:
        return read_as(body, read_heartbeat);
    case frame_type::task_assign:
        return read_as(body, read_assign);
    case frame_type::task_progress:
        return read_as(body, read_progress);
    case frame_type::task_complete:
        return read_as(body, read_complete);
    case frame_type::task_failed:
        return read_as(body, read_failed);
    case frame_type::unspecified:
        break;
    }
    return std::unexpected{unknown_type};
}

defect problem_of(const body_view& content) noexcept {
    return content ? defect{} : defect{content.error()};
}

constexpr bool is_payload_field(std::uint32_t id) noexcept {
    return id == 2 || id == 3 || (id >= 9 && id <= 13);
}

std::string_view usable_id(std::string_view id) noexcept {
    return !id.empty() && id.size() <= max_task_id_bytes && is_valid_utf8(id) ? id : std::string_view{};
}

} // namespace

std::string_view salvage_task_id(std::span<const std::byte> message) noexcept {
    constexpr auto assign_payload = static_cast<std::uint32_t>(frame_type::task_assign);
    wire::reader envelope{message.first(std::min(message.size(), salvage_bytes))};
    wire::field f;
    bool is_assign = false;
    std::span<const std::byte> body;
    while (envelope.next(f)) {
        if (f.is(type_field, wire_type::varint)) {
            is_assign = f.number == static_cast<std::uint64_t>(frame_type::task_assign);
        } else if (f.is(assign_payload, wire_type::length) && body.empty()) {
            body = f.bytes;
        }
    }
    if (body.empty() && f.is(assign_payload, wire_type::length)) {
        body = f.bytes; // cut off
    }
    if (!is_assign) {
        return {};
    }
    wire::reader fields{body};
    while (fields.next(f)) {
        if (f.is(wire::assign_field::task_id, wire_type::length)) {
            return usable_id(f.text());
        }
    }
    return {};
}

std::expected<frame_view, frame_error> read_frame(std::span<const std::byte> message) noexcept {
    std::int32_t type = 0;
    std::uint32_t payload_id = 0;
    std::span<const std::byte> body;
    defect broken_before; // a payload that another one replaces must be sound too
    const defect broken = read_message(message, 0, [&](const wire::field& f) {
        if (f.type == wire_type::length && is_payload_field(f.id)) {
            if (payload_id != 0 && !broken_before) {
                broken_before = problem_of(read_body(payload_id, body));
            }
            payload_id = f.id; // a oneof: the last of different members wins
            body = f.bytes;
            return true;
        }
        return take_int32(f, type_field, type);
    });
    const auto strike = [](std::string_view reason) { return std::unexpected{frame_error{reason, {}}}; };
    if (broken || broken_before) {
        return std::unexpected{frame_error{broken ? *broken : *broken_before, salvage_task_id(message)}};
    }
    if (static_cast<std::uint32_t>(type) != payload_id) {
        const bool known = is_payload_field(static_cast<std::uint32_t>(type));
        return strike(known ? "a message whose type and payload disagree" : unknown_type);
    }
    const auto content = read_body(payload_id, body);
    if (!content) {
        const bool is_assign = payload_id == static_cast<std::uint32_t>(frame_type::task_assign);
        return std::unexpected{
            frame_error{content.error(), is_assign ? salvage_task_id(message) : std::string_view{}}};
    }
    return *content;
}

std::expected<signed_register_view, frame_error>
read_signed_register(std::span<const std::byte> data) noexcept {
    signed_register_view out;
    std::span<const std::byte> resources;
    defect broken = read_message(data, 0, [&](const wire::field& f) {
        if (f.is(4, wire_type::length)) {
            resources = f.bytes;
            return true;
        }
        return take_text(f, 1, out.provisioner) || take_text(f, 2, out.worker_id) ||
               take_text(f, 3, out.date);
    });
    if (!broken) {
        broken = read_message(resources, 0, [&](const wire::field& f) {
            return take_text(f, 1, out.hostname) || take_int32(f, 2, out.cpu_cores) ||
                   take_int64(f, 3, out.memory_mb) || take_object(f, 4, out.additional);
        });
    }
    if (!broken && !all_utf8({out.provisioner, out.worker_id, out.date, out.hostname})) {
        broken = bad_text;
    }
    std::size_t ignored = 0;
    if (!broken) {
        broken = check_into(out.additional, ignored);
    }
    if (broken) {
        return std::unexpected{frame_error{*broken, {}}};
    }
    return out;
}

file_view file_list_view::iterator::operator*() const noexcept {
    file_view file;
    static_cast<void>(read_file(file_, file)); // validated with its frame
    return file;
}

file_list_view::iterator& file_list_view::iterator::operator++() noexcept {
    wire::field f;
    while (fields_.next(f)) {
        if (f.is(field_id_, wire_type::length)) {
            file_ = f.bytes;
            done_ = false;
            return *this;
        }
    }
    done_ = true;
    return *this;
}

} // namespace distworker
