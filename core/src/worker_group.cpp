#include <distworker/worker_group.hpp>

#include <algorithm>

namespace distworker {
namespace {

constexpr std::chrono::milliseconds stagger_step{10};
constexpr std::chrono::seconds longest_stagger{5};

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

} // namespace

worker_group::worker_group(valid_worker_config config, signer sign, std::uint64_t seed)
    : config_{std::move(config)}, sign_{std::make_shared<signer>(std::move(sign))}, random_{seed} {
    const auto count = static_cast<std::uint32_t>(config_->slots);
    const buffer_pool pool{pool_bytes_per_slot * std::min<std::size_t>(count, 64)};
    engines_.reserve(count);
    for (std::uint32_t slot = 0; slot < count; ++slot) {
        auto shared_sign = [sign = sign_](std::string_view date, std::span<const std::byte> data) {
            return (*sign)(date, data);
        };
        engines_.emplace_back(
            config_, std::move(shared_sign), random_.next(),
            worker_engine::slot_options{.slot = slot, .exit_when_idle = false, .pool = pool});
        heap_.push_back({never, {}, slot});
        heap_place_.push_back(slot);
    }
    slots_.resize(count);
    busy_slots_ = count;
    running_slots_ = count;
}

std::expected<void, misuse> worker_group::start(instant now) {
    if (started_) {
        return std::unexpected{misuse::not_in_state};
    }
    started_ = true;
    const std::chrono::nanoseconds step = std::min<std::chrono::nanoseconds>(
        stagger_step, longest_stagger / static_cast<std::int64_t>(slots()));
    for (std::uint32_t slot = 0; slot < slots(); ++slot) {
        // A group starts its engines once, so none of them refuses.
        static_cast<void>(with(slot, [&](worker_engine& engine) { return engine.start(now, step * slot); }));
    }
    return {};
}

std::expected<void, misuse> worker_group::stop(end_reason why, std::chrono::nanoseconds drain_timeout,
                                               instant now) {
    if (!started_ || running_slots_ == 0) {
        return std::unexpected{misuse::not_in_state};
    }
    for (std::uint32_t slot = 0; slot < slots(); ++slot) {
        static_cast<void>(
            with(slot, [&](worker_engine& engine) { return engine.stop(why, drain_timeout, now); }));
    }
    return {};
}

void worker_group::flush(instant now) {
    for (std::uint32_t slot = 0; slot < slots(); ++slot) {
        with(slot, [&](worker_engine& engine) { engine.flush(now); });
    }
}

void worker_group::set_usage(const resource_usage& usage) noexcept {
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

void worker_group::tick(instant now) {
    wake_due(now);
}

std::expected<void, misuse> worker_group::complete(const delivery& task, outcome&& answer, instant now) {
    if (!has_slot(task.slot)) {
        return std::unexpected{misuse::unknown_slot};
    }
    return with(task.slot,
                [&](worker_engine& engine) { return engine.complete(task, std::move(answer), now); });
}

std::expected<void, misuse> worker_group::progress(const delivery& task, double fraction,
                                                   std::string_view message, instant now) {
    if (!has_slot(task.slot)) {
        return std::unexpected{misuse::unknown_slot};
    }
    return with(task.slot,
                [&](worker_engine& engine) { return engine.progress(task, fraction, message, now); });
}

std::expected<void, misuse> worker_group::stream(const delivery& task, stream_item&& item, instant now) {
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
                --running_slots_;
                end_ = std::max(end_.value_or(stopped->reason), stopped->reason);
            } else {
                return {slot, std::move(out)};
            }
        }
        if (!decide(now)) {
            break;
        }
    }
    if (running_slots_ == 0 && end_ && !told_) {
        told_ = true;
        return {0, output::stopped{*end_}};
    }
    const deadline_entry& first = heap_.front();
    if (idle_exit_ < first.at) {
        return {0, output::idle{idle_exit_, deadline_reason::idle_exit}};
    }
    return {first.slot, output::idle{first.at, first.reason}};
}

// Takes note of how a slot is, now that it has said everything.
void worker_group::settle(std::uint32_t slot, const output::idle& idle) {
    slot_status& status = slots_[slot];
    const worker_engine& engine = engines_[slot];
    deadline_entry& entry = heap_[heap_place_[slot]];
    const monotonic_time before = entry.at;
    entry.at = idle.deadline;
    entry.reason = idle.reason;
    if (idle.deadline < before) {
        sift_up(heap_place_[slot]);
    } else if (idle.deadline > before) {
        sift_down(heap_place_[slot]);
    }
    const monotonic_time idle_exit = engine.idle_exit_at();
    if (idle_exit != status.idle_exit) {
        busy_slots_ -= status.idle_exit == never ? 1U : 0U;
        busy_slots_ += idle_exit == never ? 1U : 0U;
        status.idle_exit = idle_exit;
        idle_exit_known_ = false;
    }
    stuck_ = stuck_ - status.stuck + engine.stuck();
    stuck_changed_ = stuck_changed_ || status.stuck != engine.stuck();
    status.stuck = engine.stuck();
}

// What only the group can decide. True when that gave the slots something to say.
bool worker_group::decide(instant now) {
    if (!idle_exit_known_) {
        idle_exit_known_ = true;
        idle_exit_ = never;
        if (busy_slots_ == 0) { // the last one to become idle counts
            idle_exit_ = std::ranges::max_element(slots_, {}, &slot_status::idle_exit)->idle_exit;
        }
    }
    if (std::exchange(stuck_changed_, false)) {
        set_health(health_);
        if (stuck_ >= config_->max_stuck) {
            return stop(end_reason::stuck_handlers, config_->drain_timeout, now).has_value();
        }
    }
    if (idle_exit_ <= now.monotonic) {
        return stop(end_reason::idle, config_->drain_timeout, now).has_value();
    }
    return false;
}

void worker_group::mark(std::uint32_t slot) {
    if (!slots_[slot].awake) {
        slots_[slot].awake = true;
        awake_.push_back(slot);
    }
}

void worker_group::wake_due(instant now) {
    while (heap_.front().at <= now.monotonic && heap_.front().at != never) {
        const std::uint32_t slot = heap_.front().slot;
        mark(slot);
        heap_.front().at = never; // set again when the slot has said everything
        sift_down(0);
    }
}

void worker_group::sift_up(std::size_t at) noexcept {
    while (at > 0) {
        const std::size_t parent = (at - 1) / 2;
        if (heap_[parent].at <= heap_[at].at) {
            break;
        }
        swap_entries(at, parent);
        at = parent;
    }
}

void worker_group::sift_down(std::size_t at) noexcept {
    for (;;) {
        std::size_t least = at;
        for (const std::size_t child : {2 * at + 1, 2 * at + 2}) {
            if (child < heap_.size() && heap_[child].at < heap_[least].at) {
                least = child;
            }
        }
        if (least == at) {
            return;
        }
        swap_entries(at, least);
        at = least;
    }
}

void worker_group::swap_entries(std::size_t a, std::size_t b) noexcept {
    std::swap(heap_[a], heap_[b]);
    heap_place_[heap_[a].slot] = a;
    heap_place_[heap_[b].slot] = b;
}

engine_counters worker_group::counters() const noexcept {
    engine_counters sum;
    for (const worker_engine& engine : engines_) {
        add(sum, engine.counters());
    }
    return sum;
}

} // namespace distworker
