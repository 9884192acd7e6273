// A task as the controller keeps it: what was asked for, how far it is, how it ended (protocol, section 6).
//
// `task_spec` goes into `controller_engine::submit`, a `task_record` comes out of its getters and events.
// Workers never meet these: they have `assigned_task`.
#pragma once

#include <distworker/byte_buffer.hpp>
#include <distworker/time.hpp>
#include <distworker/value.hpp>
#include <distworker/value_writer.hpp>

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace distworker {

/// Names one connection; the host gives the numbers and never uses one twice.
using connection_id = std::uint64_t;

/// Names one wait for a task.
using wait_id = std::uint64_t;

/// A JSON object in its wire form: checked once, then read in place and sent on without another encoding.
/// Immutable; copies share the bytes.
class encoded_object {
public:
    /// Empty.
    encoded_object() = default;

    /// Encodes an object (null: an empty one). Fails on what the controller could not keep: nesting deeper
    /// than `max_depth`, a number that is not finite, a key with NUL, text that is not UTF-8, more than
    /// `max_document_bytes` as BSON. `name` begins the path that the fault tells.
    [[nodiscard]] static std::expected<encoded_object, write_fault>
    encode(const value& object, std::string_view name, std::size_t max_depth);
    /// The same for an object off the wire.
    [[nodiscard]] static std::expected<encoded_object, write_fault>
    encode(const object_view& object, std::string_view name, std::size_t max_depth);

    /// Valid as long as this object or a copy of it lives.
    [[nodiscard]] object_view view() const noexcept { return object_view{bytes_.bytes()}; }
    /// Size as a BSON document.
    [[nodiscard]] std::size_t document_bytes() const noexcept { return document_bytes_; }

private:
    template <typename Object>
    static std::expected<encoded_object, write_fault>
    encode_members(const Object& object, std::string_view name, std::size_t max_depth);
    shared_bytes bytes_;
    std::size_t document_bytes_ = 0;
};

/// What is asked for. Payloads are objects or null.
struct task_spec {
    std::string queue;           ///< Exact name, 1 byte to 1 KiB of UTF-8 without NUL.
    value metadata;              ///< About the task, for whoever runs it.
    value input;                 ///< What to work on.
    std::int64_t timeout_ms = 0; ///< Told to the worker; enforced here in ideal mode only; 0: none.
    std::uint32_t max_retry = 0; ///< How often a failed task is run again.
};

/// Why a call was refused: the field and what is wrong with it, in words for its sender.
struct request_fault {
    std::string field;   ///< The one that is wrong, by its name or path.
    std::string problem; ///< What is wrong with it.
    /// Both, with a colon between them.
    [[nodiscard]] std::string to_string() const { return field + ": " + problem; }
};

/// As the HTTP API names them. `completed` is a finished task whose webhook is still to be called.
enum class task_status : std::uint8_t {
    pending,    ///< Waits for a worker.
    processing, ///< A worker has it.
    completed,  ///< Unused by this engine, whose tasks have no webhooks.
    finished    ///< It has a result or an error.
};

[[nodiscard]] const char* to_string(task_status status) noexcept;

/// How a task failed, in the worker's words, or `CANCELLED`.
struct task_failure {
    std::string code;       ///< One of `error_code`, or any text of the worker's.
    std::string message;    ///< For people.
    encoded_object details; ///< Empty when there are none.
};

/// The latest that a worker told.
struct task_progress {
    float fraction = 0;     ///< 0.0 to 1.0.
    std::string message;    ///< For people; may be empty.
    wall_time updated_at{}; ///< By the controller's wall clock.
};

/// A file of a result. Text from the worker: never a path to trust.
struct task_file {
    std::string file_id;      ///< The worker's name for it.
    std::string filename;     ///< Without a path, from a worker that keeps the rules.
    std::string content_type; ///< Media type, such as image/png.
    std::int64_t size = 0;    ///< Bytes, as claimed.
    std::string storage_url;  ///< Where it was uploaded to.
};

/// One task. Shared by the engine, which changes it, and by whoever got it from an event or a getter, who
/// only reads; single-threaded like the engine.
struct task_record {
    std::string id;                            ///< UUIDv7 (RFC 9562); a retry keeps it.
    std::string queue;                         ///< As it was submitted; so are the four below.
    encoded_object metadata;                   ///< Empty when none was given.
    encoded_object input;                      ///< Empty when none was given.
    std::int64_t timeout_ms = 0;               ///< 0: none.
    std::uint32_t max_retry = 0;               ///< How often it may run again after a failure.
    std::uint32_t retried = 0;                 ///< How often it has been run again.
    task_status status = task_status::pending; ///< Which of the fields below mean something.
    std::string worker_id;                     ///< Who has it or had it last; empty before.
    wall_time created_at{};                    ///< When it was submitted; wall clock, as the two below.
    std::optional<wall_time> started_at;       ///< When it was last sent to a worker; nothing while it waits.
    std::optional<wall_time> completed_at;     ///< Nothing before it has finished.
    std::optional<task_progress> progress;     ///< The latest of this run; nothing before the first.
    std::optional<encoded_object> result;      ///< Set in a finished task that succeeded.
    std::vector<task_file> result_files;       ///< Those of the result.
    std::optional<task_failure> error;         ///< Set in a finished task that failed or was cancelled.
};

} // namespace distworker
