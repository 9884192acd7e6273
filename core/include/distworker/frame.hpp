// The seven frames of the protocol: reading what a peer sent, writing what goes out (protocol, section 2).
//
// Reading validates once and gives views into the message; nothing is copied. A frame that cannot be used
// is a `frame_error`, which says whether it is a strike (counted, ignored) or names the task that must be
// refused. Used by both engines; applications meet tasks and outcomes instead.
#pragma once

#include <distworker/byte_buffer.hpp>
#include <distworker/value_view.hpp>
#include <distworker/wire_writer.hpp>

#include <cstddef>
#include <cstdint>
#include <expected>
#include <iterator>
#include <span>
#include <string_view>
#include <variant>

namespace distworker {

/// `MessageType` of the wire.
enum class frame_type : std::int32_t {
    unspecified = 0,              ///< No message is of this type: a strike.
    worker_register = 2,          ///< To the controller, first on each connection.
    worker_register_response = 3, ///< To the worker: accepted. A refusal has no frame, the connection ends.
    heartbeat = 9,      ///< To the controller, after registration and then every `heartbeat_interval`.
    task_assign = 10,   ///< To the worker: run this task.
    task_progress = 11, ///< To the controller, while it runs: how far, or an item of its stream.
    task_complete = 12, ///< To the controller: the result. This or TASK_FAILED ends an assignment.
    task_failed = 13,   ///< To the controller: no result, for a reason; or the assignment is refused.
};

/// `WorkerHealth` of the wire.
enum class worker_health : std::uint8_t {
    unspecified = 0, ///< What a value that there is not is read as.
    up = 1,          ///< All is well.
    down = 2,        ///< No use for tasks; of a group: `max_stuck` handlers are stuck.
    warn = 3         ///< Works, but not well; of a group: some handler is stuck.
};

/// How much of the host is in use, as heartbeats report it.
struct resource_usage {
    float cpu_percent = 0;           ///< 0 to 100, over all cores.
    std::int64_t memory_used_mb = 0; ///< MiB.
    float gpu_utilization = 0;       ///< 0 to 100.
};

/// A file that belongs to a task or a result. Text from the peer: never a path to trust.
struct file_view {
    std::string_view file_id;      ///< The sender's name for it.
    std::string_view filename;     ///< Without a path, from a sender that keeps the rules.
    std::string_view content_type; ///< Media type, such as image/png.
    std::int64_t size = 0;         ///< Bytes, as claimed.
    std::string_view storage_url;  ///< Where it lies; a presigned one needs no signature of ours.
};

/// The files of a task or a result, read where they lie in the frame.
class file_list_view {
public:
    /// Walks the files, one read of each. Valid as long as the bytes are; the view may go.
    class iterator {
    public:
        using value_type = file_view;
        using difference_type = std::ptrdiff_t;

        iterator() noexcept : fields_{{}} {}
        iterator(std::span<const std::byte> body, std::uint32_t field_id) noexcept
            : fields_{body}, field_id_{field_id} {
            ++*this;
        }
        file_view operator*() const noexcept;
        iterator& operator++() noexcept;
        void operator++(int) noexcept { ++*this; }
        friend bool operator==(const iterator& it, std::default_sentinel_t) noexcept { return it.done_; }

    private:
        wire::reader fields_;
        std::uint32_t field_id_ = 0;
        bool done_ = true;
        std::span<const std::byte> file_;
    };

    file_list_view() = default;
    /// `body` is the payload whose fields of this number are the files; it outlives the view.
    file_list_view(std::span<const std::byte> body, std::uint32_t field_id) noexcept
        : body_{body}, field_id_{field_id} {}
    /// Files in wire order, each read as the loop comes to it.
    [[nodiscard]] iterator begin() const noexcept { return {body_, field_id_}; }
    [[nodiscard]] static std::default_sentinel_t end() noexcept { return {}; }
    [[nodiscard]] bool empty() const noexcept { return begin() == end(); }

private:
    std::span<const std::byte> body_;
    std::uint32_t field_id_ = 0;
};

/// REGISTER_RESPONSE: the registration was accepted.
struct register_response_view {
    std::int32_t idle_time = 0; ///< Seconds; 0 or less: stay for ever.
};

/// TASK_ASSIGN: a task to run.
struct task_assign_view {
    std::string_view task_id;       ///< 1 byte to 1 KiB of UTF-8; opaque, never a path.
    std::string_view queue;         ///< Exact name, not empty.
    object_view metadata;           ///< About the task; may be empty.
    object_view input;              ///< What to work on; may be empty.
    std::int64_t timeout_ms = 0;    ///< 0 or less: none.
    file_list_view files;           ///< In wire order; may be empty.
    std::size_t document_bytes = 0; ///< Metadata and input as BSON.
};

/// The signed part of a registration, and the signature over exactly these bytes.
struct worker_register_view {
    std::span<const std::byte> data;      ///< For `read_signed_register`; proven by the signature alone.
    std::span<const std::byte> signature; ///< 32 bytes, from a worker that keeps the rules.
};
/// What a registration signs: who registers, when, and from what machine.
struct signed_register_view {
    std::string_view provisioner; ///< By name: whose token signs, whose queues are served.
    std::string_view worker_id;   ///< Empty: an anonymous worker.
    std::string_view date;        ///< As `signing_date` makes it; it picks the day's key.
    std::string_view hostname;    ///< Empty: unknown.
    std::int32_t cpu_cores = 0;   ///< 0: unknown.
    std::int64_t memory_mb = 0;   ///< MiB; 0: unknown.
    object_view additional;       ///< Further facts about the machine; may be empty.
};
/// HEARTBEAT: how a worker is.
struct heartbeat_view {
    std::int64_t timestamp_ms = 0;                     ///< The worker's wall clock, Unix milliseconds.
    worker_health health = worker_health::unspecified; ///< `unspecified` for a value that there is not.
    resource_usage usage;                              ///< Zero where it is unknown.
};
/// TASK_PROGRESS: how far a task is, and perhaps an item of its stream.
struct task_progress_view {
    std::string_view task_id; ///< Of the assignment.
    float progress = 0;       ///< 0 to 1 from a worker that keeps the rules; unchecked.
    std::string_view message; ///< For people; may be empty.
    bool has_data = false;    ///< An item is there, if only an empty one.
    object_view data;         ///< The item, relayed in order.
};
/// TASK_COMPLETE: the result.
struct task_complete_view {
    std::string_view task_id;       ///< Of the assignment.
    object_view result;             ///< An object; empty when there is none.
    file_list_view result_files;    ///< What the handler has uploaded.
    std::size_t document_bytes = 0; ///< Of the result, as BSON; no less than it is.
};
/// TASK_FAILED: no result, and why.
struct task_failed_view {
    std::string_view task_id;       ///< Of the assignment.
    std::string_view error_code;    ///< One of `error_code`, or any other text.
    std::string_view error_message; ///< For people.
    object_view error_details;      ///< May be empty.
};

/// Any of the seven messages.
using frame_view = std::variant<worker_register_view, register_response_view, heartbeat_view,
                                task_assign_view, task_progress_view, task_complete_view, task_failed_view>;

/// A message that cannot be used. With a `task_id` the peer gets one TASK_FAILED for it; without, a strike.
struct frame_error {
    std::string_view reason;  ///< Static text.
    std::string_view task_id; ///< Of an assignment; points into the message; empty when none can be used.
};

/// Longest task id that is answered, in bytes (protocol, introduction).
inline constexpr std::size_t max_task_id_bytes = 1024;

/// Reads one complete message. The view is valid as long as `message` is.
[[nodiscard]] std::expected<frame_view, frame_error> read_frame(std::span<const std::byte> message) noexcept;

/// Reads the signed part of a registration.
[[nodiscard]] std::expected<signed_register_view, frame_error>
read_signed_register(std::span<const std::byte> data) noexcept;

/// How much of an oversized message is worth keeping: the task id that must be refused is in it, or nowhere.
inline constexpr std::size_t salvage_bytes = 4096;

/// The task id of a damaged or oversized assignment, from the first `salvage_bytes` of its message; empty
/// when none can be used.
[[nodiscard]] std::string_view salvage_task_id(std::span<const std::byte> message) noexcept;

/// Writers of whole frames into an empty buffer.
void write_signed_register(byte_buffer& out, const signed_register_view& content);
void write_register(byte_buffer& out, std::span<const std::byte> data, std::span<const std::byte> signature);
void write_register_response(byte_buffer& out, std::int32_t idle_time);
void write_heartbeat(byte_buffer& out, const heartbeat_view& heartbeat);
/// Progress without data.
void write_progress(byte_buffer& out, std::string_view task_id, float progress, std::string_view message);
/// An assignment; payloads are copied from their views.
void write_task_assign(byte_buffer& out, const task_assign_view& task, std::span<const file_view> files = {});

namespace wire {

/// Starts the frame of a type: writes the type and opens its payload. `end_frame` closes both.
void begin_frame(writer& out, frame_type type);
void end_frame(writer& out);
/// Writes one FileInfo.
void write_file(writer& out, std::uint32_t field_id, const file_view& file);

/// Field numbers (protocol, section 2).
namespace assign_field {
inline constexpr std::uint32_t task_id = 1, queue = 2, metadata = 3, input = 4, timeout_ms = 5, files = 6;
}
namespace progress_field {
inline constexpr std::uint32_t task_id = 1, progress = 2, message = 3, data = 4;
}
namespace complete_field {
inline constexpr std::uint32_t task_id = 1, result = 2, result_files = 3;
}
namespace failed_field {
inline constexpr std::uint32_t task_id = 1, error_code = 2, error_message = 3, error_details = 4;
}

} // namespace wire

} // namespace distworker
