// What a seed means: which faults a run has, how often and how bad. Half of the faults are off in each seed.
//
// Swarm testing (Groce and others, 2012): a run with few kinds of faults reaches states that one with all of
// them never does. Everything is drawn from the seed, and from it alone. The classes and ranges are those of
// docs/simulation.md.
#pragma once

#include <distworker/random.hpp>
#include <distworker/sim/pipe.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace distworker::sim {

/// Who is on the other side of the workers.
enum class mode : std::uint8_t {
    faithful, ///< A controller as the deployed one, its faults included.
    ideal,    ///< One that loses no task; workers keep their session.
    hostile,  ///< A peer that does what no controller may, until the faults end; then a faithful one.
};

[[nodiscard]] const char* to_string(mode which) noexcept;
/// The one of that name.
[[nodiscard]] std::optional<mode> mode_from(std::string_view name) noexcept;

/// What may go wrong in a run.
enum class fault : std::uint8_t {
    // Connecting
    name_resolution,    ///< The name has no address, or the answer takes up to 30 s.
    dead_addresses,     ///< Some of up to four addresses lead nowhere, and are tried first.
    connect_refused,    ///< TCP answers with a reset.
    connect_blackhole,  ///< Nothing answers at all.
    accept_then_reset,  ///< TCP is accepted, and reset.
    upgrade_refused,    ///< HTTP answers with some status, from 200 to 599; perhaps with a Retry-After.
    upgrade_slow,       ///< The answer comes byte by byte.
    upgrade_damaged,    ///< It is no valid answer.
    upgrade_broken_off, ///< The connection ends inside of it.
    // The line
    slow_line,   ///< Delay, little bandwidth, small chunks, small buffers.
    stall,       ///< Nothing moves for a while.
    swizzle,     ///< Many lines stall one after the other, and go on in another order.
    one_way,     ///< Nothing moves in one direction, for up to 600 s.
    silence,     ///< Half-open: nothing arrives any more, nobody is told.
    idle_kill,   ///< A box in between forgets connections that were quiet for 60 to 350 s.
    reboot,      ///< The peer's machine forgets its connections; who writes to it learns so.
    cut_fin,     ///< The connection ends.
    cut_rst,     ///< The connection breaks; what is under way is lost.
    cut_at_byte, ///< It breaks at a byte of its own.
    peer_close,  ///< A Close frame from the peer, and data behind it.
    damage,      ///< Bits flip, bytes get lost or doubled.
    // The controller
    controller_restart, ///< It is gone for 1 to 600 s, and has forgotten its connections.
    controller_crash,   ///< It dies as a worker registers or leaves.
    early_assign,       ///< A task overtakes the answer to REGISTER.
    wedge,              ///< An assignment is not written within 3 s: its sender is stuck for good.
    webhook_again,      ///< A finished task is assigned again.
    late_pongs,         ///< A pong that waits for over 1 s behind a message is dropped.
    slow_storage,       ///< Its database takes up to 20 s.
    lost_writes,        ///< Its database forgets what it has confirmed.
    token_rotation,     ///< The token changes, and the workers learn of it later.
    cancellation,       ///< Tasks are cancelled.
    // The worker's process and machine
    worker_pause,     ///< It stands still for up to an hour (SIGSTOP, a suspended machine).
    starvation,       ///< It gets little of the processor.
    worker_kill,      ///< It dies without a word, at any step, and is started again.
    worker_stop,      ///< It is told to end, and is started again.
    odd_config,       ///< It is configured at the edges of what is allowed.
    reconfiguration,  ///< It is ended and started with another configuration while tasks run.
    unreadable_token, ///< Its token cannot be read for a while.
    pauses,           ///< The application pauses and resumes.
    resizing,         ///< The application changes the number of slots.
    // Clocks
    wall_skew,    ///< Wall clocks differ by up to 400 s.
    wall_step,    ///< Wall clocks step, by up to an hour or ten years.
    odd_epoch,    ///< It is almost midnight, 2038, 9999; or a clock has not been set (1970).
    clock_drift,  ///< Monotonic clocks run at other speeds: constant, periodic, at random, with leaps.
    coarse_ticks, ///< Monotonic clocks tick every 1 us to 100 ms.
    clock_back,   ///< Monotonic clocks step back.
    // The seam of transports
    late_callback,       ///< A callback of a connection that is gone.
    double_callback,     ///< Closed twice, opened twice, sent without a send.
    error_after_success, ///< A write is done, and the connection is over.
    // Handlers and tasks
    slow_handlers,    ///< Handlers take up to an hour.
    stuck_handlers,   ///< Some never return.
    deaf_handlers,    ///< They ignore stop requests.
    failing_handlers, ///< They fail.
    double_answers,   ///< They answer twice, and go on afterwards.
    stop_in_handler,  ///< They end the worker.
    large_results,    ///< Up to 17 MiB, which is more than can be kept.
    bad_results,      ///< NaN, text that is not UTF-8, depths up to 10,000, keys with NUL.
    chatty_handlers,  ///< Progress and stream items, up to a thousand at once.
    timeouts,         ///< Tasks carry a timeout.
    retries,          ///< Tasks that failed are run again.
};
/// How many there are.
inline constexpr std::size_t fault_kinds = static_cast<std::size_t>(fault::retries) + 1;

[[nodiscard]] std::string_view to_string(fault which) noexcept;
/// The one of that name.
[[nodiscard]] std::optional<fault> fault_from(std::string_view name) noexcept;

/// A run's faults and how bad they are.
struct plan {
    /// What that seed means.
    explicit plan(std::uint64_t seed) noexcept;
    /// Without any fault.
    plan() noexcept = default;

    /// Whether the fault may happen.
    [[nodiscard]] bool has(fault which) const noexcept { return on[static_cast<std::size_t>(which)]; }
    /// What is larger would be sent for ever: no line carries it before somebody's patience ends.
    [[nodiscard]] std::size_t largest_message() const noexcept;
    /// Switches a fault on or off; how bad it is stays as it was drawn.
    void set(fault which, bool whether) noexcept { on[static_cast<std::size_t>(which)] = whether; }

    std::array<bool, fault_kinds> on{}; ///< By `fault`.
    /// Accidents come in storms; in the calm between there are none, and few tasks.
    std::chrono::nanoseconds storm = std::chrono::minutes{10};
    std::chrono::nanoseconds calm = std::chrono::hours{4};
    /// Mean time between two accidents of any kind, over all connections and processes, in a storm.
    std::chrono::nanoseconds between_accidents = std::chrono::minutes{1};
    /// Chances in percent that an attempt fails before the upgrade, and in it.
    std::uint64_t connect_trouble = 0;
    std::uint64_t upgrade_trouble = 0;
    /// Chance in percent that the controller dies as a worker registers or leaves.
    std::uint64_t crash_percent = 0;
    /// Mean time between two tasks, in a storm and between storms.
    std::chrono::nanoseconds between_tasks = std::chrono::seconds{10};
    std::chrono::nanoseconds between_calm_tasks = std::chrono::hours{1};
    /// How every connection of the run is.
    pipe_faults line{.min_delay = std::chrono::milliseconds{1}};
};

} // namespace distworker::sim
