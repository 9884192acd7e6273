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
    std::string queue; ///< Exact name, 1 byte to 1 KiB of UTF-8 without NUL.
    value metadata;
    value input;
    std::int64_t timeout_ms = 0; ///< Told to the worker; enforced here in ideal mode only; 0: none.
    std::uint32_t max_retry = 0; ///< How often a failed task is run again.
};

/// Why a call was refused: the field and what is wrong with it, in words for its sender.
struct request_fault {
    std::string field;
    std::string problem;
    [[nodiscard]] std::string to_string() const { return field + ": " + problem; }
};

/// As the HTTP API names them. `completed` is a finished task whose webhook is still to be called.
enum class task_status : std::uint8_t { pending, processing, completed, finished };

[[nodiscard]] const char* to_string(task_status status) noexcept;

/// How a task failed, in the worker's words, or `CANCELLED`.
struct task_failure {
    std::string code;
    std::string message;
    encoded_object details;
};

/// The latest that a worker told.
struct task_progress {
    float fraction = 0; ///< 0.0 to 1.0.
    std::string message;
    wall_time updated_at{};
};

/// A file of a result. Text from the worker: never a path to trust.
struct task_file {
    std::string file_id;
    std::string filename;
    std::string content_type;
    std::int64_t size = 0;
    std::string storage_url;
};

/// One task. Shared by the engine, which changes it, and by whoever got it from an event or a getter, who
/// only reads; single-threaded like the engine.
struct task_record {
    std::string id; ///< UUIDv7 (RFC 9562); a retry keeps it.
    std::string queue;
    encoded_object metadata;
    encoded_object input;
    std::int64_t timeout_ms = 0;
    std::uint32_t max_retry = 0;
    std::uint32_t retried = 0;
    task_status status = task_status::pending;
    std::string worker_id; ///< Who has it or had it last; empty before.
    wall_time created_at{};
    std::optional<wall_time> started_at;
    std::optional<wall_time> completed_at;
    std::optional<task_progress> progress;
    std::optional<encoded_object> result;
    std::vector<task_file> result_files;
    std::optional<task_failure> error; ///< Set in a finished task that failed or was cancelled.
};

} // namespace distworker
