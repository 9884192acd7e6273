#include "codec_judge.hpp"

#include <distworker/frame.hpp>
#include <distworker/payload_check.hpp>
#include <distworker/wire_reader.hpp>

#include <google/protobuf/stubs/logging.h>

#include <algorithm>
#include <bit>
#include <stdexcept>

namespace distworker::testing {
namespace {

using google::protobuf::Struct;
using google::protobuf::Value;
using bytes = std::vector<std::byte>;

bool same_bits(double a, double b) {
    return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b); // NaN is NaN
}
bool same_bits(float a, float b) {
    return std::bit_cast<std::uint32_t>(a) == std::bit_cast<std::uint32_t>(b);
}

bool same_payload(const object_view& ours, const Struct& theirs) {
    return same(value{ours}, theirs);
}

bool same_files(file_list_view ours, const google::protobuf::RepeatedPtrField<messages::FileInfo>& theirs) {
    auto next = theirs.begin();
    for (const file_view file : ours) {
        if (next == theirs.end() || file.file_id != next->file_id() || file.filename != next->filename() ||
            file.content_type != next->content_type() || file.size != next->size() ||
            file.storage_url != next->storage_url()) {
            return false;
        }
        ++next;
    }
    return next == theirs.end();
}

struct same_frame {
    const messages::WebSocketMessage& theirs;

    bool operator()(const worker_register_view& ours) const {
        const auto& m = theirs.worker_register();
        return theirs.has_worker_register() && as_text(ours.data) == m.data() &&
               as_text(ours.signature) == m.signature();
    }
    bool operator()(const register_response_view& ours) const {
        return theirs.has_worker_register_response() &&
               ours.idle_time == theirs.worker_register_response().idle_time();
    }
    bool operator()(const heartbeat_view& ours) const {
        const auto& m = theirs.heartbeat();
        const auto& usage = m.resource_usage();
        // A health that the protocol does not know is taken for none.
        const bool known = messages::WorkerHealth_IsValid(m.health());
        return theirs.has_heartbeat() && ours.timestamp_ms == m.timestamp() &&
               static_cast<int>(ours.health) == (known ? static_cast<int>(m.health()) : 0) &&
               same_bits(ours.usage.cpu_percent, usage.cpu_percent()) &&
               ours.usage.memory_used_mb == usage.memory_used_mb() &&
               same_bits(ours.usage.gpu_utilization, usage.gpu_utilization());
    }
    bool operator()(const task_assign_view& ours) const {
        const auto& m = theirs.task_assign();
        return theirs.has_task_assign() && ours.task_id == m.task_id() && ours.queue == m.queue() &&
               same_payload(ours.metadata, m.metadata()) && same_payload(ours.input, m.input()) &&
               ours.timeout_ms == m.timeout_ms() && same_files(ours.files, m.files());
    }
    bool operator()(const task_progress_view& ours) const {
        const auto& m = theirs.task_progress();
        return theirs.has_task_progress() && ours.task_id == m.task_id() &&
               same_bits(ours.progress, m.progress()) && ours.message == m.message() &&
               ours.has_data == m.has_data() && same_payload(ours.data, m.data());
    }
    bool operator()(const task_complete_view& ours) const {
        const auto& m = theirs.task_complete();
        return theirs.has_task_complete() && ours.task_id == m.task_id() &&
               same_payload(ours.result, m.result()) && same_files(ours.result_files, m.result_files());
    }
    bool operator()(const task_failed_view& ours) const {
        const auto& m = theirs.task_failed();
        return theirs.has_task_failed() && ours.task_id == m.task_id() && ours.error_code == m.error_code() &&
               ours.error_message == m.error_message() && same_payload(ours.error_details, m.error_details());
    }
};

// Why the wire format of a message, or of one inside it, is no good: followed as far as the schema goes, so
// that text which looks like a message is not taken for one.
wire::wire_error wire_error_in(std::span<const std::byte> message, const google::protobuf::Descriptor& type) {
    wire::reader fields{message};
    wire::field f;
    while (fields.next(f)) {
        const auto* known = type.FindFieldByNumber(static_cast<int>(f.id));
        if (f.type != wire::wire_type::length || known == nullptr || known->message_type() == nullptr) {
            continue;
        }
        if (const auto inside = wire_error_in(f.bytes, *known->message_type());
            inside != wire::wire_error::none) {
            return inside;
        }
    }
    return fields.error();
}

constexpr std::string_view group = "a group";
constexpr std::string_view wide_tag = "a tag above 32 bits";

/// Why core refused; what it calls malformed is told apart as far as protobuf takes some of it.
std::string_view reason_of(const frame_error& error, const bytes& input) {
    if (error.reason == to_string(payload_fault::malformed)) {
        const auto found = wire_error_in(input, *messages::WebSocketMessage::descriptor());
        return found == wire::wire_error::group              ? group
               : found == wire::wire_error::bad_field_number ? wide_tag
                                                             : error.reason;
    }
    return error.reason;
}

} // namespace

bool same(const value& ours, const Value& theirs) {
    switch (theirs.kind_case()) {
    case Value::kNumberValue:
        return ours.number() != nullptr && same_bits(*ours.number(), theirs.number_value());
    case Value::kStringValue:
        return ours.string() != nullptr && *ours.string() == theirs.string_value();
    case Value::kBoolValue:
        return ours.boolean() != nullptr && *ours.boolean() == theirs.bool_value();
    case Value::kStructValue:
        return same(ours, theirs.struct_value());
    case Value::kListValue: {
        const auto& items = theirs.list_value().values();
        return ours.items() != nullptr &&
               std::ranges::equal(*ours.items(), items,
                                  [](const value& a, const Value& b) { return same(a, b); });
    }
    case Value::kNullValue:
    case Value::KIND_NOT_SET:
        return ours.is_null();
    }
    return false;
}

bool same(const value& ours, const Struct& theirs) {
    if (ours.members() == nullptr || ours.members()->size() != theirs.fields().size()) {
        return false;
    }
    return std::ranges::all_of(*ours.members(), [&](const value::member& m) {
        const auto found = theirs.fields().find(m.key);
        return found != theirs.fields().end() && same(m.content, found->second);
    });
}

const std::map<std::string_view, std::string>& stricter_by_design() {
    static const std::map<std::string_view, std::string> refusals{
        {"a message of an unknown type", "0863"},
        {"a message whose type and payload disagree", "080a4a00"},
        {"an assignment without a usable task id", "080a5203120171"},
        {"an assignment without a queue", "080a52030a0174"},
        {"a field that may stand once is given twice", "080a520a0a017412017122002200"},
        {to_string(payload_fault::too_deep), ""}, // too long to stand here
        {group, "08031a000b0c"},
        {wide_tag, "08031a00888080801001"},
    };
    return refusals;
}

std::string_view judge(const bytes& input) {
    // It logs each text that is not UTF-8.
    static auto* const quiet = google::protobuf::SetLogHandler(nullptr);
    static_cast<void>(quiet);
    const auto ours = read_frame(input);
    const auto theirs = parse_message(input);
    if (ours) {
        if (!theirs) {
            throw std::logic_error{"core takes what protobuf refuses"};
        }
        if (!std::visit(same_frame{*theirs}, *ours)) {
            throw std::logic_error{"other values than protobuf's: " + theirs->ShortDebugString()};
        }
        return both_take;
    }
    if (!theirs) {
        return both_refuse;
    }
    const std::string_view reason = reason_of(ours.error(), input);
    if (!stricter_by_design().contains(reason)) {
        throw std::logic_error{"core refuses what protobuf takes: " + std::string{reason}};
    }
    return reason;
}

} // namespace distworker::testing
