// What a `controller_engine` asks of its host, and what it tells: taken one at a time from `poll()`.
//
// `send_message`, `send_ping` and `end_connection` are to be done; `task_event` and `controller_note` are to
// be known; `controller_idle` ends the round.
#pragma once

#include <distworker/controller_task.hpp>

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

namespace distworker {

/// Send one binary message. One at a time for each connection: the next comes after `sent`.
struct send_message {
    connection_id connection{};
    shared_bytes message;
};

/// Send a WebSocket ping with an empty payload. May be skipped while the last one is not written out yet.
struct send_ping {
    connection_id connection{};
};

/// End the TCP connection at once, without a close frame (protocol, section 1). The engine has forgotten it
/// already; a later `disconnected` for it is fine and does nothing.
struct end_connection {
    connection_id connection{};
};

/// Something happened to a task; each task's events come in order.
struct task_event {
    enum class kind : std::uint8_t {
        assigned, ///< Sent to a worker.
        requeued, ///< Failed, and waits to run again.
        progress, ///< `task->progress` is new.
        data,     ///< `data` is the next item of the task's stream.
        ended,    ///< Finished: `task` holds the result or the error.
    };
    kind what{};
    std::shared_ptr<const task_record> task;
    encoded_object data;
};

/// What is worth a line in a log. Each kind is counted.
enum class note_kind : std::uint8_t {
    worker_registered,
    worker_gone,       ///< A registered worker's connection ended.
    task_stranded,     ///< ... with a task: it stays `processing` (protocol, section 4).
    refused,           ///< A registration that was not accepted; the peer is not told why.
    timed_out,         ///< A deadline of the connection passed.
    message_too_large, ///< Ends the connection.
    malformed,         ///< A message that cannot be used; ignored.
    text_ignored,      ///< A text message.
    unexpected,        ///< A message that has no place here, such as a second registration; ignored.
    not_owner,         ///< Progress or an outcome for a task that this connection does not own; refused.
    second_outcome,    ///< An outcome for a task that had one; taken, as the deployed controller does.
    outcome_lost,      ///< An outcome that cannot be kept; the task stays `processing`.
};
inline constexpr std::size_t note_kinds = 12;

[[nodiscard]] const char* to_string(note_kind kind) noexcept;

struct controller_note {
    note_kind what{};
    connection_id connection{};
    std::string worker_id; ///< Empty before registration.
    std::string text;      ///< Details, safe to log; holds no secret.
};

/// How often each kind of note was made.
struct controller_counters {
    std::array<std::uint64_t, note_kinds> notes{};
    [[nodiscard]] std::uint64_t operator[](note_kind kind) const noexcept {
        return notes[static_cast<std::size_t>(kind)];
    }
};

/// Nothing more to do before `deadline` (`never`: before the next input).
struct controller_idle {
    monotonic_time deadline = never;
};

using controller_output =
    std::variant<controller_idle, send_message, send_ping, end_connection, task_event, controller_note>;

} // namespace distworker
