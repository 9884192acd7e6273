// What a seed means: which faults a run has, how often and how bad. Half of the faults are off in each seed.
//
// Swarm testing (Groce and others, 2012): a run with few kinds of faults reaches states that one with all of
// them never does. Everything is drawn from the seed, and from it alone.
#pragma once

#include <distworker/random.hpp>
#include <distworker/sim/pipe.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace distworker::sim {

enum class fault : std::uint8_t {
    connect_refused,    ///< TCP answers with a reset.
    connect_blackhole,  ///< Nothing answers at all.
    upgrade_refused,    ///< HTTP answers with some status.
    slow_line,          ///< Delay, little bandwidth, small chunks, small buffers.
    stall,              ///< Nothing moves for a while.
    silence,            ///< Half-open: nothing arrives any more, nobody is told.
    cut_fin,            ///< The connection ends.
    cut_rst,            ///< The connection breaks; what is under way is lost.
    cut_at_byte,        ///< It breaks at a byte of its own.
    controller_restart, ///< The controller is gone for 1 to 600 s, and has forgotten its connections.
    worker_freeze,      ///< The process stands still for up to an hour (SIGSTOP, a suspended machine).
    worker_kill,        ///< The process dies without a word and is started again.
    worker_stop,        ///< The process is told to end, and is started again.
    wall_skew,          ///< Wall clocks differ by up to 400 s, and step.
    clock_drift,        ///< Monotonic clocks run at different speeds.
    slow_handlers,      ///< Handlers take up to an hour.
    stuck_handlers,     ///< Some never return.
    deaf_handlers,      ///< They ignore stop requests.
    failing_handlers,   ///< They fail.
    large_results,      ///< Up to 256 KiB.
    chatty_handlers,    ///< Progress and stream items.
    timeouts,           ///< Tasks carry a timeout.
    pauses,             ///< The application pauses and resumes.
    resizing,           ///< The application changes the number of slots.
};
inline constexpr std::size_t fault_kinds = 24;

[[nodiscard]] const char* to_string(fault which) noexcept;

/// A run's faults.
struct plan {
    explicit plan(std::uint64_t seed) noexcept;

    [[nodiscard]] bool has(fault which) const noexcept { return on[static_cast<std::size_t>(which)]; }

    std::array<bool, fault_kinds> on{};
    /// Mean time between two accidents of any kind, over all connections and processes.
    std::chrono::nanoseconds between_accidents{};
    /// Chance that an attempt to connect fails, in percent.
    std::uint64_t connect_trouble = 0;
    /// Mean time between two tasks.
    std::chrono::nanoseconds between_tasks{};
    /// How every connection of the run is.
    pipe_faults line;
};

} // namespace distworker::sim
