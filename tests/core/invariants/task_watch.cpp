#include "core/invariants/task_watch.hpp"

#include <algorithm>

namespace distworker::testing {
namespace {

constexpr std::size_t max_refusals = 64;
constexpr std::uint32_t max_strikes = 100;
constexpr std::size_t max_orphans = 64;

bool is_full(const moment& m) {
    const std::size_t limit = m.config->outbox_bytes;
    return m.slot.outbox_bytes() > limit && m.slot.snapshot().outbox_bytes > limit;
}

} // namespace

// --- Messages ---

// Of all that a message may be counted as, it is counted as one thing, once.
void task_watch::check_counts(int rule, std::uint64_t engine_counters::* only, const moment& m,
                              const char* what) const {
    for (const auto counter : {&engine_counters::assigned, &engine_counters::refused,
                               &engine_counters::coalesced, &engine_counters::strikes}) {
        book_->check(rule, m.more(counter) == (counter == only ? 1U : 0U), what);
    }
}

void task_watch::gave(const input::received& in, link_watch& link, outbox_watch& outbox, const moment& m) {
    using enum message_meaning::kind;
    if (!m.link_was_up()) {
        check_counts(6, nullptr, m, "what comes behind our Close is discarded");
        return;
    }
    const auto message = incoming_.add(in, m.config->max_message_bytes);
    if (!message) {
        check_counts(13, nullptr, m, "a part of a message means nothing yet");
        return;
    }
    const bool in_flight = running_ || held_;
    const bool storm = outbox.refusals() == max_refusals;
    const bool of_running =
        (running_ && running_->id == message->task_id) || (held_ && held_->id == message->task_id);
    if (!link.register_sent() || message->what == meaningless ||
        (message->what == response && link.registered())) {
        strike(outbox, m);
    } else if (message->what == response) {
        link.answered();
        book_->check(2, moment::has_link(m.is()) && m.is() != engine_state::registering,
                     "the answer to REGISTER ends the registration");
        held_may_have_begun(m);
    } else if (message->what == assignment) {
        this->assignment(*message, link, outbox, m);
    } else if (message->task_id.empty() || of_running) {
        strike(outbox, m);
    } else {
        refusal(message->task_id, error_code::invalid_task, 13, outbox, m);
    }
    book_->check(13, !in_flight || m.is() != engine_state::closing || storm,
                 "no message closes a connection with a task in flight");
}

void task_watch::strike(const outbox_watch& outbox, const moment& m) {
    check_counts(13, &engine_counters::strikes, m, "a message that means nothing is a strike");
    ++strikes_;
    const bool closes = !running_ && !held_ && outbox.empty() && strikes_ >= max_strikes;
    book_->check(13, (m.is() == engine_state::closing) == closes,
                 "a hundred strikes end an idle connection, and no other");
}

void task_watch::refusal(const std::string& id, std::string_view code, int rule, outbox_watch& outbox,
                         const moment& m) {
    if (outbox.refusals() == max_refusals) {
        book_->check(11, m.is() == engine_state::closing && m.more(&engine_counters::refused) == 0,
                     "64 refusals without a receipt, and one more, are a storm");
        return;
    }
    check_counts(rule, &engine_counters::refused, m, "an assignment that cannot be taken is refused");
    outbox.due({.id = id,
                .task = {m.slot.last_delivery().slot, m.slot.generation(), 0},
                .code = code,
                .rule = rule});
}

void task_watch::assignment(const message_meaning& what, const link_watch& link, outbox_watch& outbox,
                            const moment& m) {
    const std::string& id = what.task_id;
    if ((running_ && running_->id == id) || (held_ && held_->id == id) || outbox.awaits(id)) {
        check_counts(8, &engine_counters::coalesced, m, "a copy of a running task is that task");
    } else if (m.was == engine_state::draining) {
        refusal(id, error_code::worker_shutdown, 12, outbox, m);
    } else if (running_ || held_) {
        refusal(id, error_code::worker_busy, 11, outbox, m);
    } else if (!link.registered() || is_full(m)) {
        check_counts(2, nullptr, m, "an assignment that comes too early is held");
        held_ = {id, what.timeout_ms};
    } else {
        check_counts(8, &engine_counters::assigned, m, "an assignment to an idle slot begins");
        begun(id, what.timeout_ms, m);
    }
}

void task_watch::begun(const std::string& id, std::int64_t timeout_ms, const moment& m) {
    running_ = {.id = id,
                .name = m.slot.last_delivery(),
                .deadline = timeout_ms > 0
                                ? saturating_add(m.now.monotonic, saturating_milliseconds(timeout_ms))
                                : never};
    book_->check(8, running_->name.serial == last_serial_ + 1, "each assignment is a delivery of its own");
    last_serial_ = running_->name.serial;
}

void task_watch::held_may_have_begun(const moment& m) {
    if (m.more(&engine_counters::assigned) > 0) {
        book_->check(2, held_.has_value(), "what begins was assigned");
        const held_task held = held_.value_or(held_task{});
        held_.reset();
        begun(held.id, held.timeout_ms, m);
    }
}

// --- Time ---

void task_watch::started_without_answer(link_watch& link, const moment& m) {
    if (m.more(&engine_counters::unanswered_starts) > 0) {
        book_->check(2, held_ && link.register_sent() && !link.registered(),
                     "an assignment may stand for the answer to REGISTER");
        link.answered();
    }
    held_may_have_begun(m);
}

void task_watch::timers_fired(outbox_watch& outbox, const moment& m) {
    if (m.more(&engine_counters::timed_out) > 0) {
        book_->check(15, running_ && !running_->timed_out && running_->deadline <= m.now.monotonic,
                     "a timeout passes once, at its deadline");
        if (running_) {
            running_->timed_out = true;
        }
    }
    if (m.more(&engine_counters::abandoned) > 0) {
        // A group that stops may do so in the middle of a look.
        book_->check(15, running_ && (running_->timed_out || m.slot.snapshot().ending),
                     "who is answered for had no time left");
        if (running_) {
            if (running_->told) {
                stuck_.push_back(running_->name);
            }
            const bool late = running_->timed_out;
            answered(outbox, late ? error_code::timeout : error_code::worker_shutdown, late ? 15 : 12, 0);
        }
    }
}

void task_watch::ended(bool kept, const moment& m) {
    std::uint64_t lost = held_ ? 1 : 0;
    held_.reset();
    incoming_.clear();
    strikes_ = 0;
    if (!kept) {
        blocked_ = false;
        if (running_ && running_->told) {
            if (orphans_.size() == max_orphans) {
                orphans_.erase(orphans_.begin());
            }
            orphans_.push_back(running_->name);
            lost_ = running_->name;
        } else if (running_) {
            ++lost;
        }
        running_.reset();
    }
    book_->check(8, m.more(&engine_counters::lost_assignments) == lost,
                 "an assignment that ends with its connection before it began is counted");
}

void task_watch::renewed() {
    const std::uint64_t last = last_serial_;
    *this = task_watch{*book_};
    last_serial_ = last;
}

// --- Outputs ---

void task_watch::took(const output::assigned& out, const link_watch& link, const moment& m) {
    const assigned_task& task = out.task;
    book_->check(12, running_ && !running_->told && running_->name == task.name(),
                 "a handler starts once for each delivery");
    book_->check(8, running_ && running_->id == task.id(), "the task is the one that was assigned");
    book_->check(12, !ending_, "nothing begins behind a stop");
    // The task of a stable session is still ours when its connection ends before we could begin.
    book_->check(12, link.registered() || m.config.session() == session_policy::stable,
                 "nothing begins before the registration");
    book_->check(15, running_ && running_->deadline == task.deadline(), "the deadline is by timeout_ms");
    if (running_) {
        running_->told = true;
    }
}

void task_watch::took(const output::stop_task& out) {
    switch (out.reason) {
    case stop_reason::timeout: {
        const bool told_once = runs(out.task) && running_->told && !running_->timeout_told;
        book_->check(15,
                     told_once ? running_->timed_out : std::ranges::find(stuck_, out.task) != stuck_.end(),
                     "a handler whose time is up is asked to stop, once");
        if (runs(out.task)) {
            running_->timeout_told = true;
        }
        break;
    }
    case stop_reason::connection_lost:
        book_->check(12, lost_ == out.task, "only what began is asked to stop");
        lost_.reset();
        break;
    case stop_reason::shutdown:
        book_->check(12,
                     ending_ && ((runs(out.task) && running_->told) ||
                                 std::ranges::find(stuck_, out.task) != stuck_.end()),
                     "only what began is asked to stop");
        break;
    }
}

void task_watch::took(const output::writable& out) {
    book_->check(18, blocked_ && runs(out.task), "who was put off is told when there is room");
    blocked_ = false;
}

void task_watch::rests(const engine_snapshot& now, const link_watch& link, const moment& m) const {
    book_->check(11,
                 now.running.has_value() == running_.has_value() &&
                     (!running_ || running_->name == now.running->name),
                 "one delivery runs, and it is this one");
    if (running_) {
        book_->check(12, running_->told, "what begins is told at once");
        book_->check(15, running_->timed_out == (running_->deadline <= m.now.monotonic),
                     "a timeout passes at its deadline");
        book_->check(15, !running_->timed_out || running_->timeout_told,
                     "a handler whose time is up is asked to stop");
    }
    book_->check(15,
                 now.deadline(deadline_reason::task_timeout) ==
                     (running_ && !running_->timed_out ? running_->deadline : never),
                 "the deadline of the running task is waited for, and no other");
    book_->check(2, now.held_task == (held_ ? held_->id : std::string{}), "what came too early is held");
    book_->check(2,
                 !held_ || running_ || !link.registered() || m.is() != engine_state::ready ||
                     now.outbox_bytes > m.config->outbox_bytes,
                 "what is held begins as soon as it can");
    book_->check(8, now.orphans == orphans_.size() || m.is() == engine_state::stopped,
                 "handlers of lost connections are waited for");
    book_->check(15, now.stuck == stuck_.size(), "handlers that were answered for are counted");
    book_->check(12, !lost_, "a handler whose connection is gone is asked to stop");
    book_->check(18, !blocked_ || now.stream_bytes > 0, "who was put off is told when there is room");
}

void task_watch::add_to(fingerprint& all) const {
    const auto& [book, incoming, running, held, orphans, stuck, lost, last_serial, strikes, ending, blocked,
                 given_digest, given_size, queued_before] = *this;
    all.add(incoming, running, held, last_serial, strikes, ending, blocked);
    for (const delivery& each : orphans) {
        all.add(each.serial);
    }
    all.add(stuck.size());
    for (const delivery& each : stuck) {
        all.add(each.serial);
    }
    all.add(lost ? lost->serial : 0);
}

} // namespace distworker::testing
