// What a `controller_engine` asks of its host, and what it tells: taken one at a time from `poll()`.
//
// `send_message`, `send_ping`, `end_connection`, `hold_reading`, `read_on` and `store_record` are to be done;
// `task_event`, `wait_over` and `controller_note` are to be known; `controller_idle` ends the round.
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
    connection_id connection{}; ///< To whom.
    shared_bytes message;       ///< One whole frame.
};

/// Send a WebSocket ping with an empty payload. May be skipped while the last one is not written out yet.
struct send_ping {
    connection_id connection{}; ///< Whose link is tested.
};

/// End the TCP connection at once, without a close frame (protocol, section 1). The engine has forgotten it
/// already; a later `disconnected` for it is fine and does nothing.
struct end_connection {
    connection_id connection{}; ///< Already unknown to the engine.
};

/// Read nothing more from this connection, control frames included, until `read_on`: its last message is
/// processed only when it is stored, and a ping behind it may not be answered before (a worker takes the pong
/// for its receipt). What is received nonetheless is processed, too early.
struct hold_reading {
    connection_id connection{}; ///< Whose peer has to wait.
};

/// Undoes `hold_reading`.
struct read_on {
    connection_id connection{}; ///< Whose bytes may come again.
};

/// Keep the task's record, or forget it. Take what you keep from `task` before the next call to the engine.
/// Then, in any grouping: `controller_engine::stored`.
struct store_record {
    /// What is to be done with it.
    enum class action : std::uint8_t {
        put,  ///< Insert it, or replace the one of that id.
        erase ///< Forget the one of that id: too many have finished since.
    };
    std::uint64_t serial = 0;                ///< Grows by one.
    action what{};                           ///< Which of them.
    std::shared_ptr<const task_record> task; ///< As it is now, whole; never null.
};

/// A wait ended: for the reason that it was for, or because its deadline passed (`task` tells).
struct wait_over {
    wait_id wait{};                          ///< As `controller_engine::wait` gave it; it is used up.
    std::shared_ptr<const task_record> task; ///< As it is now; never null.
};

/// Something happened to a task; each task's events come in order.
struct task_event {
    /// What happened.
    enum class kind : std::uint8_t {
        assigned, ///< Sent to a worker.
        requeued, ///< Waits to run again: it failed, or its worker is gone.
        progress, ///< `task->progress` is new.
        data,     ///< `data` is the next item of the task's stream.
        ended,    ///< Finished: `task` holds the result or the error.
    };
    kind what{};                             ///< Which of them.
    std::shared_ptr<const task_record> task; ///< As it is after the event; never null.
    encoded_object data;                     ///< Empty but for `data`.
};

/// What is worth a line in a log. Each kind is counted.
enum class note_kind : std::uint8_t {
    worker_registered, ///< A registration was accepted.
    worker_gone,       ///< A registered worker's connection ended.
    task_stranded,     ///< ... with a task: it stays `processing` (protocol, section 4).
    refused,           ///< A registration that was not accepted; the peer is not told why.
    timed_out,         ///< A deadline of the connection passed.
    message_too_large, ///< Ends the connection.
    malformed,         ///< A message that cannot be used; ignored.
    text_ignored,      ///< A text message.
    unexpected,        ///< A message that has no place here, such as a second registration; ignored.
    not_owner,         ///< Progress or an outcome for a task that this connection does not own; refused.
    second_outcome,    ///< An outcome for a task that had one: taken in faithful mode, ignored in ideal mode.
    outcome_lost,      ///< An outcome that cannot be kept; the task stays `processing`.
    sender_stuck,      ///< Faithful: an assignment took over 3 s; nothing more goes to this connection.
    ghost,             ///< Faithful: a registered connection that will never get a task.
    replaced,          ///< Ideal: a session registered on another connection; this one is ended.
    returned,          ///< Ideal: a session is back after its connection ended.
    task_put_back,     ///< Ideal: the task's worker is gone; it waits for another.
    task_timed_out,    ///< Ideal: its time and the grace are over.
};
/// How many kinds of note there are.
inline constexpr std::size_t note_kinds = 18;

[[nodiscard]] const char* to_string(note_kind kind) noexcept;

/// Something that was noted, with whom it is about.
struct controller_note {
    note_kind what{};           ///< Which kind of thing.
    connection_id connection{}; ///< Where it happened, even if it has ended since.
    std::string worker_id;      ///< Empty before registration.
    std::string text;           ///< Details, safe to log; holds no secret.
};

/// How often each kind of note was made.
struct controller_counters {
    std::array<std::uint64_t, note_kinds> notes{}; ///< By `note_kind`.
    /// Those of one kind.
    [[nodiscard]] std::uint64_t operator[](note_kind kind) const noexcept {
        return notes[static_cast<std::size_t>(kind)];
    }
};

/// Nothing more to do before `deadline` (`never`: before the next input).
struct controller_idle {
    monotonic_time deadline = never; ///< When to call `tick` at the latest.
};

/// What `controller_engine::poll` gives.
using controller_output = std::variant<controller_idle, send_message, send_ping, end_connection, hold_reading,
                                       read_on, store_record, task_event, wait_over, controller_note>;

} // namespace distworker
