// The states of a worker engine and the legal moves between them, as data.
//
// The engine moves only along this table; a test walks every row, and the documentation draws it. What is
// not in it is no transition: the event is answered where it arrives and changes nothing.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

namespace distworker {

enum class engine_state : std::uint8_t {
    stopped,     ///< Before `start`, and at the end. At the end nothing leads out of it.
    connecting,  ///< A connection is being made: name, TCP, TLS, upgrade.
    registering, ///< Connected; REGISTER is due, or its answer is.
    ready,       ///< Registered, no task.
    busy,        ///< Registered, one task runs.
    draining,    ///< Ending in order: nothing new is taken, what runs is finished, outcomes are receipted.
    closing,     ///< The closing handshake is under way.
    backoff,     ///< Between two connections.
};

enum class engine_event : std::uint8_t {
    started,    ///< The application called `start`.
    put_off,    ///< It did, with a delay for the first attempt.
    opened,     ///< The upgrade is complete.
    registered, ///< The answer to REGISTER, or what proves it.
    task_began, ///< A task was accepted.
    task_ended, ///< Its outcome is queued, or it was given up.
    drain,      ///< The application, idle time or a fatal condition ends the session in order.
    close,      ///< We end the connection.
    ended,      ///< The connection is over, another one will follow.
    retry,      ///< The wait is over.
    finished,   ///< It is all over.
};

struct engine_transition {
    engine_state from;
    engine_event event;
    engine_state to;
};

inline constexpr std::array engine_transitions{
    engine_transition{engine_state::stopped, engine_event::started, engine_state::connecting},
    engine_transition{engine_state::stopped, engine_event::put_off, engine_state::backoff},
    engine_transition{engine_state::connecting, engine_event::opened, engine_state::registering},
    engine_transition{engine_state::connecting, engine_event::ended, engine_state::backoff},
    engine_transition{engine_state::connecting, engine_event::finished, engine_state::stopped},
    engine_transition{engine_state::registering, engine_event::registered, engine_state::ready},
    engine_transition{engine_state::registering, engine_event::close, engine_state::closing},
    engine_transition{engine_state::registering, engine_event::ended, engine_state::backoff},
    engine_transition{engine_state::registering, engine_event::finished, engine_state::stopped},
    engine_transition{engine_state::ready, engine_event::task_began, engine_state::busy},
    engine_transition{engine_state::ready, engine_event::drain, engine_state::draining},
    engine_transition{engine_state::ready, engine_event::close, engine_state::closing},
    engine_transition{engine_state::ready, engine_event::ended, engine_state::backoff},
    engine_transition{engine_state::ready, engine_event::finished, engine_state::stopped},
    engine_transition{engine_state::busy, engine_event::task_ended, engine_state::ready},
    engine_transition{engine_state::busy, engine_event::drain, engine_state::draining},
    engine_transition{engine_state::busy, engine_event::close, engine_state::closing},
    engine_transition{engine_state::busy, engine_event::ended, engine_state::backoff},
    engine_transition{engine_state::busy, engine_event::finished, engine_state::stopped},
    engine_transition{engine_state::draining, engine_event::task_ended, engine_state::draining},
    engine_transition{engine_state::draining, engine_event::close, engine_state::closing},
    engine_transition{engine_state::draining, engine_event::finished, engine_state::stopped},
    engine_transition{engine_state::closing, engine_event::task_ended, engine_state::closing},
    engine_transition{engine_state::closing, engine_event::ended, engine_state::backoff},
    engine_transition{engine_state::closing, engine_event::finished, engine_state::stopped},
    engine_transition{engine_state::backoff, engine_event::retry, engine_state::connecting},
    engine_transition{engine_state::backoff, engine_event::finished, engine_state::stopped},
};

/// Where an event leads from a state; nothing when that is no transition.
[[nodiscard]] constexpr std::optional<engine_state> next_state(engine_state from,
                                                               engine_event event) noexcept {
    for (const engine_transition& t : engine_transitions) {
        if (t.from == from && t.event == event) {
            return t.to;
        }
    }
    return std::nullopt;
}

[[nodiscard]] const char* to_string(engine_state state) noexcept;
[[nodiscard]] const char* to_string(engine_event event) noexcept;

} // namespace distworker
