// The protocol's messages and payloads as protobuf classes, and back.
//
// For programs that hold protobuf messages already, or want a frame as one. Workers do not need it: a task's
// input is read by views and an answer is written straight into its frame, both without protobuf and faster.
// All functions are safe from any thread as long as their arguments are left alone meanwhile.
#pragma once

#include <distworker/frame.hpp>
#include <distworker/value.hpp>
#include <distworker/value_view.hpp>
#include <distworker/value_writer.hpp>

#include <distworker.pb.h>

#include <cstddef>
#include <expected>
#include <optional>
#include <span>
#include <vector>

namespace distworker {

/// The generated classes: `messages::WebSocketMessage`, `messages::TaskAssign` and the others of
/// proto/distworker.proto.
namespace messages = kr::jclab::distworker::protocol;

/// Levels of nested messages that parsing allows. A payload of 100 objects, the deepest the protocol has,
/// takes about 300; protobuf's default of 100 fails at 33 (protocol, section 4).
inline constexpr int message_recursion_limit = 320;

/// Parses one frame. It takes more than the engines do: `read_frame` also refuses repeated singular fields,
/// unusable task ids and payloads that are too deep (docs/wire_codec.md). Says why not in `read_frame`'s
/// words, since protobuf gives no reason; `task_id` points into `bytes`.
[[nodiscard]] std::expected<messages::WebSocketMessage, frame_error>
parse_message(std::span<const std::byte> bytes);

/// The bytes of a frame; equal messages give equal bytes (members of objects sorted by key). Nothing is
/// checked: `read_frame` refuses text that is not UTF-8, for one. At most 2 GiB, protobuf's own limit.
[[nodiscard]] std::vector<std::byte> serialize_message(const messages::WebSocketMessage& message);

/// The payload behind a view, e.g. `task.input()`. Nothing when protobuf cannot read it, which does not
/// happen to what an engine handed out.
[[nodiscard]] std::optional<google::protobuf::Struct> to_struct(const object_view& object);

/// An object as a Struct, null as an empty one; nothing for any other value. Of equal keys the last one
/// counts.
[[nodiscard]] std::optional<google::protobuf::Struct> to_struct(const value& object);
/// Any value as a Value.
[[nodiscard]] google::protobuf::Value to_message(const value& content);

/// Members are sorted by key: a protobuf map has no order. A Value of no kind is null.
[[nodiscard]] value to_value(const google::protobuf::Struct& object);
[[nodiscard]] value to_value(const google::protobuf::Value& content);

/// Writes a Struct's members into an answer (`outcome_writer::result()`), sorted by key. What the controller
/// could not keep is told by `out.fault()`.
void write_members(value_writer& out, const google::protobuf::Struct& object);

} // namespace distworker
