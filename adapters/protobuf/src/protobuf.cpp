#include <distworker/protobuf.hpp>

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <algorithm>
#include <climits>
#include <string>

namespace distworker {
namespace {

using google::protobuf::ListValue;
using google::protobuf::Struct;
using google::protobuf::Value;

bool parse(google::protobuf::MessageLite& out, std::span<const std::byte> bytes) {
    if (bytes.size() > INT_MAX) {
        return false;
    }
    google::protobuf::io::CodedInputStream input{reinterpret_cast<const std::uint8_t*>(bytes.data()),
                                                 static_cast<int>(bytes.size())};
    input.SetRecursionLimit(message_recursion_limit);
    return out.ParseFromCodedStream(&input) && input.ConsumedEntireMessage();
}

// The entries of a map, in an order that does not depend on its hash.
std::vector<const google::protobuf::Map<std::string, Value>::value_type*> sorted(const Struct& object) {
    std::vector<const google::protobuf::Map<std::string, Value>::value_type*> entries;
    entries.reserve(object.fields().size());
    for (const auto& entry : object.fields()) {
        entries.push_back(&entry);
    }
    std::ranges::sort(entries, {}, [](const auto* entry) -> const std::string& { return entry->first; });
    return entries;
}

void fill(Struct& out, const value& object);

void fill(Value& out, const value& content) {
    if (const double* number = content.number()) {
        out.set_number_value(*number);
    } else if (const bool* boolean = content.boolean()) {
        out.set_bool_value(*boolean);
    } else if (const std::string* text = content.string()) {
        out.set_string_value(*text);
    } else if (const value::list* items = content.items()) {
        ListValue& list = *out.mutable_list_value();
        for (const value& item : *items) {
            fill(*list.add_values(), item);
        }
    } else if (content.members() != nullptr) {
        fill(*out.mutable_struct_value(), content);
    } else {
        out.set_null_value(google::protobuf::NULL_VALUE);
    }
}

void fill(Struct& out, const value& object) {
    if (const value::object* members = object.members()) {
        for (const value::member& m : *members) {
            Value& target = (*out.mutable_fields())[m.key];
            target.Clear();
            fill(target, m.content);
        }
    }
}

// Recursion ends where the writer's depth limit does: it faults, and then nothing goes deeper.
void write(value_writer& out, const Value& content) {
    if (out.fault()) {
        return;
    }
    switch (content.kind_case()) {
    case Value::kNumberValue:
        out.number(content.number_value());
        break;
    case Value::kStringValue:
        out.string(content.string_value());
        break;
    case Value::kBoolValue:
        out.boolean(content.bool_value());
        break;
    case Value::kStructValue:
        out.begin_object();
        write_members(out, content.struct_value());
        out.end_object();
        break;
    case Value::kListValue:
        out.begin_list();
        for (const Value& item : content.list_value().values()) {
            write(out, item);
        }
        out.end_list();
        break;
    case Value::kNullValue:
    case Value::KIND_NOT_SET:
        out.null();
        break;
    }
}

} // namespace

std::expected<messages::WebSocketMessage, frame_error> parse_message(std::span<const std::byte> bytes) {
    messages::WebSocketMessage message;
    if (parse(message, bytes)) {
        return message;
    }
    const auto frame = read_frame(bytes); // it refuses all that protobuf does, but for the size
    return std::unexpected{frame ? frame_error{"larger than protobuf can read", {}} : frame.error()};
}

std::vector<std::byte> serialize_message(const messages::WebSocketMessage& message) {
    std::vector<std::byte> out(message.ByteSizeLong());
    google::protobuf::io::ArrayOutputStream target{out.data(), static_cast<int>(out.size())};
    google::protobuf::io::CodedOutputStream output{&target};
    output.SetSerializationDeterministic(true);
    message.SerializeWithCachedSizes(&output);
    return out;
}

std::optional<Struct> to_struct(const object_view& object) {
    Struct out;
    return parse(out, object.bytes()) ? std::optional{std::move(out)} : std::nullopt;
}

std::optional<Struct> to_struct(const value& object) {
    if (!object.is_null() && object.members() == nullptr) {
        return std::nullopt;
    }
    Struct out;
    fill(out, object);
    return out;
}

Value to_message(const value& content) {
    Value out;
    fill(out, content);
    return out;
}

value to_value(const Struct& object) {
    value::object members;
    members.reserve(object.fields().size());
    for (const auto* entry : sorted(object)) {
        members.push_back({entry->first, to_value(entry->second)});
    }
    return value{std::move(members)};
}

value to_value(const Value& content) {
    switch (content.kind_case()) {
    case Value::kNumberValue:
        return content.number_value();
    case Value::kStringValue:
        return content.string_value();
    case Value::kBoolValue:
        return content.bool_value();
    case Value::kStructValue:
        return to_value(content.struct_value());
    case Value::kListValue: {
        value::list items;
        items.reserve(static_cast<std::size_t>(content.list_value().values_size()));
        for (const Value& item : content.list_value().values()) {
            items.push_back(to_value(item));
        }
        return value{std::move(items)};
    }
    case Value::kNullValue:
    case Value::KIND_NOT_SET:
        break;
    }
    return nullptr;
}

void write_members(value_writer& out, const Struct& object) {
    for (const auto* entry : sorted(object)) {
        out.key(entry->first);
        write(out, entry->second);
    }
}

} // namespace distworker
