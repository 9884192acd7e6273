// Leaving out rounds of nothing but pings.
//
// What an engine does depends on how far away its deadlines are, never on what its clock shows. So when
// nothing is under way, and every deadline that is set is one of the round of pings and heartbeats, the
// system is the same after any number of rounds, and those rounds can be left out: what is planned comes
// nearer, and the calendar goes on. Nothing in the engines is touched.
#include "system.hpp"

#include <algorithm>

namespace distworker::sim {

using namespace std::chrono_literals;

namespace {

constexpr std::chrono::seconds worth_it{30};
constexpr std::chrono::hours for_ever{24 * 365};
constexpr std::chrono::seconds one_round{3}; // the controller's pings

bool belongs_to_the_round(deadline_reason reason) noexcept {
    return reason == deadline_reason::heartbeat || reason == deadline_reason::silence_probe ||
           reason == deadline_reason::silence || reason == deadline_reason::deaf;
}

// A deadline a year away is none.
bool is_far(monotonic_time deadline, monotonic_time now) noexcept {
    return deadline >= saturating_add(now, for_ever);
}

bool waits_for_pings_only(const engine_snapshot& slot) noexcept {
    if (slot.state == engine_state::stopped) {
        return true;
    }
    const bool registered = slot.state == engine_state::ready || slot.state == engine_state::busy;
    if (!registered || slot.pausing || slot.queued + slot.written + slot.handed_back > 0) {
        return false;
    }
    for (std::size_t i = 0; i < deadline_reasons; ++i) {
        if (!is_far(slot.deadlines[i], slot.at) && !belongs_to_the_round(static_cast<deadline_reason>(i))) {
            return false;
        }
    }
    return true;
}

} // namespace

bool system::quiet() {
    if (controller_ == nullptr) {
        return false;
    }
    for (machine& of : machines_) {
        if (of.runs == nullptr || !awake(of) || of.runs->stirred || of.runs->stopping) {
            return false;
        }
        const group_snapshot all = of.runs->group->snapshot();
        if (!is_far(all.idle_exit, of.clock.read(now_)) ||
            !std::ranges::all_of(all.slots, waits_for_pings_only)) {
            return false;
        }
    }
    return controller_->quiet();
}

void system::leap(monotonic_time limit) {
    const monotonic_time next = std::min(agenda_.next(), limit);
    const std::chrono::nanoseconds free = next - now_;
    if (free < 2 * worth_it) {
        return;
    }
    // Between a ping and its pong nothing is quiet; right behind it may be.
    if (!std::ranges::all_of(lines_, [](const auto& entry) { return entry.second->quiet(); })) {
        return;
    }
    if (!quiet()) {
        next_leap_ = now_ + 1s;
        return;
    }
    const std::chrono::nanoseconds by = free - worth_it;
    const auto rounds = static_cast<std::uint64_t>(by / one_round);
    agenda_.bring_forward(by);
    leapt_ += by;
    seen().hit("leapt");
    result_.leapt_rounds += rounds * lines_.size();
    result_.leapt += by * static_cast<std::int64_t>(machines_.size());
    result_.worker_time += by * static_cast<std::int64_t>(machines_.size());
}

} // namespace distworker::sim
