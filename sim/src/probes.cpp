#include <distworker/sim/probes.hpp>

#include <algorithm>
#include <array>

namespace distworker::sim {
namespace {

using namespace std::string_view_literals;

constexpr auto probe_names = [] {
    auto names = std::to_array<std::string_view>({
        // What went wrong while connecting
        "name_resolution",
        "dead_addresses",
        "connect_refused",
        "connect_blackhole",
        "accept_then_reset",
        "upgrade_refused",
        "upgrade_slow",
        "upgrade_damaged",
        "upgrade_broken_off",
        "retry_after",
        // ... on the line
        "stall",
        "one_way",
        "silence",
        "cut_fin",
        "cut_rst",
        "peer_close",
        "swizzle",
        "reboot",
        "line_cut_at_byte",
        "line_forgotten_when_idle",
        "bytes_damaged",
        "framing_broken_at_controller",
        "framing_broken_at_worker",
        // ... in the controller
        "controller_restart",
        "controller_crashed",
        "token_rotation",
        "cancellation",
        "task_cancelled",
        "slow_write",
        "lost_write",
        "finished_task_assigned_again",
        "pong_dropped",
        // ... in the worker's process and machine
        "worker_pause",
        "starvation",
        "worker_kill",
        "worker_killed_at_a_step",
        "worker_stop",
        "reconfiguration",
        "odd_config",
        "unreadable_token",
        "token_unreadable",
        "pauses",
        "resizing",
        // ... in its clocks
        "wall_skew",
        "wall_step",
        "clock_steady",
        "clock_periodic",
        "clock_random",
        "clock_leaping",
        "coarse_ticks",
        "clock_stepped_back",
        "suspended",
        // ... at the seam of transports
        "late_callback",
        "double_callback",
        "error_after_success",
        "closed_twice",
        "event_of_an_old_connection",
        // ... in handlers
        "odd_handler",
        "handler_never_returns",
        "stopped_by_its_handler",
        // How connections ended
        "end: refused",
        "end: peer_violation",
        "end: peer_closed",
        "end: transport",
        "end: timed_out",
        "end: local",
        // How groups ended
        "ended: stop_requested",
        "ended: signal",
        "ended: idle",
        "ended: attempts_exhausted",
        "ended: session_gone",
        "ended: stuck_handlers",
        // What a worker was given
        "message_before_register",
        "assigned_before_response",
        "assigned_while_busy",
        "assigned_twice",
        "damaged_copy_of_the_running_task",
        "unusable_assignment",
        "unusable_message",
        "misplaced_message",
        "oversized_message",
        "second_response",
        "pong_of_something_else",
        "pong_again",
        "task_with_timeout",
        "assignment_lost_unseen",
        // What it did about it
        "receipt_asked",
        "registered_without_answer",
        "outcome_sent_again",
        "refused: INVALID_TASK",
        "refused: TIMEOUT",
        "refused: WORKER_BUSY",
        "refused: WORKER_SHUTDOWN",
        "timeout_answered",
        "shutdown_answered",
        "stop_for_timeout",
        "stop_for_lost_connection",
        "stop_for_shutdown",
        "stale_answer",
        "late_answer_of_a_lost_task",
        "undeliverable_not_sent",
        "undeliverable_maybe",
        "refusal_undeliverable",
        "writable_again",
        "worker_closed",
        // What the controller noticed
        "controller: worker registered",
        "controller: worker gone",
        "controller: task stranded",
        "controller: registration refused",
        "controller: timed out",
        "controller: malformed message ignored",
        "controller: unexpected message ignored",
        "controller: refused: not the owner of the task",
        "controller: second outcome",
        "controller: sender stuck",
        "controller: ghost",
        "controller: replaced",
        "controller: session returned",
        "controller: task put back",
        "controller: task timed out",
        "task_requeued",
        "stream_item_arrived",
        "progress_arrived",
        // What a hostile peer did
        "hostile: no answer",
        "hostile: two answers",
        "hostile: an odd idle time",
        "hostile: tasks before the answer",
        "hostile: hangs up",
        "hostile: noise before the answer",
        "hostile: a late answer",
        "hostile: noise",
        "hostile: the same task again",
        "hostile: a damaged copy",
        "hostile: a damaged task",
        "hostile: a storm of tasks",
        "hostile: an odd task",
        "hostile: a deep task",
        "hostile: text",
        "hostile: an oversized task",
        "hostile: a message of empty fragments",
        "hostile: an unfinished message",
        "hostile: broken framing",
        "hostile: pongs",
        "hostile: a flood of pings",
        "hostile: never reads",
        "hostile: Close",
        "hostile: no pings any more",
        "hostile: a second answer",
        "hostile: frames that workers send",
        // The simulator itself
        "leapt",
    });
    std::ranges::sort(names);
    return names;
}();

} // namespace

std::span<const std::string_view> probes::names() noexcept {
    return probe_names;
}

std::vector<std::string_view> probes::never_hit() const {
    std::vector<std::string_view> missing;
    for (const std::string_view name : probe_names) {
        if (hits(name) == 0) {
            missing.push_back(name);
        }
    }
    return missing;
}

std::vector<std::string_view> probes::unknown() const {
    std::vector<std::string_view> strange;
    for (const auto& [name, count] : hits_) {
        if (!std::ranges::binary_search(probe_names, std::string_view{name})) {
            strange.push_back(name);
        }
    }
    return strange;
}

} // namespace distworker::sim
