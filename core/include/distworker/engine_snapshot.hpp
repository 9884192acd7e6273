// The whole state of a worker engine or group at one moment: for status pages, logs, tests and questions.
//
// Plain values that nothing points into; take one with `snapshot()`, from the thread that drives the engine.
// `why_not_ready` puts it into words.
#pragma once

#include <distworker/connection_end.hpp>
#include <distworker/delivery.hpp>
#include <distworker/engine_output.hpp>
#include <distworker/engine_state.hpp>
#include <distworker/frame.hpp>
#include <distworker/time.hpp>
#include <distworker/worker_config.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace distworker {

/// What has happened so far; all only grow.
struct engine_counters {
    std::uint64_t connections = 0;       ///< Connections that were opened.
    std::uint64_t registrations = 0;     ///< Registrations that were answered (or proven).
    std::uint64_t assigned = 0;          ///< Deliveries accepted.
    std::uint64_t completed = 0;         ///< Outcomes queued, by kind.
    std::uint64_t failed = 0;            ///< Outcomes queued that are no results.
    std::uint64_t refused = 0;           ///< Assignments refused by the engine itself.
    std::uint64_t coalesced = 0;         ///< Second copies of a running task.
    std::uint64_t receipted = 0;         ///< Outcomes whose processing is proven.
    std::uint64_t undeliverable = 0;     ///< Outcomes handed back.
    std::uint64_t stale = 0;             ///< Answers to deliveries that had theirs.
    std::uint64_t timed_out = 0;         ///< Tasks whose timeout passed.
    std::uint64_t abandoned = 0;         ///< Tasks answered for: they did not end in time, or never began.
    std::uint64_t strikes = 0;           ///< Messages that meant nothing.
    std::uint64_t stale_events = 0;      ///< Events of older connections.
    std::uint64_t clock_steps_back = 0;  ///< Monotonic times that went back.
    std::uint64_t unanswered_starts = 0; ///< Registrations proven by an assignment alone.
    std::uint64_t lost_assignments = 0;  ///< Held assignments whose connection ended before they began.

    [[nodiscard]] friend bool operator==(const engine_counters&, const engine_counters&) = default;
};

/// The task that a slot runs.
struct task_snapshot {
    delivery name;                   ///< What its answers go by.
    std::string id;                  ///< The controller's name for it.
    std::string queue;               ///< That it came through.
    monotonic_time deadline = never; ///< By its `timeout_ms`.
    bool told = false;               ///< The application has been given it.
    bool stop_asked = false;         ///< Its handler has been asked to end, or is about to be.
    bool timed_out = false;          ///< Whatever comes back is discarded.
    double fraction = 0;             ///< The latest progress, 0 to 1.

    [[nodiscard]] friend bool operator==(const task_snapshot&, const task_snapshot&) = default;
};

struct engine_snapshot {
    monotonic_time at{};                                ///< Of the engine's last input.
    std::uint32_t slot = 0;                             ///< Counted from 0; of the group.
    engine_state state = engine_state::stopped;         ///< In words: `why_not_ready`.
    std::string controller;                             ///< Its URL, without a query.
    session_policy session = session_policy::anonymous; ///< The policy in force; never `automatic`.
    bool started = false;                               ///< `start` was called.
    bool pausing = false;                               ///< `pause` was called, and not undone by `resume`.
    std::optional<end_reason> ending;                   ///< What it ends for; nothing while it is to go on.

    // The connection
    std::uint32_t generation = 0;           ///< Connections that were asked for.
    bool register_sent = false;             ///< REGISTER has gone out on this connection.
    bool registered = false;                ///< It was answered, or proven by an assignment.
    std::int32_t idle_time = 0;             ///< The controller's, in seconds; 0: none.
    bool peer_pings = false;                ///< The controller has sent a ping of its own.
    bool deaf = false;                      ///< The controller's own pings stopped: to be replaced.
    std::uint32_t strikes = 0;              ///< Messages that meant nothing.
    std::uint64_t incoming = 0;             ///< Bytes of a message that is not complete.
    std::optional<connection_end> last_end; ///< Of the latest connection that ended.

    // Coming back
    std::uint32_t attempts = 0;    ///< Failed ones since the last stable session.
    std::uint32_t unanswered = 0;  ///< Ends in a row between REGISTER and its answer.
    std::uint32_t refusals = 0;    ///< In a row.
    bool was_registered = false;   ///< Ever, by any connection.
    bool held = false;             ///< Kept from connecting (`hold_connects`).
    monotonic_time next_attempt{}; ///< None begins before; of the past while there is a connection.

    // Tasks
    std::optional<task_snapshot> running; ///< The one task that was accepted and has no outcome yet.
    std::string held_task;   ///< Id of an assignment that has not begun; empty when there is none.
    std::size_t orphans = 0; ///< Handlers that run although their connection is gone.
    std::size_t stuck = 0;   ///< Handlers that were answered for and have not returned.

    // Outcomes, progress and what else waits to be written
    std::size_t queued = 0;       ///< Frames to be written.
    std::size_t written = 0;      ///< Outcomes without a receipt.
    std::size_t refused = 0;      ///< Refusals among both.
    std::size_t handed_back = 0;  ///< Outcomes that the application is still to be told of.
    std::size_t outbox_bytes = 0; ///< Of outcomes without a receipt.
    std::size_t stream_bytes = 0; ///< Of queued progress and stream items.
    std::uint64_t pings = 0;      ///< Receipts asked for on this connection.
    std::uint64_t pongs = 0;      ///< The last one that was answered.

    worker_health health = worker_health::up; ///< What the next heartbeat says, and `usage` too.
    resource_usage usage;                     ///< As `set_usage` gave it; zero before.
    std::array<monotonic_time, deadline_reasons> deadlines{}; ///< By `deadline_reason`; `never` when not set.
    engine_counters counters;                                 ///< Since the engine was made.

    /// One of `deadlines`; `never` when it is not set.
    [[nodiscard]] monotonic_time deadline(deadline_reason reason) const noexcept {
        return deadlines[static_cast<std::size_t>(reason)];
    }
};

/// Of a `worker_group`.
struct group_snapshot {
    std::vector<engine_snapshot> slots; ///< In the order of their numbers.
    bool paused = false;                ///< By `pause`, and not undone by `resume`.
    std::optional<std::uint32_t> probe; ///< The one slot that connects while the controller refuses.
    std::size_t stuck = 0;              ///< Handlers that were given up, over all slots.
    monotonic_time idle_exit = never;   ///< When all slots will have been idle for long enough to leave.
    engine_counters counters;           ///< The sum over all slots, those that were taken away included.
};

/// Why no task can come now, in words for a person, with what happens next; empty when one can or one runs.
[[nodiscard]] std::string why_not_ready(const engine_snapshot& slot);
/// The same for a group: empty when any slot is ready or busy.
[[nodiscard]] std::string why_not_ready(const group_snapshot& group);

} // namespace distworker
