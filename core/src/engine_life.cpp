// The engine's life: starting, pausing, draining, stopping.
#include <distworker/worker_engine.hpp>

#include <algorithm>

namespace distworker {
namespace {

// An idle slot that leaves waits this long for an assignment that may be on its way.
constexpr std::chrono::seconds final_ping_wait{1};
// While draining, an unfinished task is answered for this long before the end, so that the answer gets out.
constexpr std::chrono::seconds answer_margin{1};

} // namespace

worker_engine::worker_engine(valid_worker_config config, signer sign, std::uint64_t seed)
    : worker_engine{std::move(config), std::make_shared<signer>(std::move(sign)), seed, slot_options{}} {}

worker_engine::worker_engine(valid_worker_config config, std::shared_ptr<signer> sign, std::uint64_t seed,
                             slot_options options) noexcept
    : config_{std::move(config)}, sign_{std::move(sign)}, random_{seed}, pool_{std::move(options.pool)},
      slot_{options.slot}, exit_when_idle_{options.exit_when_idle},
      generation_{options.last_delivery.generation}, close_timeout_{config_->close_timeout},
      serial_{options.last_delivery.serial} {}

std::expected<void, misuse> worker_engine::start(instant now, std::chrono::nanoseconds delay) noexcept {
    if (started_) {
        return std::unexpected{misuse::not_in_state};
    }
    started_ = true;
    enter(now);
    if (hold_connects_ || delay > std::chrono::nanoseconds::zero()) {
        next_attempt_ = saturating_add(now_.monotonic, std::max(delay, std::chrono::nanoseconds::zero()));
        dispatch(engine_event::put_off);
    } else {
        dispatch(engine_event::started);
    }
    return {};
}

std::expected<void, misuse> worker_engine::pause(instant now) noexcept {
    enter(now);
    if (!started_ || stopping_ || config_.session() == session_policy::one_shot) {
        return std::unexpected{misuse::not_in_state};
    }
    if (std::exchange(pausing_, true)) {
        return {};
    }
    if (state_ == engine_state::connecting) {
        abort_connection(end_cause::local, "paused while connecting");
    } else if (state_ == engine_state::registering) {
        close_link(end_cause::local, "paused while registering", 1000);
    } else if (state_ == engine_state::ready || state_ == engine_state::busy) {
        refuse_unseen();
        dispatch(engine_event::drain);
        settle();
    } else if (state_ == engine_state::backoff) {
        next_attempt_ = connect_held_ ? now_.monotonic : timer(deadline_reason::reconnect);
        dispatch(engine_event::halted);
    } // or it closes, and will not connect again
    return {};
}

std::expected<void, misuse> worker_engine::resume(instant now) noexcept {
    enter(now);
    if (!started_ || stopping_) {
        return std::unexpected{misuse::not_in_state};
    }
    if (!std::exchange(pausing_, false)) {
        return {};
    }
    if (dispatch(engine_event::carry_on)) {
        final_ping_ = 0;
        clear_timer(deadline_reason::drain_end);
        idle_since_ = now_.monotonic;
        if (running_) {
            dispatch(engine_event::task_began);
        }
        settle();
    } else if (state_ == engine_state::paused) {
        const bool now_allowed = !hold_connects_ && next_attempt_ <= now_.monotonic;
        dispatch(now_allowed ? engine_event::started : engine_event::put_off);
    }
    return {};
}

std::expected<void, misuse> worker_engine::stop(end_reason why, stop_limits limits, instant now) noexcept {
    enter(now);
    if (!started_ || state_ == engine_state::stopped) {
        return std::unexpected{misuse::not_in_state};
    }
    if (!stopping_) {
        stopping_ = why;
    }
    if (limits.close) {
        close_timeout_ = std::clamp(*limits.close, std::chrono::nanoseconds::zero(), close_timeout_);
    }
    if (state_ == engine_state::connecting) {
        abort_connection(end_cause::local, "stopped while connecting");
    } else if (state_ == engine_state::backoff || state_ == engine_state::paused) {
        finish(*stopping_);
    } else if (state_ == engine_state::registering) {
        close_link(end_cause::local, "stopped while registering", close_code());
    } else if (state_ == engine_state::closing) {
        shorten(deadline_reason::close, close_timeout_);
    } else { // ready, busy, or draining already
        refuse_unseen();
        dispatch(engine_event::drain);
        limit_drain(limits.drain);
    }
    return {};
}

void worker_engine::shorten(deadline_reason which, std::chrono::nanoseconds from_now) noexcept {
    const monotonic_time at =
        saturating_add(now_.monotonic, std::max(from_now, std::chrono::nanoseconds::zero()));
    timers_.set(which, std::min(timers_[which], at));
}

void worker_engine::limit_drain(std::chrono::nanoseconds drain) noexcept {
    drain = std::max(drain, std::chrono::nanoseconds::zero());
    if (running_) {
        shorten(deadline_reason::drain_stop, drain - config_->stop_grace);
        shorten(deadline_reason::drain_answer, drain - answer_margin);
    }
    drain_limit_ = std::min(drain_limit_, saturating_add(now_.monotonic, drain));
    timers_.set(deadline_reason::drain_end, drain_limit_);
    settle();
}

std::uint16_t worker_engine::close_code() const noexcept {
    return stopping_ == end_reason::signal ? std::uint16_t{1001} : std::uint16_t{1000};
}

bool worker_engine::nothing_outstanding() const noexcept {
    return !running_ && !held_ && queue_.empty() && written_.empty() && sending_ == in_flight::none;
}

// Called after anything that may let the slot rest, leave, or end.
void worker_engine::settle() noexcept {
    if (state_ == engine_state::draining) {
        continue_drain();
        return;
    }
    if (deaf_ && link_up()) {
        if (nothing_outstanding()) {
            close_link(end_cause::timed_out, "the controller's own pings have stopped: its sender is stuck",
                       1000);
            return;
        }
        ping_wanted_ = ping_wanted_ || (!running_ && queue_.empty() && ping_serial_ == pong_serial_);
    }
    timers_.set(deadline_reason::idle_exit, exit_when_idle_ ? idle_exit_at() : never);
}

monotonic_time worker_engine::idle_exit_at() const noexcept {
    if (state_ != engine_state::ready || idle_time_ <= 0 || !nothing_outstanding()) {
        return never;
    }
    return saturating_add(idle_since_, std::chrono::seconds{idle_time_});
}

void worker_engine::continue_drain() noexcept {
    if (!nothing_outstanding()) { // also what came in the last second of an idle slot gets its receipt
        timers_.set(deadline_reason::drain_end, drain_limit_);
    }
    if (running_ || held_ || !queue_.empty() || sending_ != in_flight::none) {
        return;
    }
    if (written_.empty() && final_ping_ != 0 && pong_serial_ >= final_ping_) {
        close_link(end_cause::local, "drained", close_code());
        return;
    }
    if (ping_serial_ == pong_serial_ || (final_ping_ == 0 && !ping_wanted_)) {
        ping_wanted_ = true;
    }
    if (written_.empty()) {
        shorten(deadline_reason::drain_end, final_ping_wait);
    }
}

} // namespace distworker
