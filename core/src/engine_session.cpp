// The engine's session: connecting, registering, ending, coming back, draining.
#include <distworker/worker_engine.hpp>

#include <algorithm>
#include <string>

namespace distworker {
namespace {

constexpr std::chrono::seconds stable_after{30};
// The controller notices a dead link after 15 s; registering a provisioned worker before makes a ghost
// (protocol, section 4).
constexpr std::chrono::seconds one_shot_delay{20};
// How long a handler of a lost connection may hold up the next registration.
constexpr std::chrono::seconds orphan_grace{5};
// An idle slot that leaves waits this long for an assignment that may be on its way.
constexpr std::chrono::seconds final_ping_wait{1};
// While draining, an unfinished task is answered for this long before the end, so that the answer gets out.
constexpr std::chrono::seconds answer_margin{1};
constexpr std::uint32_t stable_refusals = 10;
constexpr std::size_t max_orphans = 64;

constexpr std::string_view refusal_causes =
    "the controller ended the connection after REGISTER without an answer; likely causes, in this order: "
    "the token is wrong, this machine's clock is more than 5 minutes off, the provisioner is unknown, "
    "the worker id is unknown or used up";

bool is_refusal_status(int http_status) noexcept {
    return http_status == 401 || http_status == 403;
}

} // namespace

worker_engine::worker_engine(valid_worker_config config, signer sign, std::uint64_t seed)
    : worker_engine{std::move(config), std::move(sign), seed, slot_options{}} {}

worker_engine::worker_engine(valid_worker_config config, signer sign, std::uint64_t seed,
                             slot_options options)
    : config_{std::move(config)}, sign_{std::move(sign)}, random_{seed}, pool_{std::move(options.pool)},
      slot_{options.slot}, exit_when_idle_{options.exit_when_idle} {}

bool worker_engine::move(engine_event event) noexcept {
    const auto next = next_state(state_, event);
    if (next) {
        state_ = *next;
    }
    return next.has_value();
}

bool worker_engine::link_up() const noexcept {
    return state_ == engine_state::registering || state_ == engine_state::ready ||
           state_ == engine_state::busy || state_ == engine_state::draining;
}

bool worker_engine::current(std::uint32_t generation, instant now) noexcept {
    enter(now);
    const bool has_connection = link_up() || state_ == engine_state::closing ||
                                (state_ == engine_state::connecting && !connect_pending_);
    if (!has_connection || generation != generation_) {
        ++counters_.stale_events;
        return false;
    }
    return true;
}

std::expected<void, misuse> worker_engine::start(instant now, std::chrono::nanoseconds delay) {
    if (started_) {
        return std::unexpected{misuse::not_in_state};
    }
    started_ = true;
    enter(now);
    if (delay > std::chrono::nanoseconds::zero()) {
        move(engine_event::put_off);
        set_timer(deadline_reason::reconnect, delay);
    } else {
        begin_connect();
    }
    return {};
}

void worker_engine::begin_connect() {
    if (!move(state_ == engine_state::stopped ? engine_event::started : engine_event::retry)) {
        return;
    }
    ++generation_;
    connect_pending_ = true;
    set_timer(deadline_reason::connect, config_->connect_timeout);
}

void worker_engine::opened(std::uint32_t generation, instant now) {
    if (!current(generation, now) || !move(engine_event::opened)) {
        return;
    }
    ++counters_.connections;
    clear_timer(deadline_reason::connect);
    nonce_ = random_.next();
    heard();
}

void worker_engine::heard() noexcept {
    if (link_up()) {
        set_timer(deadline_reason::silence_probe, config_->silence_probe);
        set_timer(deadline_reason::silence, config_->silence_timeout);
    }
}

void worker_engine::alive(std::uint32_t generation, instant now) {
    if (current(generation, now)) {
        heard();
    }
}

void worker_engine::pinged(std::uint32_t generation, instant now) {
    if (!current(generation, now) || !link_up()) {
        return;
    }
    heard();
    peer_pings_ = true;
    deaf_ = false;
    set_timer(deadline_reason::deaf, config_->deaf_timeout);
}

void worker_engine::registered(std::int32_t idle_time, proof by) {
    if (!move(engine_event::registered)) {
        return;
    }
    ++counters_.registrations;
    registered_ = true;
    was_registered_ = true;
    unanswered_ = 0;
    refusals_ = 0;
    idle_time_ = by == proof::response ? std::max(idle_time, 0) : 0;
    idle_since_ = now_.monotonic;
    clear_timer(deadline_reason::registration);
    set_timer(deadline_reason::stable, stable_after);
    set_timer(deadline_reason::heartbeat, config_->heartbeat_interval);
    heartbeat_due_ = true;
    if (running_) { // a stable session goes on where it was
        move(engine_event::task_began);
    }
    begin_held_task();
    settle();
}

void worker_engine::close_link(end_cause cause, std::string detail, std::uint16_t code) {
    if (!link_up() || !move(engine_event::close)) {
        return;
    }
    closing_ = connection_end{.cause = cause, .detail = std::move(detail)};
    close_pending_ = code;
    for (const deadline_reason link :
         {deadline_reason::registration, deadline_reason::heartbeat, deadline_reason::silence_probe,
          deadline_reason::silence, deadline_reason::deaf, deadline_reason::message_stall,
          deadline_reason::receipt_due, deadline_reason::receipt_retry, deadline_reason::receipt_deadline,
          deadline_reason::drain_end, deadline_reason::idle_exit, deadline_reason::stable}) {
        clear_timer(link);
    }
    set_timer(deadline_reason::close, config_->close_timeout);
}

void worker_engine::closed(std::uint32_t generation, const link_end& end, instant now) {
    if (!current(generation, now)) {
        return;
    }
    end_connection(closing_ ? *closing_ : judge(end), end.retry_after);
}

// Ends a connection that the transport still holds.
void worker_engine::abort_connection(connection_end end) {
    if (!connect_pending_) {
        abort_pending_ = generation_;
    }
    end_connection(std::move(end), {});
}

connection_end worker_engine::judge(const link_end& end) const {
    connection_end judged;
    judged.detail = std::string{to_string(end.what)} + ": " + end.detail;
    switch (end.what) {
    case link_end::kind::name_resolution:
    case link_end::kind::connect:
    case link_end::kind::tls:
        judged.cause = end_cause::transport;
        return judged;
    case link_end::kind::upgrade:
        judged.cause = is_refusal_status(end.http_status) ? end_cause::refused : end_cause::transport;
        return judged;
    case link_end::kind::protocol:
        judged.cause = end_cause::peer_violation;
        break;
    case link_end::kind::peer_close:
    case link_end::kind::lost:
    case link_end::kind::closed:
        judged.cause = end_cause::peer_closed;
        break;
    }
    if (register_sent_ && !registered_) {
        judged.before_answer = true;
        judged.cause = unanswered_ == 0 ? judged.cause : end_cause::refused;
        judged.detail = std::string{refusal_causes};
        if (end.clock_skew) {
            judged.detail += "; the controller's clock is " + std::to_string(end.clock_skew->count()) +
                             " s ahead of this machine's";
        }
    }
    return judged;
}

void worker_engine::end_connection(connection_end end, std::optional<std::chrono::seconds> retry_after) {
    const bool keep_session = config_.session() == session_policy::stable && !stopping_;
    if (keep_session) {
        keep_outbox();
    } else {
        hand_back_outbox();
        lose_running();
    }
    if (held_) {
        ++counters_.lost_assignments;
        held_.reset();
    }
    unanswered_ = end.before_answer ? unanswered_ + 1 : 0;
    refusals_ = end.cause == end_cause::refused ? refusals_ + 1 : 0;
    const bool told = !connect_pending_; // a connect that nobody took has no end to tell
    plan_retry(end, retry_after);
    forget_connection();
    if (told) {
        ended_ = output::disconnected{generation_, std::move(end)};
    }
}

void worker_engine::plan_retry(connection_end& end, std::optional<std::chrono::seconds> retry_after) {
    if (stopping_) {
        return finish(*stopping_);
    }
    const session_policy policy = config_.session();
    const bool one_shot = policy == session_policy::one_shot;
    if (one_shot && end.before_answer && (was_registered_ || unanswered_ >= 2)) {
        return finish(end_reason::session_gone);
    }
    if (policy == session_policy::stable && refusals_ >= stable_refusals) {
        return finish(end_reason::session_gone);
    }
    const std::int64_t limit = config_->max_reconnect_attempts;
    if (limit >= 0 && attempts_ >= limit) {
        return finish(end_reason::attempts_exhausted);
    }
    std::chrono::nanoseconds delay =
        backoff(config_.reconnect(), {attempts_, refusals_, retry_after}, random_.next());
    if (one_shot && registered_) {
        delay = std::max<std::chrono::nanoseconds>(delay, one_shot_delay);
    } else if (policy == session_policy::stable && registered_) {
        delay = min_reconnect_delay;
    }
    ++attempts_;
    move(engine_event::ended);
    set_timer(deadline_reason::reconnect, delay);
    end.retry_at = timer(deadline_reason::reconnect);
}

void worker_engine::forget_connection() noexcept {
    for (std::size_t i = 0; i < deadline_reasons; ++i) {
        const auto reason = static_cast<deadline_reason>(i);
        switch (reason) {
        case deadline_reason::reconnect:
        case deadline_reason::register_hold:
            break;
        case deadline_reason::task_timeout: // these go on with a task that outlives its connection
        case deadline_reason::stop_grace:
            if (!running_) {
                clear_timer(reason);
            }
            break;
        default:
            clear_timer(reason);
        }
    }
    connect_pending_ = false;
    register_sent_ = false;
    registered_ = false;
    peer_pings_ = false;
    deaf_ = false;
    close_pending_ = 0;
    closing_.reset();
    nonce_ = 0;
    ping_serial_ = 0;
    pong_serial_ = 0;
    final_ping_ = 0;
    ping_wanted_ = false;
    strikes_ = 0;
    incoming_ = {};
    incoming_open_ = false;
    own_frame_ = {};
    sending_ = in_flight::none;
    heartbeat_due_ = false;
    sample_told_ = false;
}

void worker_engine::lose_running() {
    if (!running_) {
        return;
    }
    if (assign_pending_) { // nobody has seen it: nothing to stop
        ++counters_.lost_assignments;
        assign_pending_ = false;
        stop_pending_.reset();
    } else {
        if (orphans_.size() == max_orphans) {
            orphans_.erase(orphans_.begin());
        }
        orphans_.push_back(running_->task.name());
        stop_pending_ = stop_reason::connection_lost;
        stop_target_ = running_->task.name();
        set_timer(deadline_reason::register_hold, orphan_grace);
    }
    running_.reset();
    progress_waits_ = false;
    writable_wanted_ = false;
    writable_pending_ = false;
}

void worker_engine::finish(end_reason reason) {
    hand_back_outbox(); // a stable session may have kept it, and its task, until now
    lose_running();
    stopping_ = reason;
    stopped_pending_ = true;
    move(engine_event::finished);
    timers_.clear();
}

std::uint16_t worker_engine::close_code() const noexcept {
    return stopping_ == end_reason::signal ? std::uint16_t{1001} : std::uint16_t{1000};
}

std::expected<void, misuse> worker_engine::stop(end_reason why, std::chrono::nanoseconds drain_timeout,
                                                instant now) {
    enter(now);
    drain_timeout = std::max(drain_timeout, std::chrono::nanoseconds::zero());
    if (!started_ || state_ == engine_state::stopped) {
        return std::unexpected{misuse::not_in_state};
    }
    const bool first = !stopping_;
    if (first) {
        stopping_ = why;
    }
    switch (state_) {
    case engine_state::connecting:
        abort_connection({end_cause::local, "stopped while connecting"});
        break;
    case engine_state::backoff:
        finish(*stopping_);
        break;
    case engine_state::registering:
        close_link(end_cause::local, "stopped while registering", close_code());
        break;
    case engine_state::ready:
    case engine_state::busy:
        refuse_unseen();
        move(engine_event::drain);
        clear_timer(deadline_reason::idle_exit);
        [[fallthrough]];
    case engine_state::draining: {
        const auto shorten = [this](deadline_reason which, std::chrono::nanoseconds from_now) {
            const monotonic_time at =
                saturating_add(now_.monotonic, std::max(from_now, std::chrono::nanoseconds::zero()));
            timers_.set(which, std::min(timers_[which], at));
        };
        if (running_) {
            shorten(deadline_reason::drain_stop, drain_timeout - config_->stop_grace);
            shorten(deadline_reason::drain_answer, drain_timeout - answer_margin);
        }
        shorten(deadline_reason::drain_end, drain_timeout);
        settle();
        break;
    }
    case engine_state::closing:
    case engine_state::stopped:
        break;
    }
    return {};
}

bool worker_engine::nothing_outstanding() const noexcept {
    return !running_ && !held_ && queue_.empty() && written_.empty() && sending_ == in_flight::none;
}

// Called after anything that may let the slot rest, leave, or end.
void worker_engine::settle() {
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

void worker_engine::continue_drain() {
    if (running_ || !queue_.empty() || sending_ != in_flight::none) {
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
        timers_.set(deadline_reason::drain_end, std::min(timers_[deadline_reason::drain_end],
                                                         saturating_add(now_.monotonic, final_ping_wait)));
    }
}

} // namespace distworker
