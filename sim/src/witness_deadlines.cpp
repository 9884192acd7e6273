// What must have happened by now: nothing that is due is left undone when a group is idle.
#include <distworker/sim/witness.hpp>

#include <algorithm>

namespace distworker::sim {
namespace {

using namespace std::chrono_literals;

// A handler of a lost connection may hold the next registration up for so long.
constexpr std::chrono::seconds orphan_grace{5};
constexpr std::size_t slowest_bytes_per_second = 1024;

} // namespace

// A deadline of the peer's has passed, and it was not given more time after a suspension.
bool witness::overdue(monotonic_time since, std::chrono::nanoseconds limit) const noexcept {
    return since != never && now_.monotonic >= saturating_add(since, limit) &&
           now_.monotonic >= excused_until_;
}

void witness::settled(const worker_group& group, instant now) {
    enter(now);
    settled_at_ = now_.monotonic;
    for (auto& [slot, of] : slots_) {
        slot_ = slot;
        check_link(of);
        if (of.now.state == link::open && of.now.registered) {
            check_registered(of);
        }
        check_tasks(slot, of);
    }
    check_counters(group.counters());
}

void witness::check_link(const slot_life& of) {
    const connection& link_now = of.now;
    switch (link_now.state) {
    case link::none:
        break;
    case link::connecting:
        if (overdue(link_now.since, config_->connect_timeout)) {
            accuse("L1", "still connecting after connect_timeout");
        }
        break;
    case link::open:
        if (!link_now.register_sent && overdue(link_now.since, orphan_grace)) {
            accuse("L1", "REGISTER is not sent");
        }
        if (link_now.register_sent && !link_now.registered &&
            overdue(link_now.register_at, config_->registration_timeout)) {
            accuse("L1", "still waiting for the answer to REGISTER after registration_timeout");
        }
        if (overdue(link_now.heard_at, config_->silence_timeout)) {
            accuse("L5", "a dead link is not noticed");
        }
        if (link_now.incoming.open && overdue(link_now.incoming.last_part, config_->message_stall_timeout)) {
            accuse("L5", "a stalled message is not noticed");
        }
        break;
    case link::closing:
        if (overdue(link_now.since, of.stop_at ? of.close_limit : config_->close_timeout)) {
            accuse("L4", "still closing after close_timeout");
        }
        break;
    }
    // A Close has its own time, from when it went out.
    const bool unclosed = of.told != engine_state::stopped && link_now.state != link::closing;
    if (of.stop_at && unclosed && overdue(of.drain_end, of.close_limit)) {
        accuse("L4", "it has not ended in time");
    }
}

// A registered connection that writes nothing has nothing to write.
void witness::check_registered(const slot_life& of) {
    const connection& link_now = of.now;
    std::size_t outbox = 0;
    std::size_t unreceipted = 0;
    monotonic_time uncovered = never;
    for (const work& task : of.works) {
        outbox += task.answered ? task.size : 0;
        if (task.written) {
            unreceipted += task.size;
            uncovered = task.covered_by > link_now.pings ? std::min(uncovered, task.written_at) : uncovered;
        }
    }
    if (link_now.busy == writing::nothing) {
        if (!link_now.heartbeat_sent ||
            now_.monotonic >= saturating_add(link_now.heartbeat_at, config_->heartbeat_interval)) {
            accuse("L3", "a heartbeat is due");
        }
        for (const work& task : of.works) {
            if (task.answered && !task.sent) {
                accuse("L2", "an outcome waits although nothing is being written");
            }
            if (!task.items.empty() && !task.ever_sent) {
                accuse("I18", "an item of the stream waits although nothing is being written");
            }
        }
        if (overdue(uncovered, config_->receipt_delay)) {
            accuse("L2", "no receipt is asked for");
        }
        const bool full = outbox > config_->outbox_bytes;
        if (of.owed.size() > (full ? 1U : 0U) && !link_now.excused) {
            accuse("I8", "an assignment has neither begun nor been refused: " + of.owed.front().id);
        }
        if (link_now.peer_pings && of.works.empty() && of.owed.empty() && !of.stop_at && !paused_ &&
            overdue(link_now.peer_sign_at, config_->deaf_timeout)) {
            accuse("L5", "a deaf controller is not left");
        }
    }
    if (unreceipted > 0 &&
        overdue(link_now.waits_for_pong,
                config_->receipt_timeout + std::chrono::seconds{outbox / slowest_bytes_per_second})) {
        accuse("L2", "an outcome waits for its receipt for ever");
    }
}

void witness::check_tasks(std::uint32_t slot, slot_life& of) {
    const bool link_free = of.now.state == link::open && of.now.registered && of.now.busy == writing::nothing;
    if (const work* const task = running(of)) {
        const bool untold = task->timed_out_at == never && !may_be_answered(of, *task);
        if (now_.monotonic >= task->deadline && untold) {
            accuse("I15", "a timeout has passed, and nobody was told");
        }
        if (link_free && overdue(task->timed_out_at, config_->stop_grace)) {
            accuse("I15", "a timeout's grace is over, and nobody answered");
        }
    }
    if (of.now.state != link::none || !of.returning.empty()) {
        if (!of.returning.empty()) {
            accuse("I10", "the late answer of a lost task is not handed back");
        }
        return;
    }
    // Nothing is left of a connection that is gone, unless the session goes on without it.
    if (!keeps_session(of) && !of.works.empty()) {
        accuse("I10", "an outcome or a task of a lost connection was dropped in silence");
    }
    lose_debts(slot, of);
}

// With its connection goes what it has assigned and nobody has begun or refused.
void witness::lose_debts(std::uint32_t slot, slot_life& of) {
    const bool keeps = keeps_session(of);
    for (const debt& lost : of.owed) {
        if (keeps && lost.to_be_refused) {
            of.forgotten.insert(lost.id);
        } else if (!of.now.excused) {
            ++lost_unseen_;
            report_on(report::kind::unseen, {slot, of.now.generation, 0}, lost.id);
            seen_->hit("assignment_lost_unseen");
        }
    }
    of.owed.clear();
}

void witness::check_counters(const engine_counters& counters) {
    slot_ = 0;
    if (counters.receipted != receipted_) {
        accuse("I10", std::to_string(counters.receipted) + " receipts are counted, " +
                          std::to_string(receipted_) + " came");
        receipted_ = counters.receipted;
    }
    if (counters.undeliverable != handed_back_) {
        accuse("I10", std::to_string(counters.undeliverable) + " outcomes count as handed back, " +
                          std::to_string(handed_back_) + " were");
        handed_back_ = counters.undeliverable;
    }
    // A peer that breaks the rules, or a session that goes on, leaves it open which one was lost.
    const bool exact = broken_rules_ == 0 && config_.session() != session_policy::stable;
    if (exact && counters.lost_assignments != lost_unseen_) {
        accuse("I2", std::to_string(counters.lost_assignments) +
                         " assignments count as lost before they began, " + std::to_string(lost_unseen_) +
                         " were");
    }
    lost_unseen_ = counters.lost_assignments;
}

void witness::finish() {
    for (auto& [slot, of] : slots_) {
        slot_ = slot;
        if (!of.works.empty()) {
            accuse("I16", "it ended with " + std::to_string(of.works.size()) + " deliveries without an end");
        }
    }
    if (!stopped_) {
        accuse("L4", "it never said that it ended");
    }
}

} // namespace distworker::sim
