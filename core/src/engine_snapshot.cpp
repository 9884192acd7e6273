// What an engine or a group is at, as values and in words.
#include <distworker/worker_engine.hpp>

#include <algorithm>
#include <map>

namespace distworker {
namespace {

// "in 3 s", rounded up; nothing when there is no such time.
std::string in_time(monotonic_time at, monotonic_time now, std::string_view before) {
    if (at == never) {
        return {};
    }
    const auto left = std::max(at, now) - now;
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(left).count();
    return std::string{before} + std::to_string(seconds) + " s";
}

std::string last_end(const engine_snapshot& slot) {
    if (!slot.last_end) {
        return {};
    }
    return "; the last connection ended: " + std::string{to_string(slot.last_end->cause)} + ", " +
           slot.last_end->detail;
}

const char* in_words(end_reason reason) noexcept {
    switch (reason) {
    case end_reason::stop_requested:
        return "the application stopped it";
    case end_reason::signal:
        return "the process was told to end";
    case end_reason::idle:
        return "nothing ran for the controller's idle time";
    case end_reason::attempts_exhausted:
        return "max_reconnect_attempts attempts in a row failed";
    case end_reason::session_gone:
        return "the controller has no session for this worker id any more";
    case end_reason::stuck_handlers:
        return "max_stuck handlers ignored their stop request";
    }
    return "unknown";
}

std::string while_registering(const engine_snapshot& slot) {
    if (!slot.register_sent && slot.orphans > 0) {
        return "connected; registration waits for " + std::to_string(slot.orphans) +
               " handlers of the lost connection" +
               in_time(slot.deadline(deadline_reason::register_hold), slot.at, ", at most ");
    }
    return "connected, and the controller has not answered the registration yet" +
           in_time(slot.deadline(deadline_reason::registration), slot.at, "; given up in ");
}

std::string while_waiting(const engine_snapshot& slot) {
    if (slot.held) {
        return "not connected: another slot tries first, for the controller refused one" + last_end(slot);
    }
    return "not connected" +
           in_time(slot.deadline(deadline_reason::reconnect), slot.at, "; the next attempt is in ") +
           last_end(slot);
}

std::string while_draining(const engine_snapshot& slot) {
    std::string text =
        slot.ending ? "ending: " + std::string{in_words(*slot.ending)} : std::string{"about to pause"};
    if (slot.running) {
        text += "; a task still runs";
    } else if (slot.queued + slot.written > 0) {
        text += "; " + std::to_string(slot.queued + slot.written) + " outcomes or updates are on their way";
    }
    return text + in_time(slot.deadline(deadline_reason::drain_end), slot.at, "; over in at most ");
}

} // namespace

engine_snapshot worker_engine::snapshot() const {
    engine_snapshot all;
    all.at = now_.monotonic;
    all.slot = slot_;
    all.state = state_;
    all.controller = config_.url().to_string();
    all.session = config_.session();
    all.started = started_;
    all.pausing = pausing_;
    all.ending = stopping_;
    all.generation = generation_;
    all.register_sent = register_sent_;
    all.registered = registered_;
    all.idle_time = registered_ ? idle_time_ : 0;
    all.peer_pings = peer_pings_;
    all.deaf = deaf_;
    all.strikes = strikes_;
    all.incoming = incoming_open_ ? incoming_size_ : 0;
    if (last_end_) {
        all.last_end = last_end_->end;
    }
    all.attempts = attempts_;
    all.unanswered = unanswered_;
    all.refusals = refusals_;
    all.was_registered = was_registered_;
    all.held = hold_connects_;
    all.next_attempt = next_attempt_;
    if (running_) {
        const assigned_task& task = running_->task;
        all.running = task_snapshot{
            task.name(),      std::string{task.id()}, std::string{task.queue()}, task.deadline(),
            !assign_pending_, running_->stop_asked,   running_->timed_out,       fraction_};
    }
    if (held_) {
        all.held_task = held_->content.task_id;
    }
    all.orphans = orphans_.size();
    all.stuck = stuck_.size();
    all.queued = queue_.size();
    all.written = written_.size();
    all.refused = unreceipted_refusals_;
    all.handed_back = handed_back_.size();
    all.outbox_bytes = outbox_bytes_;
    all.stream_bytes = stream_bytes_;
    all.pings = ping_serial_;
    all.pongs = pong_serial_;
    all.health = health_;
    all.usage = usage_;
    for (std::size_t i = 0; i < deadline_reasons; ++i) {
        all.deadlines[i] = timer(static_cast<deadline_reason>(i));
    }
    all.counters = counters_;
    return all;
}

std::string why_not_ready(const engine_snapshot& slot) {
    switch (slot.state) {
    case engine_state::stopped:
        return slot.ending ? "stopped: " + std::string{in_words(*slot.ending)} + last_end(slot)
                           : std::string{"not started"};
    case engine_state::connecting:
        return "connecting to " + slot.controller +
               in_time(slot.deadline(deadline_reason::connect), slot.at, "; given up in ") + last_end(slot);
    case engine_state::registering:
        return while_registering(slot);
    case engine_state::ready:
    case engine_state::busy:
        break;
    case engine_state::draining:
        return while_draining(slot);
    case engine_state::closing:
        return "closing the connection" +
               in_time(slot.deadline(deadline_reason::close), slot.at, "; cut off in ");
    case engine_state::backoff:
        return while_waiting(slot);
    case engine_state::paused:
        return "paused by the application; resume() connects again";
    }
    return {};
}

std::string why_not_ready(const group_snapshot& group) {
    std::map<std::string, std::size_t> reasons; // in an order that does not depend on the slots'
    for (const engine_snapshot& slot : group.slots) {
        std::string reason = why_not_ready(slot);
        if (reason.empty()) {
            return {};
        }
        ++reasons[std::move(reason)];
    }
    if (reasons.size() == 1) {
        return reasons.begin()->first;
    }
    std::string text;
    for (const auto& [reason, slots] : reasons) {
        text += (text.empty() ? "" : "\n") + std::to_string(slots) + " of " +
                std::to_string(group.slots.size()) + " slots: " + reason;
    }
    return text;
}

} // namespace distworker
