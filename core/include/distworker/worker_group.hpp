// Several slots as one worker: N engines, one drain, one deadline.
//
// The controller gives each connection one task at a time, so N tasks at once need N connections. A group
// staggers their connects, leaves for idleness only when every slot is idle, and ends when the last slot has.
// Pure like the engines: same calls, same rules, one thread.
#pragma once

#include <distworker/worker_engine.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace distworker {

/// One output of one slot. `slot` means nothing for `output::idle` and for the group's `output::stopped`.
struct group_output {
    std::uint32_t slot = 0;
    engine_output out;
};

class worker_group {
public:
    /// `config->slots` engines that share `sign`; their seeds are split from `seed`.
    worker_group(valid_worker_config config, signer sign, std::uint64_t seed);
    worker_group(worker_group&&) noexcept = default;
    worker_group& operator=(worker_group&&) noexcept = default;
    ~worker_group() = default;

    /// As `worker_engine`'s, for all slots.
    std::expected<void, misuse> start(instant now);
    std::expected<void, misuse> stop(end_reason why, std::chrono::nanoseconds drain_timeout, instant now);
    void flush(instant now);
    void set_usage(const resource_usage& usage) noexcept;
    void set_health(worker_health health) noexcept;
    void tick(instant now);

    /// Calls `event(engine)` on one slot's engine and notes that it may have something to say. All of the
    /// engine's inputs go this way: `group.with(slot, [&](worker_engine& e) { e.opened(generation, now); })`.
    /// The slot must be there: `has_slot`.
    template <typename Event>
    auto with(std::uint32_t slot, Event&& event) -> decltype(event(std::declval<worker_engine&>())) {
        mark(slot);
        return std::forward<Event>(event)(engines_[slot]);
    }
    [[nodiscard]] bool has_slot(std::uint32_t slot) const noexcept { return slot < engines_.size(); }

    /// Answers, routed by the delivery's slot.
    std::expected<void, misuse> complete(const delivery& task, outcome&& answer, instant now);
    std::expected<void, misuse> progress(const delivery& task, double fraction, std::string_view message,
                                         instant now);
    std::expected<void, misuse> stream(const delivery& task, stream_item&& item, instant now);

    /// The next output of any slot; `output::stopped` once, after every slot's; then `output::idle`.
    [[nodiscard]] group_output poll(instant now);

    [[nodiscard]] std::size_t slots() const noexcept { return engines_.size(); }
    [[nodiscard]] const worker_engine& slot(std::uint32_t index) const noexcept { return engines_[index]; }
    /// The sum over all slots.
    [[nodiscard]] engine_counters counters() const noexcept;
    /// Handlers that were given up and have not returned yet, over all slots.
    [[nodiscard]] std::size_t stuck() const noexcept { return stuck_; }

private:
    static constexpr std::size_t pool_bytes_per_slot = std::size_t{1} << 20U;

    struct deadline_entry {
        monotonic_time at;
        deadline_reason reason;
        std::uint32_t slot;
    };
    struct slot_status {
        bool awake = false; // it may have something to say
        std::size_t stuck = 0;
        monotonic_time idle_exit = never;
    };

    void mark(std::uint32_t slot);
    void settle(std::uint32_t slot, const output::idle& idle);
    [[nodiscard]] bool decide(instant now);
    void wake_due(instant now);
    void sift_up(std::size_t at) noexcept;
    void sift_down(std::size_t at) noexcept;
    void swap_entries(std::size_t a, std::size_t b) noexcept;

    valid_worker_config config_;
    std::shared_ptr<signer> sign_; // shared by the slots
    seeded_random random_;
    std::vector<worker_engine> engines_;
    std::vector<slot_status> slots_;
    std::vector<std::uint32_t> awake_;
    std::vector<deadline_entry> heap_;    // one entry per slot, the earliest first
    std::vector<std::size_t> heap_place_; // by slot
    std::size_t busy_slots_ = 0;          // slots that may not leave for idleness
    std::size_t running_slots_ = 0;
    std::size_t stuck_ = 0;
    bool stuck_changed_ = false;
    monotonic_time idle_exit_ = never;
    bool idle_exit_known_ = true;
    worker_health health_ = worker_health::up;
    std::optional<end_reason> end_;
    bool started_ = false;
    bool told_ = false;
};

} // namespace distworker
