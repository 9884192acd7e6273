// The engine's time: a clamped clock, and one array of timers.
#include <distworker/worker_engine.hpp>

#include <algorithm>

namespace distworker {
namespace {

// Who is woken this much later than it asked to be was suspended with its machine.
constexpr std::chrono::seconds suspension{5};

// What the peer owes us by; after a suspension it gets its time anew.
constexpr deadline_reason peer_deadlines[] = {
    deadline_reason::connect,          deadline_reason::registration,
    deadline_reason::silence,          deadline_reason::deaf,
    deadline_reason::message_stall,    deadline_reason::close,
    deadline_reason::receipt_deadline,
};

} // namespace

void worker_engine::enter(instant now) noexcept {
    dirty_ = true;
    advance(now);
}

void worker_engine::advance(instant now) noexcept {
    if (!has_time_) {
        has_time_ = true;
        now_ = now;
        return;
    }
    if (now.monotonic < now_.monotonic) {
        ++counters_.clock_steps_back;
        now.monotonic = now_.monotonic;
    }
    if (now.monotonic > saturating_add(std::max(now_.monotonic, timers_.earliest().deadline), suspension)) {
        const monotonic_time earliest = saturating_add(now.monotonic, suspension);
        for (const deadline_reason peer : peer_deadlines) {
            if (timer(peer) != never) {
                timers_.set(peer, std::max(timer(peer), earliest));
            }
        }
        ping_wanted_ = ping_wanted_ || registered_;
        dirty_ = true;
    }
    now_ = now;
}

void worker_engine::set_timer(deadline_reason timer, std::chrono::nanoseconds from_now) noexcept {
    timers_.set(timer, saturating_add(now_.monotonic, from_now));
}

void worker_engine::tick(instant now) {
    enter(now);
    fire_timers();
}

void worker_engine::fire_timers() {
    for (std::size_t i = 0; i < deadline_reasons; ++i) {
        const auto reason = static_cast<deadline_reason>(i);
        if (timer(reason) <= now_.monotonic && timer(reason) != never) {
            clear_timer(reason);
            fire(reason);
        }
    }
}

// The deadlines of a task are gone with it: while one of them fires, a task runs.
void worker_engine::fire(deadline_reason timer) {
    switch (timer) {
    case deadline_reason::connect:
        abort_connection({end_cause::timed_out, "no connection within connect_timeout"});
        break;
    case deadline_reason::registration:
        if (held_) {
            ++counters_.unanswered_starts;
            registered(0, proof::assignment);
        } else {
            close_link(end_cause::timed_out, "REGISTER was not answered within registration_timeout", 1002);
        }
        break;
    case deadline_reason::heartbeat:
        heartbeat_due_ = true;
        set_timer(timer, config_->heartbeat_interval);
        break;
    case deadline_reason::silence_probe:
    case deadline_reason::receipt_due:
    case deadline_reason::receipt_retry:
        ping_wanted_ = true;
        break;
    case deadline_reason::silence:
        abort_connection({end_cause::timed_out, "not a byte from the controller within silence_timeout"});
        break;
    case deadline_reason::deaf:
        deaf_ = true;
        settle();
        break;
    case deadline_reason::message_stall:
        close_link(end_cause::timed_out,
                   "an unfinished message got no further byte within message_stall_timeout", 1008);
        break;
    case deadline_reason::close:
        abort_connection(*closing_);
        break;
    case deadline_reason::receipt_deadline:
        close_link(end_cause::timed_out, "no receipt for the outcomes within receipt_timeout", 1001);
        break;
    case deadline_reason::task_timeout:
        ++counters_.timed_out;
        running_->timed_out = true;
        running_->stop_asked = true;
        stop_pending_ = stop_reason::timeout;
        stop_target_ = running_->task.name();
        set_timer(deadline_reason::stop_grace, config_->stop_grace);
        break;
    case deadline_reason::stop_grace:
    case deadline_reason::drain_answer:
        answer_for_running();
        break;
    case deadline_reason::drain_stop:
        if (!running_->stop_asked) {
            running_->stop_asked = true;
            stop_pending_ = stop_reason::shutdown;
            stop_target_ = running_->task.name();
        }
        break;
    case deadline_reason::drain_end:
        close_link(end_cause::local, "the drain is over", close_code());
        break;
    case deadline_reason::idle_exit:
        static_cast<void>(stop(end_reason::idle, config_->drain_timeout, now_));
        break;
    case deadline_reason::reconnect:
        connect_when_due();
        break;
    case deadline_reason::stable:
        attempts_ = 0;
        break;
    case deadline_reason::progress:
    case deadline_reason::register_hold:
        break; // what waited for it looks at the clock in `poll`
    }
}

} // namespace distworker
