#include <distworker/sim/draw.hpp>
#include <distworker/sim/plan.hpp>

#include <algorithm>
#include <limits>

namespace distworker::sim {

using namespace std::chrono_literals;

namespace {

constexpr std::array<std::string_view, fault_kinds> fault_names{"name_resolution",
                                                                "dead_addresses",
                                                                "connect_refused",
                                                                "connect_blackhole",
                                                                "accept_then_reset",
                                                                "upgrade_refused",
                                                                "upgrade_slow",
                                                                "upgrade_damaged",
                                                                "upgrade_broken_off",
                                                                "slow_line",
                                                                "stall",
                                                                "swizzle",
                                                                "one_way",
                                                                "silence",
                                                                "idle_kill",
                                                                "reboot",
                                                                "cut_fin",
                                                                "cut_rst",
                                                                "cut_at_byte",
                                                                "peer_close",
                                                                "damage",
                                                                "controller_restart",
                                                                "controller_crash",
                                                                "early_assign",
                                                                "wedge",
                                                                "webhook_again",
                                                                "late_pongs",
                                                                "slow_storage",
                                                                "lost_writes",
                                                                "token_rotation",
                                                                "cancellation",
                                                                "worker_pause",
                                                                "starvation",
                                                                "worker_kill",
                                                                "worker_stop",
                                                                "odd_config",
                                                                "reconfiguration",
                                                                "unreadable_token",
                                                                "pauses",
                                                                "resizing",
                                                                "wall_skew",
                                                                "wall_step",
                                                                "odd_epoch",
                                                                "clock_drift",
                                                                "coarse_ticks",
                                                                "clock_back",
                                                                "late_callback",
                                                                "double_callback",
                                                                "error_after_success",
                                                                "slow_handlers",
                                                                "stuck_handlers",
                                                                "deaf_handlers",
                                                                "failing_handlers",
                                                                "double_answers",
                                                                "stop_in_handler",
                                                                "large_results",
                                                                "bad_results",
                                                                "chatty_handlers",
                                                                "timeouts",
                                                                "retries"};
static_assert(!fault_names.back().empty());

constexpr std::array mode_names{"faithful", "ideal", "hostile"};

} // namespace

const char* to_string(mode which) noexcept {
    return mode_names.at(static_cast<std::size_t>(which));
}

std::optional<mode> mode_from(std::string_view name) noexcept {
    const auto found = std::ranges::find(mode_names, name);
    return found == mode_names.end() ? std::nullopt
                                     : std::optional{static_cast<mode>(found - mode_names.begin())};
}

std::string_view to_string(fault which) noexcept {
    return fault_names.at(static_cast<std::size_t>(which));
}

std::optional<fault> fault_from(std::string_view name) noexcept {
    const auto found = std::ranges::find(fault_names, name);
    return found == fault_names.end() ? std::nullopt
                                      : std::optional{static_cast<fault>(found - fault_names.begin())};
}

plan::plan(std::uint64_t seed) noexcept {
    seeded_random random{seed};
    for (bool& one : on) {
        one = chance(random, 50);
    }
    storm = across(random, 2min, 30min);
    calm = across(random, 12h, 7 * 24h);
    between_accidents = across(random, 2s, 5min);
    connect_trouble = number(random, 0, 50);
    upgrade_trouble = number(random, 0, 20);
    crash_percent = number(random, 0, 5);
    between_tasks = across(random, 500ms, 2min);
    between_calm_tasks = across(random, 20min, 6h);
    line.min_delay = across(random, 50us, 5ms);
    if (has(fault::slow_line)) {
        line.min_delay = number(random, 0, 100) * 1ms;
        line.mean_delay = number(random, 0, 300) * 1ms;
        line.bandwidth = 1ULL << number(random, 10, 27);
        line.smallest_chunk = 1;
        line.largest_chunk = 1ULL << number(random, 4, 16);
        line.send_buffer = 1ULL << number(random, 12, 22);
    }
}

std::size_t plan::largest_message() const noexcept {
    using seconds = std::chrono::duration<double>;
    const double by_bandwidth = line.bandwidth == 0 ? std::numeric_limits<double>::infinity()
                                                    : static_cast<double>(line.bandwidth); // a second of it
    // What has left the buffer makes room once it has arrived, and that waits for the slowest of many chunks.
    const seconds journey = line.min_delay + 8 * line.mean_delay;
    const double by_buffer = static_cast<double>(line.send_buffer) * (4s / journey);
    const double least = std::min(by_bandwidth, by_buffer);
    return least < static_cast<double>(SIZE_MAX) ? static_cast<std::size_t>(least) : SIZE_MAX;
}

} // namespace distworker::sim
