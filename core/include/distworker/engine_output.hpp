// Everything that a worker engine tells its driver, one at a time, from `worker_engine::poll`.
//
//     std::visit(overloaded{[&](output::connect& c) { … }, [&](output::send& s) { … }, …}, engine.poll(now));
//
// `output::idle` ends a drain of the engine: nothing more comes until an input, or until its deadline.
#pragma once

#include <distworker/assigned_task.hpp>
#include <distworker/connection_end.hpp>
#include <distworker/controller_url.hpp>
#include <distworker/delivery.hpp>
#include <distworker/engine_state.hpp>
#include <distworker/outcome.hpp>
#include <distworker/overloaded.hpp>
#include <distworker/time.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <variant>

namespace distworker {

/// Why the engine wants to be woken. Each names one timer; design notes in `docs/architecture.md`.
enum class deadline_reason : std::uint8_t {
    connect,          ///< Name, TCP, TLS and upgrade must be done.
    registration,     ///< REGISTER must be answered.
    heartbeat,        ///< The next heartbeat is due.
    silence_probe,    ///< Nothing came for long: ask with a ping.
    silence,          ///< Nothing came for too long: the link is dead.
    deaf,             ///< The controller's own pings stopped: its sender is stuck.
    message_stall,    ///< An unfinished message gets no further bytes.
    close,            ///< The closing handshake must be done.
    receipt_due,      ///< Outcomes were written; ask whether they were processed.
    receipt_retry,    ///< Ask again.
    receipt_deadline, ///< No receipt: the link is as good as dead.
    progress,         ///< A progress update waits for its turn.
    task_timeout,     ///< The running task's `timeout_ms` passes.
    stop_grace,       ///< A task that was asked to stop must have ended.
    drain_stop,       ///< While draining: ask the running task to stop.
    drain_answer,     ///< While draining: answer for a task that has not ended.
    drain_end,        ///< While draining: end, whatever is left.
    idle_exit,        ///< Nothing ran for the controller's `idle_time`.
    reconnect,        ///< The next attempt.
    stable,           ///< The registration has lasted: forget failed attempts.
    register_hold,    ///< A handler of the lost connection has had its time; register again.
    memory,           ///< Something could not be done for want of memory: try again.
};
/// How many reasons there are.
inline constexpr std::size_t deadline_reasons = 22;

/// Why a task is asked to stop.
enum class stop_reason : std::uint8_t {
    timeout,         ///< Its `timeout_ms` passed. Whatever it returns is discarded, TIMEOUT is answered.
    connection_lost, ///< The connection that brought it is gone: nobody waits for the answer any more.
    shutdown,        ///< The worker is ending; what is returned in time still counts.
};

/// How sure it is that the controller did not get an outcome.
enum class certainty : std::uint8_t {
    not_sent,        ///< It never left, or not completely.
    maybe_processed, ///< It was written, but there is no receipt.
};

/// Why a worker ended.
enum class end_reason : std::uint8_t {
    stop_requested,     ///< `stop()`.
    signal,             ///< SIGINT or SIGTERM, or the process ends.
    idle,               ///< Nothing ran for the controller's `idle_time`: scaled down.
    attempts_exhausted, ///< `max_reconnect_attempts` attempts in a row failed.
    session_gone,       ///< A provisioned worker's session has ended; it cannot come back.
    stuck_handlers,     ///< Too many handlers ignore their stop request.
};

/// How long an orderly end may take. A duration alone is the drain's.
struct stop_limits {
    /// With a limit of its own for the closing handshake.
    constexpr stop_limits(std::chrono::nanoseconds for_drain,
                          std::optional<std::chrono::nanoseconds> for_close) noexcept
        : drain{for_drain}, close{for_close} {}
    /// For the drain alone, in any unit of time.
    template <typename Rep, typename Period>
    constexpr stop_limits(std::chrono::duration<Rep, Period> for_drain) noexcept : drain{for_drain} {}

    /// Until running tasks are answered for, and what has no receipt is handed back.
    std::chrono::nanoseconds drain;
    /// For the closing handshake after that. Empty: the configuration's `close_timeout`.
    std::optional<std::chrono::nanoseconds> close;
};
/// What a provisioner leaves a process between SIGINT and SIGKILL: 5 s (protocol, section 3).
inline constexpr stop_limits provisioned_interrupt{std::chrono::seconds{4}, std::chrono::milliseconds{500}};

/// The judged end of one connection.
struct connection_end {
    /// Who or what ended it.
    end_cause cause = end_cause::transport;
    /// Cause and, where there is one, the next step, in words; never a secret.
    std::string detail;
    /// The end came between REGISTER and its answer: the controller may not want this worker. The likely
    /// causes are, in this order: token, clock, provisioner, worker id.
    bool before_answer = false;
    /// When the next attempt starts; `never` when there is none.
    monotonic_time retry_at = never;

    [[nodiscard]] friend bool operator==(const connection_end&, const connection_end&) = default;
};

/// Why a call was refused. Nothing changed; never fatal.
enum class misuse : std::uint8_t {
    stale_delivery, ///< That delivery has its answer, or was given up. The answer was discarded.
    would_block,    ///< The stream queue is full, or there is no memory for it.
    invalid_value,  ///< Not a number, an empty outcome or item, or text that is not UTF-8.
    not_in_state,   ///< The call makes no sense now: `start` twice, `stop` before `start`.
    unknown_slot,   ///< A group has no such slot.
};

[[nodiscard]] const char* to_string(deadline_reason reason) noexcept;
[[nodiscard]] const char* to_string(stop_reason reason) noexcept;
[[nodiscard]] const char* to_string(certainty how_sure) noexcept;
[[nodiscard]] const char* to_string(end_reason reason) noexcept;
[[nodiscard]] const char* to_string(misuse what) noexcept;

namespace output {

/// Open a connection, and report it by this generation.
struct connect {
    const controller_url* url; ///< Lives as long as the configuration.
    std::uint32_t generation;  ///< Of the new connection; goes with each event of it.
};
/// Send one binary message. `bytes` stay put until `sent` or the connection's end; no other send before.
struct send {
    std::uint32_t generation;         ///< The connection that carries it.
    std::span<const std::byte> bytes; ///< One whole frame; never empty.
};
/// Send a ping, behind everything sent before.
struct ping {
    std::uint32_t generation;          ///< The connection that carries it.
    std::array<std::byte, 16> payload; ///< Of this ping alone: its pong proves what was sent before.
};
/// Start the closing handshake; report `closed` when it is done.
struct close {
    std::uint32_t generation; ///< The connection to close.
    std::uint16_t code;       ///< 1000: in order; 1001: going away; 1002, 1003, 1008: the peer's fault.
};
/// Drop the connection now. Its end is already told; nothing needs to be reported.
struct abort {
    std::uint32_t generation; ///< The connection to drop.
};
/// Run this task.
struct assigned {
    assigned_task task; ///< Held, or a copy of it, for as long as it runs.
};
/// Ask a running task to stop.
struct stop_task {
    delivery task;      ///< As `assigned` named it.
    stop_reason reason; ///< For its handler.
};
/// The stream of this task takes items again.
struct writable {
    delivery task; ///< Whose `stream` was answered `would_block`.
};
/// An outcome that the controller did not get, or may not have got. A serial of 0 in `task` marks a refusal
/// that the engine wrote itself.
struct undeliverable {
    outcome answer;     ///< The application's from here on; `read` tells what it says.
    delivery task;      ///< Whose outcome it is.
    certainty how_sure; ///< Whether it may have arrived all the same.
};
/// A heartbeat is next: call `set_usage` now if the figures should be fresh.
struct sample_wanted {};
/// The engine is in another state than it told last.
struct state_changed {
    engine_state state; ///< The new one.
};
/// A connection ended. Exactly one for each `connect`.
struct disconnected {
    std::uint32_t generation; ///< As `connect` had it.
    connection_end end;       ///< Cause, and when the next attempt is.
};
/// It is all over; the last output.
struct stopped {
    end_reason reason; ///< What ended the engine.
};
/// Nothing more until an input, or until `deadline` (`never`: no deadline).
struct idle {
    monotonic_time deadline = never; ///< When to call `poll` or `tick` at the latest.
    deadline_reason reason{};        ///< Which timer it is; means nothing at `never`.
};

} // namespace output

/// What `worker_engine::poll` gives.
using engine_output =
    std::variant<output::idle, output::connect, output::send, output::ping, output::close, output::abort,
                 output::assigned, output::stop_task, output::writable, output::undeliverable,
                 output::sample_wanted, output::state_changed, output::disconnected, output::stopped>;

/// True for the output that ends a drain.
[[nodiscard]] inline bool is_idle(const engine_output& out) noexcept {
    return std::holds_alternative<output::idle>(out);
}

} // namespace distworker
