// The session: connections, their order, what goes out on them.
#include <distworker/sim/witness.hpp>

#include <algorithm>
#include <cstring>
#include <utility>

namespace distworker::sim {
namespace {

using namespace std::chrono_literals;

// An engine that is woken this much later than it asked was suspended, and gives the peer as much again.
constexpr std::chrono::seconds suspension{5};
constexpr std::chrono::seconds stable_after{30};
constexpr std::chrono::seconds one_shot_delay{20};
constexpr std::uint32_t stable_refusals = 10;

constexpr std::uint16_t our_close_codes[] = {1000, 1001, 1002, 1003, 1007, 1008, 1009};

} // namespace

std::size_t witness::hash_of(std::span<const std::byte> frame) noexcept {
    const std::size_t hash = std::hash<std::string_view>{}(as_text(frame));
    return hash == 0 ? 1 : hash;
}

void witness::accuse(std::string_view invariant, const std::string& what) {
    if (accusations_.size() < 20) {
        accusations_.push_back(std::string{invariant} + ": slot " + std::to_string(slot_) + ": " + what);
    }
}

void witness::report_on(report::kind what, std::uint32_t slot, const work& of) {
    if (tell_) {
        tell_({what, slot, of.name, of.id, of.answer});
    }
}

void witness::report_on(report::kind what, const delivery& task, std::string_view id, std::size_t answer) {
    if (tell_) {
        tell_({what, task.slot, task, id, answer});
    }
}

witness::slot_life& witness::life(std::uint32_t slot) {
    slot_ = slot;
    return slots_[slot];
}

witness::slot_life* witness::current(std::uint32_t slot, std::uint32_t generation) {
    slot_life& of = life(slot);
    return of.now.state != link::none && of.now.generation == generation ? &of : nullptr;
}

bool witness::keeps_session(const slot_life& of) const {
    return config_.session() == session_policy::stable && !of.stop_at;
}

signer witness::noting(signer sign) {
    return [this, sign = std::move(sign)](std::string_view date, std::span<const std::byte> data) mutable {
        auto answer = sign(date, data);
        signatures_.push_back({std::string{date}, {data.begin(), data.end()}, answer.has_value()});
        return answer;
    };
}

void witness::enter(instant now) {
    now.monotonic = std::max(now.monotonic, now_.monotonic); // a step back does not count
    if (now.monotonic > saturating_add(std::max(deadline_, now_.monotonic), suspension)) {
        excused_until_ = now.monotonic + suspension;
        seen_->hit("suspended");
    }
    now_ = now;
}

// --- What the group is given ---

void witness::gave(const group_input& what, instant now) {
    // A slot that was not asked lately may take an earlier time than the others for true.
    step_back_ = now_.monotonic > now.monotonic ? now_.monotonic - now.monotonic : 0ns;
    enter(now);
    const auto on = [&](const auto& event, auto&& act) {
        if (slot_life* const of = current(event.slot, event.generation)) {
            act(*of);
        } else {
            seen_->hit("event_of_an_old_connection");
        }
    };
    std::visit(
        overloaded{
            [&](const input::opened& e) { on(e, [&](slot_life& of) { opened(of); }); },
            [&](const input::received& e) { on(e, [&](slot_life& of) { received(of, e); }); },
            [&](const input::pinged& e) {
                on(e, [&](slot_life& of) {
                    of.now.heard_at = of.now.peer_sign_at = now_.monotonic;
                    of.now.peer_pings = true;
                });
            },
            [&](const input::pong& e) { on(e, [&](slot_life& of) { ponged(e.slot, of, e.payload); }); },
            [&](const input::alive& e) { on(e, [&](slot_life& of) { of.now.heard_at = now_.monotonic; }); },
            [&](const input::sent& e) { on(e, [&](slot_life& of) { written(of); }); },
            [&](const input::closed& e) { on(e, [&](slot_life& of) { closed(of, e); }); },
            [&](const input::complete& e) {
                answer_hash_ = e.answer->empty() ? 0 : hash_of(e.answer->frame());
                answer_size_ = e.answer->frame().size();
            },
            [&](const input::stream& e) { item_hash_ = hash_of(e.item->frame()); },
            [](const auto&) {},
        },
        what);
}

void witness::answered(const group_input& what, const std::expected<void, misuse>& result) {
    const auto each_slot = [this](auto&& act) {
        for (auto& [slot, of] : slots_) {
            act(of);
        }
    };
    std::visit(overloaded{
                   [&](const input::complete& e) { completed(e.task, result); },
                   [&](const input::progress& e) {
                       work* const task = running(life(e.task.slot));
                       if (result && task != nullptr && task->first_update == never) {
                           task->first_update = now_.monotonic;
                       }
                   },
                   [&](const input::stream& e) {
                       work* const task = running(life(e.task.slot));
                       if (result && task != nullptr) {
                           task->items.push_back(item_hash_);
                           ++task->flushes;
                       }
                   },
                   [&](const input::stop& e) {
                       if (result) {
                           each_slot([&](slot_life& of) { stop(of, e.limits); });
                       }
                   },
                   [&](const input::pause&) {
                       if (result) {
                           paused_ = true;
                           each_slot([&](slot_life& of) { // one that was held is refused now
                               for (debt& each : of.owed) {
                                   each.to_be_refused = true;
                               }
                           });
                       }
                   },
                   [&](const input::resume&) { paused_ = paused_ && !result.has_value(); },
                   [&](const input::set_slots& e) {
                       if (result) {
                           resized(e.count);
                       }
                   },
                   [](const auto&) {},
               },
               what);
}

void witness::stop(slot_life& of, const stop_limits& limits) {
    if (of.told == engine_state::stopped && of.now.generation > 0) {
        return;
    }
    const auto drain = std::max(limits.drain, std::chrono::nanoseconds::zero());
    if (!of.stop_at) {
        of.stop_at = now_.monotonic;
        of.close_limit = config_->close_timeout;
    }
    of.drain_end = std::min(of.drain_end, saturating_add(now_.monotonic, drain));
    of.earliest_drain_end =
        std::min(of.earliest_drain_end, saturating_add(now_.monotonic - step_back_, drain));
    if (limits.close) {
        of.close_limit = std::clamp(*limits.close, std::chrono::nanoseconds::zero(), of.close_limit);
    }
}

// A slot drains, or stops its task. When nobody told it to, its group leaves by itself.
void witness::may_leave(slot_life& of) {
    if (!of.stop_at && !paused_) {
        leaves_ = true;
        stop(of, config_->drain_timeout);
    }
}

void witness::resized(std::uint32_t count) {
    for (auto& [slot, of] : slots_) {
        slot_ = slot;
        if (slot >= count) {
            of.leaving = true;
            stop(of, config_->drain_timeout);
        }
    }
}

void witness::opened(slot_life& of) {
    if (of.now.state == link::connecting) {
        of.now.state = link::open;
        of.now.since = of.now.heard_at = now_.monotonic;
    }
}

void witness::closed(slot_life& of, const input::closed& what) {
    if (of.now.ended_at == never) { // the first one counts
        of.now.retry_after = what.end.retry_after;
        of.now.ended_at = now_.monotonic - step_back_;
        of.now.end_slack = step_back_;
    }
}

// --- What the group wants ---

void witness::took(const group_output& next, instant now) {
    enter(now);
    const std::uint32_t slot = next.slot;
    slot_ = slot;
    std::visit(overloaded{
                   [&](const output::idle& out) {
                       deadline_ = out.deadline;
                       if (out.deadline <= now_.monotonic) {
                           accuse("I20", "idle with a deadline that has passed");
                       }
                   },
                   [&](const output::connect& out) { connecting(slot, out); },
                   [&](const output::send& out) { sending(slot, out); },
                   [&](const output::ping& out) { pinging(slot, out); },
                   [&](const output::close& out) { closing(slot, out); },
                   [](const output::abort&) {},
                   [&](const output::assigned& out) { assigned(out.task); },
                   [&](const output::stop_task& out) { stop_asked(out); },
                   [&](const output::writable& out) {
                       seen_->hit("writable_again");
                       if (running(life(out.task.slot)) == nullptr) {
                           accuse("I18", "room for a task that does not run");
                       }
                   },
                   [&](const output::undeliverable& out) { undeliverable(out); },
                   [](const output::sample_wanted&) {},
                   [&](const output::state_changed& out) { state_changed(slot, out.state); },
                   [&](const output::disconnected& out) { disconnected(slot, out); },
                   [&](const output::stopped& out) {
                       seen_->hit(std::string{"ended: "} + to_string(out.reason));
                       if (std::exchange(stopped_, true)) {
                           accuse("L4", "two ends");
                       }
                   },
               },
               next.out);
}

void witness::connecting(std::uint32_t slot, const output::connect& out) {
    slot_life& of = life(slot);
    if (of.now.state != link::none) {
        accuse("I7", "a second connection while one is up");
    }
    if (out.generation <= of.now.generation) {
        accuse("I5", "a generation that does not grow");
    }
    if (stopped_ || of.stop_at) {
        accuse("I6", "a connection after the end");
    }
    if (now_.monotonic < of.retry_at) {
        accuse("I25", "an attempt before its time");
    }
    lose_debts(slot, of); // an attempt that is due already comes before anybody rests
    of.now = {.state = link::connecting, .generation = out.generation, .since = now_.monotonic};
}

void witness::sending(std::uint32_t slot, const output::send& out) {
    slot_life& of = life(slot);
    connection& link_now = of.now;
    if (link_now.state != link::open) {
        accuse("I6", "a frame on a connection that is not open");
    }
    if (out.generation != link_now.generation) {
        accuse("I5", "a frame for another connection");
    }
    if (link_now.busy != writing::nothing) {
        accuse("I21", "a second message while one is being written");
    }
    link_now.busy = writing::own;
    const auto frame = read_frame(out.bytes);
    if (!frame) {
        accuse("I14", "a frame that cannot be read: " + std::string{frame.error().reason});
        return;
    }
    if (!link_now.register_sent) {
        registering(of, out.bytes);
        return;
    }
    expect_registered(of, "a frame");
    std::visit(
        overloaded{
            [&](const worker_register_view&) { accuse("I1", "a second REGISTER"); },
            [&](const heartbeat_view&) {
                if (std::exchange(link_now.heartbeat_sent, true) && now_.monotonic == link_now.heartbeat_at) {
                    accuse("L3", "two heartbeats at once");
                }
                link_now.heartbeat_at = now_.monotonic;
            },
            [&](const task_progress_view& view) { progress_sent(of, view, out.bytes); },
            [&](const task_complete_view& view) { outcome_sent(of, view.task_id, {}, out.bytes); },
            [&](const task_failed_view& view) { outcome_sent(of, view.task_id, view.error_code, out.bytes); },
            [&](const auto&) { accuse("I9", "a frame that only a controller sends"); },
        },
        *frame);
}

// The first frame of a connection: freshly signed, with the date of this very moment.
void witness::registering(slot_life& of, std::span<const std::byte> bytes) {
    of.now.register_sent = true;
    of.now.register_at = now_.monotonic;
    const auto frame = read_frame(bytes);
    const auto* const sent = std::get_if<worker_register_view>(&*frame);
    if (sent == nullptr) {
        accuse("I1", "the first frame is not REGISTER");
        return;
    }
    const auto told = read_signed_register(sent->data);
    const auto date = signing_date(now_.wall);
    if (!told || !date || told->date != date->view()) {
        accuse("I3", "the date is not that of the wall clock's one reading");
    }
    const std::vector<signature> asked = std::exchange(signatures_, {});
    if (asked.size() != 1 || !asked[0].given || !std::ranges::equal(asked[0].data, sent->data) ||
        (told && asked[0].date != told->date)) {
        accuse("I4", "a registration that was not signed for itself");
    }
}

void witness::pinging(std::uint32_t slot, const output::ping& out) {
    connection& link_now = life(slot).now;
    if (link_now.state != link::open || out.generation != link_now.generation) {
        accuse("I6", "a ping without its connection");
    }
    expect_registered(life(slot), "a ping");
    if (link_now.busy != writing::nothing) {
        accuse("I10", "a receipt is asked for before the outcome is written");
    }
    std::uint64_t serial = 0;
    std::memcpy(&serial, out.payload.data() + link_now.nonce.size(), sizeof serial);
    if (serial != ++link_now.pings) {
        accuse("I5", "a ping of another connection");
    }
    std::copy_n(out.payload.begin(), link_now.nonce.size(), link_now.nonce.begin());
    if (std::ranges::any_of(slots_[slot].works, &work::written)) {
        link_now.waits_for_pong = std::min(link_now.waits_for_pong, now_.monotonic);
    }
    seen_->hit("receipt_asked");
}

void witness::closing(std::uint32_t slot, const output::close& out) {
    slot_life& of = life(slot);
    if (of.now.state != link::open || out.generation != of.now.generation) {
        accuse("I6", "a second Close, or one without a connection");
    }
    if (std::ranges::find(our_close_codes, out.code) == std::end(our_close_codes)) {
        accuse("I6", "Close with code " + std::to_string(out.code));
    }
    if (out.code == 1003 && running(of) != nullptr) {
        accuse("I13", "messages that mean nothing end a connection with a task in flight");
    }
    of.now.state = link::closing;
    of.now.since = now_.monotonic;
    of.now.lived_until = settled_at_;
    of.now.excused = out.code == 1008 || out.code == 1003;
    of.now.loose_end = of.now.registered && !of.works.empty();
    signatures_.clear();
}

void witness::disconnected(std::uint32_t slot, const output::disconnected& out) {
    slot_life& of = life(slot);
    connection& gone = of.now;
    if (gone.state == link::none || out.generation != gone.generation) {
        accuse("I7", "an end without its connection");
    }
    const end_cause cause = out.end.cause;
    seen_->hit(std::string{"end: "} + to_string(cause));
    const bool orderly = gone.state == link::closing && cause == end_cause::local;
    if (orderly && gone.loose_end && of.stop_at && !paused_ && now_.monotonic < of.earliest_drain_end) {
        accuse("I16", "an orderly end, before the drain was over, with a task or an outcome left open");
    }
    // Also where the connection was lost before the Close that said so was answered.
    broken_rules_ += cause == end_cause::peer_violation || gone.excused ? 1U : 0U;
    signatures_.clear();
    check_retry(of, out.end);
    of.retry_at = out.end.retry_at == never ? monotonic_time::min() : out.end.retry_at;
    const std::uint32_t generation = gone.generation;
    gone = {.generation = generation, .excused = gone.excused};
    if (keeps_session(of)) {
        for (work& task : of.works) {
            task.sent = task.written = false;
        }
    }
}

// What can never go well again ends the worker, and nothing else does (L7).
void witness::check_fatal(const slot_life& of, const connection_end& end) {
    const session_policy policy = config_.session();
    const bool gone =
        policy == session_policy::one_shot && end.before_answer && (of.was_registered || of.unanswered >= 2);
    const bool refused = policy == session_policy::stable && of.refusals >= stable_refusals;
    const bool gives_up = end.retry_at == never;
    if ((gone || refused) && !gives_up) {
        accuse("L7", "it goes on although its session is gone");
    }
    // One that leaves by itself does not say that it drains where it has no time for that, as when it is
    // idle, or nothing to drain, as when handlers are stuck and it is not connected yet.
    const auto may_be_stuck = [](const auto& slot) {
        const slot_life& any = slot.second;
        return !any.orphans.empty() ||
               std::ranges::any_of(any.works, [](const work& w) { return w.stop.has_value(); });
    };
    const bool leaves = end.cause == end_cause::local &&
                        (config_->drain_timeout == std::chrono::milliseconds::zero() ||
                         (of.now.state == link::connecting && std::ranges::any_of(slots_, may_be_stuck)));
    const bool may_give_up =
        gone || refused || leaves || leaves_ || of.stop_at || paused_ || config_->max_reconnect_attempts >= 0;
    if (gives_up && !may_give_up) {
        accuse("L7", "it gives up: " + end.detail);
    }
}

// When the next attempt is to be, and whether that is what the policy allows (I25).
void witness::check_retry(const slot_life& before, const connection_end& end) {
    slot_life& of = slots_[slot_];
    // The engine has noticed it for sure when it was asked for its outputs since.
    const monotonic_time lived_until =
        before.now.state == link::closing ? before.now.lived_until : settled_at_;
    const bool lasted = before.now.registered && before.now.registered_at + stable_after <= lived_until;
    of.was_registered = of.was_registered || before.now.registered;
    of.unanswered = end.before_answer ? of.unanswered + 1 : 0;
    of.refusals = end.cause == end_cause::refused ? of.refusals + 1 : 0;
    check_fatal(of, end);
    if (end.retry_at == never) {
        of.attempts = lasted ? 0 : of.attempts;
        return;
    }
    const backoff_policy policy = config_.reconnect();
    // It counts from when the engine learned of the end; the slot may take a step back of the clock for true.
    const monotonic_time ended_at = std::min(before.now.ended_at, now_.monotonic);
    const std::chrono::nanoseconds delay = end.retry_at - ended_at;
    std::chrono::nanoseconds shortest = min_reconnect_delay;
    std::chrono::nanoseconds longest = policy.base;
    if (policy.kind == reconnect_policy::fixed) {
        shortest = policy.base;
    } else if (of.refusals > 0) {
        shortest = min_refused_delay;
        longest = std::min<std::chrono::nanoseconds>(max_refused_delay,
                                                     min_refused_delay * (1LL << std::min(of.refusals, 10U)));
    } else {
        for (std::uint32_t n = lasted ? 0 : of.attempts; n > 0 && longest < policy.cap; --n) {
            longest = longest > policy.cap / 2 ? policy.cap : longest * 2;
        }
        longest = std::min(longest, policy.cap);
    }
    if (before.now.retry_after) {
        const auto asked = std::clamp<std::chrono::seconds>(*before.now.retry_after, 0s, max_retry_after);
        shortest = std::max<std::chrono::nanoseconds>(shortest, asked);
    }
    const bool was_live = before.now.registered;
    if (was_live && config_.session() == session_policy::one_shot) {
        shortest = std::max<std::chrono::nanoseconds>(shortest, one_shot_delay);
    } else if (was_live && config_.session() == session_policy::stable) {
        shortest = longest = min_reconnect_delay;
    }
    longest = std::max(longest, shortest);
    if (!was_live && config_.session() == session_policy::one_shot && counts_as_registered(before)) {
        longest = std::max<std::chrono::nanoseconds>(longest, one_shot_delay); // both were due at one moment
    }
    if (delay < shortest || delay > longest + before.now.end_slack) {
        accuse("I25", "the next attempt is in " + std::to_string(delay.count() / 1'000'000) +
                          " ms, allowed are " + std::to_string(shortest.count() / 1'000'000) + " to " +
                          std::to_string(longest.count() / 1'000'000));
    }
    of.attempts = (lasted ? 0 : of.attempts) + 1;
}

void witness::state_changed(std::uint32_t slot, engine_state state) {
    slot_life& of = life(slot);
    const engine_state before = std::exchange(of.told, state);
    if (stopped_) {
        accuse("I6", "a change of state after the end");
    }
    if (state == engine_state::ready) {
        expect_registered(of, "ready");
    }
    if (state == engine_state::draining) {
        may_leave(of);
    }
    if (state == engine_state::stopped) {
        of.orphans.clear(); // what they answer could not be told any more
    }
    if (before == engine_state::stopped && of.stop_at) { // another engine has taken the slot
        of = {.now = {.generation = of.now.generation}, .told = state, .last_serial = of.last_serial};
    }
}

bool witness::registered(std::uint32_t slot) const {
    const auto of = slots_.find(slot);
    return of != slots_.end() && of->second.now.registered;
}

std::size_t witness::open_deliveries() const {
    std::size_t count = 0;
    for (const auto& [slot, of] : slots_) {
        count += of.works.size();
    }
    return count;
}

} // namespace distworker::sim
