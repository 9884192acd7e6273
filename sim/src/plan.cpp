#include <distworker/sim/draw.hpp>
#include <distworker/sim/plan.hpp>

namespace distworker::sim {

using namespace std::chrono_literals;

const char* to_string(fault which) noexcept {
    constexpr std::array<const char*, fault_kinds> names{
        "connect_refused", "connect_blackhole", "upgrade_refused", "slow_line",        "stall",
        "silence",         "cut_fin",           "cut_rst",         "cut_at_byte",      "controller_restart",
        "worker_freeze",   "worker_kill",       "worker_stop",     "wall_skew",        "clock_drift",
        "slow_handlers",   "stuck_handlers",    "deaf_handlers",   "failing_handlers", "large_results",
        "chatty_handlers", "timeouts",          "pauses",          "resizing"};
    return names[static_cast<std::size_t>(which)];
}

plan::plan(std::uint64_t seed) noexcept {
    seeded_random random{seed};
    for (bool& one : on) {
        one = chance(random, 50);
    }
    between_accidents = std::chrono::seconds{number(random, 5, 600)};
    connect_trouble = number(random, 0, 50);
    between_tasks = std::chrono::milliseconds{number(random, 200, 60'000)};
    line.min_delay = std::chrono::microseconds{number(random, 50, 5'000)};
    if (has(fault::slow_line)) {
        line.min_delay = std::chrono::milliseconds{number(random, 0, 100)};
        line.mean_delay = std::chrono::milliseconds{number(random, 0, 300)};
        line.bandwidth = 1ULL << number(random, 10, 24);
        line.smallest_chunk = 1;
        line.largest_chunk = 1ULL << number(random, 4, 16);
        line.send_buffer = 1ULL << number(random, 12, 20);
    }
}

} // namespace distworker::sim
