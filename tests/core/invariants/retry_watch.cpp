#include "core/invariants/retry_watch.hpp"

#include <algorithm>

namespace distworker::testing {
namespace {

using namespace std::chrono_literals;
using std::chrono::nanoseconds;

nanoseconds doubled(nanoseconds base, std::uint32_t times, nanoseconds most) {
    for (; times > 0 && base < most; --times) {
        base *= 2;
    }
    return std::min(base, most);
}

} // namespace

void retry_watch::answered(const moment& m) noexcept {
    stable_at_ = saturating_add(m.now.monotonic, 30s);
    unanswered_ = 0;
    refusals_ = 0;
}

void retry_watch::timers_fired(const moment& m) {
    const bool lasted = stable_at_ <= m.now.monotonic && m.is() != engine_state::closing;
    if (lasted && m.slot.snapshot().attempts == 0) { // it may not have been polled yet
        stable_at_ = never;
        attempts_ = 0;
    }
}

retry_watch::range retry_watch::delay(std::optional<std::chrono::seconds> retry_after, bool was_registered,
                                      bool by_us, const moment& m) const {
    constexpr nanoseconds shortest = 250ms;
    const session_policy session = m.config.session();
    if ((pausing_ && by_us) || (session == session_policy::stable && was_registered)) {
        return {shortest, shortest};
    }
    range r{shortest, doubled(m.config->reconnect_interval, attempts_, m.config->reconnect_cap)};
    if (m.config->reconnect == reconnect_policy::fixed) {
        r = {m.config->reconnect_interval, m.config->reconnect_interval};
    } else if (refusals_ > 0) {
        r = {30s, doubled(30s, refusals_, 300s)};
    }
    if (retry_after) {
        const nanoseconds asked = std::clamp<std::chrono::seconds>(*retry_after, 0s, 10min);
        r = {std::max(r.least, asked), std::max(r.most, asked)};
    }
    if (session == session_policy::one_shot && was_registered) {
        r = {std::max<nanoseconds>(r.least, 20s), std::max<nanoseconds>(r.most, 20s)};
    }
    return r;
}

void retry_watch::ended(const link_end* end, const link_watch& link, const moment& m) {
    using kind = link_end::kind;
    const bool by_us = end == nullptr || m.was == engine_state::closing;
    const bool in_session = !by_us && end->what != kind::name_resolution && end->what != kind::connect &&
                            end->what != kind::tls && end->what != kind::upgrade;
    const bool before_answer = in_session && link.register_sent() && !link.registered();
    const bool refused =
        (before_answer && unanswered_ > 0) ||
        (!by_us && end->what == kind::upgrade && (end->http_status == 401 || end->http_status == 403));
    unanswered_ = before_answer ? unanswered_ + 1 : 0;
    refusals_ = refused ? refusals_ + 1 : 0;
    stable_at_ = never;
    if (m.is() == engine_state::stopped) {
        return;
    }
    const range allowed =
        delay(end == nullptr ? std::nullopt : end->retry_after, link.registered(), by_us, m);
    not_before_ = saturating_add(m.now.monotonic, allowed.least);
    if (m.is() == engine_state::backoff) {
        ++attempts_;
        const monotonic_time at = m.slot.snapshot().deadline(deadline_reason::reconnect);
        book_->check(25, at >= not_before_ && at <= saturating_add(m.now.monotonic, allowed.most),
                     "the next attempt is as far off as the policy says");
        not_before_ = at;
    }
}

void retry_watch::took(const output::connect&, const moment& m) {
    book_->check(25, m.now.monotonic >= not_before_, "no attempt comes before its time");
    not_before_ = saturating_add(m.now.monotonic, 250ms);
}

void retry_watch::rests(const engine_snapshot& now, const moment& m) const {
    book_->check(25, now.attempts == attempts_, "attempts are not forgotten before a session lasted");
    book_->check(25, stable_at_ > m.now.monotonic || m.is() == engine_state::closing,
                 "attempts are forgotten when a session lasted");
    book_->check(25, now.refusals == refusals_, "refusals in a row are counted");
    book_->check(
        25, m.is() != engine_state::backoff || now.deadline(deadline_reason::reconnect) != never || now.held,
        "a slot that waits knows until when");
}

void retry_watch::add_to(fingerprint& all) const {
    const auto& [book, stable_at, attempts, unanswered, refusals, not_before, pausing] = *this;
    all.add(stable_at, attempts, unanswered, refusals, not_before, pausing);
}

} // namespace distworker::testing
