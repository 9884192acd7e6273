// The states of a worker engine, the moves between them and what each move does, as data.
//
// The engine dispatches from this table and from nothing else; a test takes every row and tries every other
// pair, and the diagram in docs/engine.md is drawn from it. What is not in it is no transition: the event is
// answered where it arrives and changes nothing.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace distworker {

/// Where an engine is in its life.
enum class engine_state : std::uint8_t {
    stopped,     ///< Before `start`, and at the end. At the end nothing leads out of it.
    connecting,  ///< A connection is being made: name, TCP, TLS, upgrade.
    registering, ///< Connected; REGISTER is due, or its answer is.
    ready,       ///< Registered, no task.
    busy,        ///< Registered, one task runs.
    draining,    ///< Ending in order: nothing new is taken, what runs is finished, outcomes are receipted.
    closing,     ///< The closing handshake is under way.
    backoff,     ///< Between two connections.
    paused,      ///< Without a connection until `resume` or `stop`.
};
/// How many there are.
inline constexpr std::size_t engine_states = 9;

/// What makes an engine move.
enum class engine_event : std::uint8_t {
    started,    ///< The application called `start`, or `resume`.
    put_off,    ///< It did, and the attempt has to wait.
    opened,     ///< The upgrade is complete.
    registered, ///< The answer to REGISTER, or what proves it.
    task_began, ///< A task was accepted, or goes on in a new connection of its session.
    task_ended, ///< Its outcome is queued, or it was given up; without a connection in a stable session.
    drain,      ///< The application, idle time or a fatal condition ends the connection in order.
    carry_on,   ///< `resume` before the drain of a pause was over.
    close,      ///< We end the connection.
    ended,      ///< The connection is over, another one will follow.
    halted,     ///< The connection, or the wait for one, is over, and the application wants a pause.
    retry,      ///< The wait is over.
    finished,   ///< It is all over.
};
/// How many there are.
inline constexpr std::size_t engine_events = 13;

/// What the engine does as it moves.
enum class engine_action : std::uint8_t {
    none,      ///< Nothing but the move itself.
    dial,      ///< A new generation: ask for a connection, start its deadline.
    introduce, ///< Ask for REGISTER to be signed and sent; listen for silence.
    join,      ///< Start the heartbeat and what depends on a registration.
    work,      ///< The slot is not idle any more.
    rest,      ///< Idle from now on.
    hang_up,   ///< Stop the connection's deadlines, start that of the closing handshake.
    wait,      ///< Forget the connection; start the wait for the next attempt.
    sleep,     ///< Forget the connection.
    finish,    ///< Hand everything back and stop every deadline.
};

/// One row of the table: in `from`, `event` leads to `to` by `action`.
struct engine_transition {
    /// A pair of `from` and `event` stands in one row at most.
    engine_state from;
    engine_event event;
    engine_state to;
    engine_action action;
};

// clang-format off
/// The table from which the engine dispatches.
inline constexpr auto engine_transitions = [] {
    using s = engine_state;
    using e = engine_event;
    using a = engine_action;
    return std::to_array<engine_transition>({
        {s::stopped,     e::started,    s::connecting,  a::dial},
        {s::stopped,     e::put_off,    s::backoff,     a::wait},
        {s::connecting,  e::opened,     s::registering, a::introduce},
        {s::connecting,  e::task_ended, s::connecting,  a::rest},
        {s::connecting,  e::ended,      s::backoff,     a::wait},
        {s::connecting,  e::halted,     s::paused,      a::sleep},
        {s::connecting,  e::finished,   s::stopped,     a::finish},
        {s::registering, e::registered, s::ready,       a::join},
        {s::registering, e::task_ended, s::registering, a::rest},
        {s::registering, e::close,      s::closing,     a::hang_up},
        {s::registering, e::ended,      s::backoff,     a::wait},
        {s::registering, e::finished,   s::stopped,     a::finish},
        {s::ready,       e::task_began, s::busy,        a::work},
        {s::ready,       e::drain,      s::draining,    a::work},
        {s::ready,       e::close,      s::closing,     a::hang_up},
        {s::ready,       e::ended,      s::backoff,     a::wait},
        {s::ready,       e::finished,   s::stopped,     a::finish},
        {s::busy,        e::task_ended, s::ready,       a::rest},
        {s::busy,        e::drain,      s::draining,    a::work},
        {s::busy,        e::close,      s::closing,     a::hang_up},
        {s::busy,        e::ended,      s::backoff,     a::wait},
        {s::busy,        e::finished,   s::stopped,     a::finish},
        {s::draining,    e::task_ended, s::draining,    a::rest},
        {s::draining,    e::carry_on,   s::ready,       a::none},
        {s::draining,    e::close,      s::closing,     a::hang_up},
        {s::draining,    e::halted,     s::paused,      a::sleep},
        {s::draining,    e::finished,   s::stopped,     a::finish},
        {s::closing,     e::task_ended, s::closing,     a::rest},
        {s::closing,     e::ended,      s::backoff,     a::wait},
        {s::closing,     e::halted,     s::paused,      a::sleep},
        {s::closing,     e::finished,   s::stopped,     a::finish},
        {s::backoff,     e::retry,      s::connecting,  a::dial},
        {s::backoff,     e::task_ended, s::backoff,     a::rest},
        {s::backoff,     e::halted,     s::paused,      a::sleep},
        {s::backoff,     e::finished,   s::stopped,     a::finish},
        {s::paused,      e::started,    s::connecting,  a::dial},
        {s::paused,      e::put_off,    s::backoff,     a::wait},
        {s::paused,      e::task_ended, s::paused,      a::rest},
        {s::paused,      e::finished,   s::stopped,     a::finish},
    });
}();
// clang-format on

/// The row of an event in a state; null when that is no transition.
[[nodiscard]] constexpr const engine_transition* find_transition(engine_state from,
                                                                 engine_event event) noexcept {
    constexpr auto places = [] {
        std::array<std::array<std::uint8_t, engine_events>, engine_states> rows{};
        for (std::size_t i = 0; i < engine_transitions.size(); ++i) {
            const engine_transition& row = engine_transitions[i];
            rows[static_cast<std::size_t>(row.from)][static_cast<std::size_t>(row.event)] =
                static_cast<std::uint8_t>(i + 1);
        }
        return rows;
    }();
    const std::uint8_t place = places[static_cast<std::size_t>(from)][static_cast<std::size_t>(event)];
    return place == 0 ? nullptr : &engine_transitions[place - 1U];
}

[[nodiscard]] const char* to_string(engine_state state) noexcept;
[[nodiscard]] const char* to_string(engine_event event) noexcept;
[[nodiscard]] const char* to_string(engine_action action) noexcept;

} // namespace distworker
