// The engine's session: connecting, registering, ending, coming back.
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

bool worker_engine::dispatch(engine_event event) {
    const engine_transition* const row = find_transition(state_, event);
    if (row == nullptr) {
        return false;
    }
    state_ = row->to;
    perform(row->action);
    return true;
}

void worker_engine::perform(engine_action action) {
    switch (action) {
    case engine_action::none:
        break;
    case engine_action::dial:
        dial();
        break;
    case engine_action::introduce:
        introduce();
        break;
    case engine_action::join:
        join();
        break;
    case engine_action::work:
        clear_timer(deadline_reason::idle_exit);
        break;
    case engine_action::rest:
        idle_since_ = now_.monotonic;
        break;
    case engine_action::hang_up:
        hang_up();
        break;
    case engine_action::wait:
        forget_connection();
        timers_.set(deadline_reason::reconnect, next_attempt_);
        break;
    case engine_action::sleep:
        forget_connection();
        clear_timer(deadline_reason::reconnect);
        break;
    case engine_action::finish:
        forget_connection();
        timers_.clear();
        break;
    }
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

void worker_engine::connect_when_due() {
    if (hold_connects_) {
        connect_held_ = true;
    } else {
        dispatch(engine_event::retry);
    }
}

void worker_engine::hold_connects(instant now) {
    enter(now);
    hold_connects_ = true;
}

void worker_engine::release_connects(std::chrono::nanoseconds delay, instant now) {
    enter(now);
    hold_connects_ = false;
    if (std::exchange(connect_held_, false)) { // so it is in `backoff`
        set_timer(deadline_reason::reconnect, std::max(delay, std::chrono::nanoseconds::zero()));
    }
}

void worker_engine::dial() noexcept {
    ++generation_;
    connect_pending_ = true;
    set_timer(deadline_reason::connect, config_->connect_timeout);
}

void worker_engine::opened(std::uint32_t generation, instant now) {
    if (current(generation, now)) {
        dispatch(engine_event::opened);
    }
}

void worker_engine::introduce() noexcept {
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
    dispatch(engine_event::registered);
    idle_time_ = by == proof::response ? std::max(idle_time, 0) : 0;
    if (running_) { // a stable session goes on where it was
        dispatch(engine_event::task_began);
    }
    begin_held_task();
    settle();
}

void worker_engine::join() noexcept {
    ++counters_.registrations;
    registered_ = true;
    was_registered_ = true;
    unanswered_ = 0;
    refusals_ = 0;
    idle_since_ = now_.monotonic;
    clear_timer(deadline_reason::registration);
    set_timer(deadline_reason::stable, stable_after);
    set_timer(deadline_reason::heartbeat, config_->heartbeat_interval);
    heartbeat_due_ = true;
}

void worker_engine::close_link(end_cause cause, std::string detail, std::uint16_t code) {
    if (!dispatch(engine_event::close)) {
        return;
    }
    closing_ = connection_end{.cause = cause, .detail = std::move(detail)};
    close_pending_ = code;
}

void worker_engine::hang_up() noexcept {
    for (const deadline_reason link :
         {deadline_reason::registration, deadline_reason::heartbeat, deadline_reason::silence_probe,
          deadline_reason::silence, deadline_reason::deaf, deadline_reason::message_stall,
          deadline_reason::receipt_due, deadline_reason::receipt_retry, deadline_reason::receipt_deadline,
          deadline_reason::drain_end, deadline_reason::idle_exit, deadline_reason::stable}) {
        clear_timer(link);
    }
    set_timer(deadline_reason::close, close_timeout_);
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
    if (told) {
        last_end_ = output::disconnected{generation_, std::move(end)};
        end_pending_ = true;
    }
}

// Whether this end is the last one, and why.
std::optional<end_reason> worker_engine::fatal(const connection_end& end) const noexcept {
    const session_policy policy = config_.session();
    const std::int64_t limit = config_->max_reconnect_attempts;
    if (stopping_) {
        return stopping_;
    }
    if (policy == session_policy::one_shot && end.before_answer && (was_registered_ || unanswered_ >= 2)) {
        return end_reason::session_gone;
    }
    if (policy == session_policy::stable && refusals_ >= stable_refusals) {
        return end_reason::session_gone;
    }
    if (limit >= 0 && attempts_ >= limit) {
        return end_reason::attempts_exhausted;
    }
    return std::nullopt;
}

std::chrono::nanoseconds
worker_engine::retry_delay(const connection_end& end,
                           std::optional<std::chrono::seconds> retry_after) noexcept {
    if (pausing_ && end.cause == end_cause::local) {
        return min_reconnect_delay;
    }
    const std::chrono::nanoseconds delay =
        backoff(config_.reconnect(), {attempts_, refusals_, retry_after}, random_.next());
    const session_policy policy = config_.session();
    if (registered_ && policy == session_policy::one_shot) {
        return std::max<std::chrono::nanoseconds>(delay, one_shot_delay);
    }
    return registered_ && policy == session_policy::stable ? min_reconnect_delay : delay;
}

void worker_engine::plan_retry(connection_end& end, std::optional<std::chrono::seconds> retry_after) {
    if (const auto reason = fatal(end)) {
        finish(*reason);
        return;
    }
    next_attempt_ = saturating_add(now_.monotonic, retry_delay(end, retry_after));
    if (pausing_) {
        dispatch(engine_event::halted);
        return;
    }
    ++attempts_;
    dispatch(engine_event::ended);
    end.retry_at = next_attempt_;
}

void worker_engine::forget_connection() noexcept {
    for (std::size_t i = 0; i < deadline_reasons; ++i) {
        const auto reason = static_cast<deadline_reason>(i);
        switch (reason) {
        case deadline_reason::register_hold:
        case deadline_reason::task_timeout: // these go on with a task that outlives its connection
        case deadline_reason::stop_grace:
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
    connect_held_ = false;
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
    forget_running();
    progress_waits_ = false;
}

void worker_engine::finish(end_reason reason) {
    hand_back_outbox(); // a stable session may have kept it, and its task, until now
    lose_running();
    stopping_ = reason;
    stopped_pending_ = true;
    dispatch(engine_event::finished);
}

} // namespace distworker
