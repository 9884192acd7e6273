#include "core/invariants/slot_watch.hpp"

#include <distworker/overloaded.hpp>

#include <algorithm>

namespace distworker::testing {
namespace {

// The most that one refusal of the slot's own takes: an id, a code, a reason twice.
constexpr std::size_t largest_refusal = max_task_id_bytes + 512;
constexpr std::size_t most_refusals = 64;
// The longest text of an update, its task's id and what frames them.
constexpr std::size_t largest_update = 4096 + max_task_id_bytes + 64;
// What one input may lead to, beside one output for each thing that was due already.
constexpr std::size_t most_outputs = 12;

// The generation that an event names; none for what is no event of a connection.
std::optional<std::uint32_t> generation_of(const group_input& what) {
    return std::visit(
        [](const auto& in) -> std::optional<std::uint32_t> {
            if constexpr (requires { in.generation; }) {
                return in.generation;
            } else {
                return std::nullopt;
            }
        },
        what);
}

} // namespace

moment slot_watch::now_at(const worker_engine& slot, instant now) {
    if (started_ && was_ == engine_state::stopped && slot.state() != engine_state::stopped) {
        // A group gave the slot another engine.
        link_.renewed();
        tasks_.renewed();
        outbox_ = outbox_watch{*book_};
        progress_ = progress_watch{*book_};
        retry_ = retry_watch{*book_};
        counted_ = {};
        told_end_ = false;
    }
    clock_ = std::max(clock_, now.monotonic);
    now.monotonic = clock_;
    const moment m{slot, config_, now, was_, counted_};
    if (m.is() != m.was) {
        retry_.pausing(slot.snapshot().pausing);
    }
    return m;
}

void slot_watch::remember(const moment& m) noexcept {
    started_ = started_ || m.is() != engine_state::stopped;
    was_ = m.is();
    counted_ = m.slot.counters();
}

// --- Inputs ---

void slot_watch::giving(const group_input& what, const worker_engine& slot) {
    std::visit(overloaded{
                   [&](const input::complete& in) {
                       tasks_.giving(in);
                       largest_ = std::max(largest_, in.answer->frame().size());
                   },
                   [&](const input::stream& in) {
                       tasks_.giving(in, slot);
                       largest_ = std::max(largest_, in.item->size());
                   },
                   [](const auto&) {},
               },
               what);
}

void slot_watch::gave(const group_input& what, const call_result& result, const worker_engine& slot,
                      instant now) {
    const moment m = now_at(slot, now);
    budget_ += most_outputs;
    const auto generation = generation_of(what);
    if (generation) {
        link_.event(*generation, m);
    }
    const bool was_registered = link_.registered();
    if (!generation || link_.takes(*generation)) {
        note(what, result, m);
    }
    if (link_.registered() && !was_registered) {
        retry_.answered(m);
    }
    if (std::holds_alternative<input::tick>(what)) {
        time_passed(m);
    } else {
        ending_may_have_begun(m);
        const auto* closed = std::get_if<input::closed>(&what);
        settle_link(closed == nullptr ? nullptr : &closed->end, m);
    }
    remember(m);
}

void slot_watch::note(const group_input& what, const call_result& result, const moment& m) {
    std::visit(overloaded{
                   [&](const input::opened&) { link_.opened(m); },
                   [&](const input::received& in) { tasks_.gave(in, link_, outbox_, m); },
                   [&](const input::pong& in) {
                       outbox_.ponged(in.payload, link_, m);
                       tasks_.gave_pong(m);
                   },
                   [&](const input::sent&) {
                       if (link_.sending()) {
                           link_.written();
                           outbox_.written(link_);
                           progress_.written();
                       }
                   },
                   [&](const input::complete& in) { tasks_.gave(in, result, outbox_, m); },
                   [&](const input::progress& in) { tasks_.gave(in, result, progress_, m); },
                   [&](const input::stream& in) { tasks_.gave(in, result, outbox_, m); },
                   [&](const input::pause&) { tasks_.gave_pause(result, outbox_, m); },
                   [](const auto&) {},
               },
               what);
}

void slot_watch::looked_at(const worker_engine& slot, instant now) {
    const moment m = now_at(slot, now);
    time_passed(m);
    remember(m);
}

// --- Time ---

void slot_watch::time_passed(const moment& m) {
    const bool was_registered = link_.registered();
    tasks_.started_without_answer(link_, m);
    if (link_.registered() && !was_registered) {
        retry_.answered(m);
    }
    tasks_.timers_fired(outbox_, m); // before the end of a connection takes the task with it
    settle_link(nullptr, m);
    retry_.timers_fired(m);
    ending_may_have_begun(m);
}

void slot_watch::ending_may_have_begun(const moment& m) {
    if (!tasks_.is_ending() && (m.is() == engine_state::draining || m.is() != m.was) &&
        m.slot.snapshot().ending) {
        tasks_.ending(outbox_, m);
    }
}

void slot_watch::settle_link(const link_end* end, const moment& m) {
    if (m.is() == engine_state::connecting && m.was != engine_state::connecting) {
        link_.begun();
    }
    const bool over = m.is() == engine_state::stopped && m.was != engine_state::stopped;
    if (!m.ended() && !over) {
        return;
    }
    if (m.ended()) {
        retry_.ended(end, link_, m);
    }
    const bool kept = !over && config_.session() == session_policy::stable;
    tasks_.ended(kept, m);
    outbox_.ended(kept);
    progress_.ended(kept);
    link_.ended();
}

// --- Outputs ---

void slot_watch::took(const engine_output& out, const std::optional<signing>& signed_now,
                      const worker_engine& slot, instant now) {
    const moment m = now_at(slot, now);
    time_passed(m);
    book_->check(6, !told_end_ || is_idle(out), "nothing comes behind the end");
    std::visit(overloaded{
                   [&](const output::idle& o) { take_idle(o, m); },
                   [&](const output::connect& o) {
                       link_.took(o, m);
                       retry_.took(o, m);
                   },
                   [&](const output::send& o) { take_send(o, signed_now, m); },
                   [&](const output::assigned& o) { tasks_.took(o, link_, m); },
                   [&](const output::stop_task& o) { tasks_.took(o); },
                   [&](const output::writable& o) { tasks_.took(o); },
                   [&](const output::undeliverable& o) { outbox_.took(o); },
                   [&](const output::stopped& o) {
                       link_.took(o, m);
                       tasks_.all_over();
                       told_end_ = true;
                   },
                   [](const output::sample_wanted&) {},
                   [](const output::state_changed&) {},
                   [&](const auto& o) { link_.took(o); },
               },
               out);
    if (!std::holds_alternative<output::send>(out)) {
        book_->check(4, !signed_now || !signed_now->signature, "no signature is made and not used");
    }
    remember(m);
    book_->check(20, is_idle(out) || budget_ > 0, "what follows an input is bounded");
    budget_ = is_idle(out) ? most_outputs + outbox_.size() : budget_ - std::min<std::size_t>(budget_, 1);
}

void slot_watch::take_send(const output::send& out, const std::optional<signing>& signed_now,
                           const moment& m) {
    const auto frame = read_frame(out.bytes);
    book_->check(14, frame.has_value(), "what goes out can be read");
    if (!frame) {
        return;
    }
    link_.took(out, std::holds_alternative<worker_register_view>(*frame));
    std::visit(overloaded{
                   [&](const worker_register_view& f) {
                       link_.took_register(f, signed_now, m);
                       outbox_.took_other();
                   },
                   [&](const heartbeat_view&) { outbox_.took_other(); },
                   [&](const task_progress_view& f) {
                       if (f.has_data) {
                           outbox_.took_item(f, out.bytes);
                           progress_.took_other_of(f.task_id);
                       } else {
                           outbox_.took_other();
                           progress_.took(f, m);
                       }
                   },
                   [&](const task_complete_view& f) {
                       const auto task = outbox_.took_outcome(f.task_id, {}, out.bytes);
                       progress_.took_other_of(f.task_id);
                       progress_.took_outcome(task);
                   },
                   [&](const task_failed_view& f) {
                       const auto task = outbox_.took_outcome(f.task_id, f.error_code, out.bytes);
                       progress_.took_other_of(f.task_id);
                       progress_.took_outcome(task);
                   },
                   [&](const auto&) { book_->check(9, false, "a worker says no such thing"); },
               },
               *frame);
}

void slot_watch::take_idle(const output::idle& out, const moment& m) {
    book_->check(20, out.deadline > m.now.monotonic || out.deadline == never,
                 "a deadline that has come is not waited for");
    const engine_snapshot now = m.slot.snapshot();
    const worker_config& limits = config_.get();
    book_->check(19, now.outbox_bytes <= limits.outbox_bytes + largest_ + most_refusals * largest_refusal,
                 "the outbox is bounded");
    book_->check(19, now.stream_bytes <= limits.stream_bytes + largest_ + largest_update,
                 "queued progress is bounded");
    const bool may_write = link_.registered() && !link_.sending() && moment::has_link(m.is());
    outbox_.rests(now, may_write);
    progress_.rests(may_write);
    tasks_.rests(now, link_, m);
    retry_.rests(now, m);
}

void slot_watch::add_to(fingerprint& all) const {
    all.add(link_, outbox_, progress_, retry_, tasks_, was_, largest_, started_, told_end_);
}

} // namespace distworker::testing
