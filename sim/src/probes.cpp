#include <distworker/sim/probes.hpp>

#include <algorithm>
#include <array>

namespace distworker::sim {
namespace {

constexpr auto all = [] {
    std::array names{
        // What went wrong
        std::string_view{"connect_blackhole"},
        std::string_view{"connect_refused"},
        std::string_view{"upgrade_refused"},
        std::string_view{"line_cut_fin"},
        std::string_view{"line_cut_rst"},
        std::string_view{"line_stalled"},
        std::string_view{"line_silent"},
        std::string_view{"controller_restarted"},
        std::string_view{"worker_frozen"},
        std::string_view{"worker_killed"},
        std::string_view{"worker_told_to_end"},
        std::string_view{"wall_clock_stepped"},
        std::string_view{"group_paused"},
        std::string_view{"group_resumed"},
        std::string_view{"group_resized"},
        // How connections ended
        std::string_view{"refused"},
        std::string_view{"peer_closed"},
        std::string_view{"transport"},
        std::string_view{"timed_out"},
        std::string_view{"local"},
        // What the engine did about it
        std::string_view{"receipt_asked"},
        std::string_view{"undeliverable_not_sent"},
        std::string_view{"undeliverable_maybe"},
        std::string_view{"refusal_undeliverable"},
        std::string_view{"stop_for_timeout"},
        std::string_view{"stop_for_lost_connection"},
        std::string_view{"stop_for_shutdown"},
        std::string_view{"stale_answer"},
        std::string_view{"stream_would_block"},
        std::string_view{"stream_stale"},
        std::string_view{"assigned_before_response"},
        std::string_view{"registered_without_answer"},
        std::string_view{"executed_again"},
        std::string_view{"worker_closed"},
        // What the controller noted, in its words
        std::string_view{"worker registered"},
        std::string_view{"worker gone"},
        std::string_view{"task stranded"},
        std::string_view{"timed out"},
    };
    std::ranges::sort(names);
    return names;
}();

} // namespace

std::span<const std::string_view> probes::names() noexcept {
    return all;
}

std::vector<std::string_view> probes::never_hit() const {
    std::vector<std::string_view> missing;
    for (const std::string_view name : all) {
        if (hits(name) == 0) {
            missing.push_back(name);
        }
    }
    return missing;
}

} // namespace distworker::sim
