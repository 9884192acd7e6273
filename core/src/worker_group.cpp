#include <distworker/worker_group.hpp>

#include <algorithm>
#include <new>

namespace distworker {
namespace {

constexpr std::chrono::milliseconds stagger_step{10};
constexpr std::chrono::nanoseconds longest_stagger = std::chrono::seconds{5};
constexpr std::size_t pool_bytes_per_slot = std::size_t{1} << 20U;
constexpr std::uint32_t max_slots = 10'000;

void add(engine_counters& sum, const engine_counters& more) noexcept {
    sum.connections += more.connections;
    sum.registrations += more.registrations;
    sum.assigned += more.assigned;
    sum.completed += more.completed;
    sum.failed += more.failed;
    sum.refused += more.refused;
    sum.coalesced += more.coalesced;
    sum.receipted += more.receipted;
    sum.undeliverable += more.undeliverable;
    sum.stale += more.stale;
    sum.timed_out += more.timed_out;
    sum.abandoned += more.abandoned;
    sum.strikes += more.strikes;
    sum.stale_events += more.stale_events;
    sum.clock_steps_back += more.clock_steps_back;
    sum.unanswered_starts += more.unanswered_starts;
    sum.lost_assignments += more.lost_assignments;
}

// Connections of a group begin one after the other, not at one instant.
std::chrono::nanoseconds stagger(std::size_t place_in_line, std::size_t slots) noexcept {
    const std::chrono::nanoseconds step =
        std::min<std::chrono::nanoseconds>(stagger_step, longest_stagger / static_cast<std::int64_t>(slots));
    return step * static_cast<std::int64_t>(place_in_line);
}

} // namespace

worker_group::worker_group(valid_worker_config config, signer sign, std::uint64_t seed)
    : config_{std::move(config)}, sign_{std::make_shared<signer>(std::move(sign))}, random_{seed},
      pool_{pool_bytes_per_slot * static_cast<std::size_t>(std::min<std::uint64_t>(config_->slots, 64))},
      wanted_slots_{static_cast<std::uint32_t>(config_->slots)} {
    reserve(wanted_slots_);
    while (engines_.size() < wanted_slots_) {
        add_slot();
    }
}

worker_engine worker_group::make_engine(std::uint32_t slot, const delivery& last) noexcept {
    return {config_, sign_, random_.next(),
            worker_engine::slot_options{
                .slot = slot, .exit_when_idle = false, .pool = pool_, .last_delivery = last}};
}

// Memory for as many slots, in every list: nothing but this takes any.
void worker_group::reserve(std::size_t slots) {
    engines_.reserve(slots);
    slots_.reserve(slots);
    awake_.reserve(slots);
    deadlines_.reserve(slots);
}

void worker_group::add_slot() noexcept {
    const auto slot = static_cast<std::uint32_t>(engines_.size());
    engines_.push_back(make_engine(slot, {}));
    slots_.emplace_back();
    deadlines_.add();
    ++busy_slots_;
    ++running_slots_;
}

// A new engine in the place of one that has stopped, maybe just now.
void worker_group::renew(std::uint32_t slot, instant now) noexcept {
    add(retired_, engines_[slot].counters());
    engines_[slot] = make_engine(slot, engines_[slot].last_delivery());
    update(slot, [](slot_status& status) { status = {.awake = status.awake}; });
    ++running_slots_;
    start_slot(slot, min_reconnect_delay + stagger(slot, engines_.size()), now);
}

// Keeps the sums over the slots right while `change` changes one.
template <typename Change>
void worker_group::update(std::uint32_t slot, Change&& change) noexcept {
    slot_status& status = slots_[slot];
    const slot_status before = status;
    std::forward<Change>(change)(status);
    busy_slots_ = busy_slots_ - (before.keeps_busy() ? 1U : 0U) + (status.keeps_busy() ? 1U : 0U);
    stuck_ = stuck_ - before.stuck + status.stuck;
    stuck_changed_ = stuck_changed_ || before.stuck != status.stuck;
    idle_exit_known_ = idle_exit_known_ && before.idle_exit == status.idle_exit && before.gone == status.gone;
}

void worker_group::start_slot(std::uint32_t slot, std::chrono::nanoseconds delay, instant now) noexcept {
    with(slot, [&](worker_engine& engine) {
        engine.set_usage(usage_);
        if (probe_) {
            engine.hold_connects(now);
        }
        // It has not been started before, so it does not refuse.
        static_cast<void>(engine.start(now, delay));
        if (paused_) {
            static_cast<void>(engine.pause(now));
        }
    });
    stuck_changed_ = true; // its health is that of all
}

std::expected<void, misuse> worker_group::start(instant now) noexcept {
    if (started_) {
        return std::unexpected{misuse::not_in_state};
    }
    started_ = true;
    for (std::uint32_t slot = 0; slot < wanted_slots_; ++slot) {
        start_slot(slot, stagger(slot, engines_.size()), now);
    }
    return {};
}

std::expected<void, misuse> worker_group::stop(end_reason why, stop_limits limits, instant now) noexcept {
    if (!started_ || running_slots_ == 0) {
        return std::unexpected{misuse::not_in_state};
    }
    ending_ = true;
    for (std::uint32_t slot = 0; slot < engines_.size(); ++slot) {
        static_cast<void>(with(slot, [&](worker_engine& engine) { return engine.stop(why, limits, now); }));
    }
    return {};
}

std::expected<void, misuse> worker_group::pause(instant now) noexcept {
    if (!started_ || ending_ || running_slots_ == 0 || config_.session() == session_policy::one_shot) {
        return std::unexpected{misuse::not_in_state};
    }
    paused_ = true;
    for (std::uint32_t slot = 0; slot < engines_.size(); ++slot) { // those that leave refuse, as they should
        static_cast<void>(with(slot, [&](worker_engine& engine) { return engine.pause(now); }));
    }
    return {};
}

std::expected<void, misuse> worker_group::resume(instant now) noexcept {
    if (!started_ || ending_ || running_slots_ == 0) {
        return std::unexpected{misuse::not_in_state};
    }
    paused_ = false;
    for (std::uint32_t slot = 0; slot < engines_.size(); ++slot) {
        static_cast<void>(with(slot, [&](worker_engine& engine) { return engine.resume(now); }));
    }
    return {};
}

std::expected<void, misuse> worker_group::set_slots(std::uint32_t count, instant now) noexcept {
    if (count == 0 || count > max_slots) {
        return std::unexpected{misuse::invalid_value};
    }
    if (!started_ || ending_ || running_slots_ == 0) {
        return std::unexpected{misuse::not_in_state};
    }
    try {
        reserve(count);
    } catch (const std::bad_alloc&) {
        return std::unexpected{misuse::would_block};
    }
    wanted_slots_ = count;
    std::uint32_t in_line = 0;
    for (std::uint32_t slot = 0; slot < count; ++slot) {
        if (slot == engines_.size()) {
            add_slot();
            start_slot(slot, stagger(in_line++, engines_.size()), now);
        } else if (slots_[slot].gone && slots_[slot].leaving) {
            renew(slot, now);
        } // else it is there, or comes back once it has left
    }
    for (std::uint32_t slot = count; slot < engines_.size(); ++slot) {
        slots_[slot].leaving = true;
        with(slot, [&](worker_engine& engine) { // one that is gone refuses, as it should
            static_cast<void>(engine.stop(end_reason::stop_requested, config_->drain_timeout, now));
        });
    }
    return {};
}

void worker_group::flush(instant now) noexcept {
    for (std::uint32_t slot = 0; slot < slots(); ++slot) {
        with(slot, [&](worker_engine& engine) { engine.flush(now); });
    }
}

void worker_group::set_usage(const resource_usage& usage) noexcept {
    usage_ = usage;
    for (worker_engine& engine : engines_) {
        engine.set_usage(usage);
    }
}

void worker_group::set_health(worker_health health) noexcept {
    health_ = health;
    const worker_health stuck = stuck_ == 0                    ? worker_health::up
                                : stuck_ >= config_->max_stuck ? worker_health::down
                                                               : worker_health::warn;
    const auto severity = [](worker_health h) {
        return h == worker_health::down ? 2 : h == worker_health::warn ? 1 : 0;
    };
    for (worker_engine& engine : engines_) {
        engine.set_health(severity(stuck) > severity(health_) ? stuck : health_);
    }
}

void worker_group::tick(instant now) noexcept {
    wake_due(now);
}

std::expected<void, misuse> worker_group::complete(const delivery& task, outcome&& answer,
                                                   instant now) noexcept {
    if (!has_slot(task.slot)) {
        return std::unexpected{misuse::unknown_slot};
    }
    return with(task.slot,
                [&](worker_engine& engine) { return engine.complete(task, std::move(answer), now); });
}

std::expected<void, misuse> worker_group::progress(const delivery& task, double fraction,
                                                   std::string_view message, instant now) noexcept {
    if (!has_slot(task.slot)) {
        return std::unexpected{misuse::unknown_slot};
    }
    return with(task.slot,
                [&](worker_engine& engine) { return engine.progress(task, fraction, message, now); });
}

std::expected<void, misuse> worker_group::stream(const delivery& task, stream_item&& item,
                                                 instant now) noexcept {
    if (!has_slot(task.slot)) {
        return std::unexpected{misuse::unknown_slot};
    }
    return with(task.slot, [&](worker_engine& engine) { return engine.stream(task, std::move(item), now); });
}

group_output worker_group::poll(instant now) {
    wake_due(now);
    for (;;) {
        while (!awake_.empty()) {
            const std::uint32_t slot = awake_.back();
            engine_output out = engines_[slot].poll(now);
            if (const auto* idle = std::get_if<output::idle>(&out)) {
                awake_.pop_back();
                slots_[slot].awake = false;
                settle(slot, *idle);
            } else if (const auto* stopped = std::get_if<output::stopped>(&out)) {
                slot_stopped(slot, stopped->reason, now);
            } else {
                notice(slot, out, now);
                return {slot, std::move(out)};
            }
        }
        if (!decide(now)) {
            break;
        }
    }
    if (running_slots_ == 0 && !told_) {
        told_ = true;
        return {0, output::stopped{*end_}};
    }
    const deadline_heap::entry& first = deadlines_.first();
    if (idle_exit_ < first.at) {
        return {0, output::idle{idle_exit_, deadline_reason::idle_exit}};
    }
    return {first.slot, output::idle{first.at, first.reason}};
}

// What one slot went through and the others should know.
void worker_group::notice(std::uint32_t slot, const engine_output& out, instant now) noexcept {
    if (const auto* end = std::get_if<output::disconnected>(&out)) {
        if (end->end.cause == end_cause::refused && !probe_ && !slots_[slot].leaving) {
            begin_probing(slot, now);
        }
    } else if (const auto* changed = std::get_if<output::state_changed>(&out)) {
        if (probe_ && (changed->state == engine_state::ready || changed->state == engine_state::busy)) {
            end_probing(now);
        }
    }
}

void worker_group::begin_probing(std::uint32_t slot, instant now) noexcept {
    probe_ = slot;
    for (std::uint32_t other = 0; other < engines_.size(); ++other) {
        if (other != slot) {
            with(other, [&](worker_engine& engine) { engine.hold_connects(now); });
        }
    }
    with(slot, [&](worker_engine& engine) { engine.release_connects({}, now); });
}

void worker_group::end_probing(instant now) noexcept {
    probe_.reset();
    std::size_t in_line = 0;
    for (std::uint32_t slot = 0; slot < engines_.size(); ++slot) {
        with(slot, [&](worker_engine& engine) {
            engine.release_connects(stagger(in_line++, engines_.size()), now);
        });
    }
}

void worker_group::slot_stopped(std::uint32_t slot, end_reason reason, instant now) noexcept {
    --running_slots_;
    update(slot, [](slot_status& status) { status.gone = true; });
    if (slots_[slot].leaving && slot < wanted_slots_ && !ending_) {
        renew(slot, now);
    } else {
        end_ = std::max(end_.value_or(reason), reason);
    }
    if (probe_ == slot) { // another one has to try now
        probe_.reset();
        const auto next = std::ranges::find(slots_, false, &slot_status::gone);
        if (next != slots_.end()) {
            begin_probing(static_cast<std::uint32_t>(next - slots_.begin()), now);
        }
    }
}

// Takes note of how a slot is, now that it has said everything.
void worker_group::settle(std::uint32_t slot, const output::idle& idle) noexcept {
    const worker_engine& engine = engines_[slot];
    deadlines_.set(slot, idle.deadline, idle.reason);
    update(slot, [&](slot_status& status) {
        status.idle_exit = engine.idle_exit_at();
        status.stuck = engine.stuck();
    });
}

// What only the group can decide. True when that gave the slots something to say.
bool worker_group::decide(instant now) noexcept {
    if (!idle_exit_known_) {
        idle_exit_known_ = true;
        idle_exit_ = never;
        if (busy_slots_ == 0 && running_slots_ > 0) { // the last one to become idle counts
            const auto since = [](const slot_status& status) {
                return status.gone ? monotonic_time::min() : status.idle_exit;
            };
            idle_exit_ = since(*std::ranges::max_element(slots_, {}, since));
        }
    }
    if (std::exchange(stuck_changed_, false)) {
        set_health(health_);
        if (stuck_ >= config_->max_stuck) {
            return stop(end_reason::stuck_handlers, config_->drain_timeout, now).has_value();
        }
    }
    if (idle_exit_ != never && idle_exit_ <= now.monotonic) {
        return stop(end_reason::idle, config_->drain_timeout, now).has_value();
    }
    return false;
}

void worker_group::mark(std::uint32_t slot) noexcept {
    if (!slots_[slot].awake) {
        slots_[slot].awake = true;
        awake_.push_back(slot);
    }
}

void worker_group::wake_due(instant now) noexcept {
    while (deadlines_.first().at <= now.monotonic && deadlines_.first().at != never) {
        const std::uint32_t slot = deadlines_.first().slot;
        mark(slot);
        deadlines_.set(slot, never, {}); // set again when the slot has said everything
    }
}

engine_counters worker_group::counters() const noexcept {
    engine_counters sum = retired_;
    for (const worker_engine& engine : engines_) {
        add(sum, engine.counters());
    }
    return sum;
}

group_snapshot worker_group::snapshot() const {
    group_snapshot all;
    all.slots.reserve(engines_.size());
    for (const worker_engine& engine : engines_) {
        all.slots.push_back(engine.snapshot());
    }
    all.paused = paused_;
    all.probe = probe_;
    all.stuck = stuck_;
    all.idle_exit = idle_exit_;
    all.counters = counters();
    return all;
}

} // namespace distworker
