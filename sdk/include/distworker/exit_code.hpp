// How a worker's end becomes the exit code of a process.
#pragma once

#include <distworker/engine_output.hpp>

namespace distworker {

/// What `worker::run()` makes a process exit with.
enum class exit_code : int {
    ok = 0,            ///< Stopped, told to end by a signal, or idle for as long as the controller wants.
    internal = 1,      ///< A fault of the program: out of descriptors, no randomness.
    configuration = 2, ///< The configuration cannot be used. Nothing was opened.
    session_gone = 3,  ///< A provisioned worker's session has ended; starting again with it is no use.
    attempts_exhausted = 4, ///< `max_reconnect_attempts` attempts in a row failed.
    stuck_handlers = 5,     ///< Too many handlers ignored their request to stop. Restart the process.
};

/// The code of a process whose worker ended for that reason.
[[nodiscard]] constexpr exit_code exit_code_for(end_reason reason) noexcept {
    switch (reason) {
    case end_reason::stop_requested:
    case end_reason::signal:
    case end_reason::idle:
        return exit_code::ok;
    case end_reason::session_gone:
        return exit_code::session_gone;
    case end_reason::attempts_exhausted:
        return exit_code::attempts_exhausted;
    case end_reason::stuck_handlers:
        return exit_code::stuck_handlers;
    }
    return exit_code::internal;
}

} // namespace distworker
