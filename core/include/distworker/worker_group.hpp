// Several slots as one worker: N engines, one drain, one deadline.
//
// The controller gives each connection one task at a time, so N tasks at once need N connections. A group
// staggers their connects, lets only one of them try while the controller refuses, leaves for idleness only
// when every slot is idle, and ends when the last slot has. Pure like the engines: same calls, same rules,
// one thread. What is `noexcept` needs no memory, or says that there is none.
#pragma once

#include <distworker/deadline_heap.hpp>
#include <distworker/engine_snapshot.hpp>
#include <distworker/worker_engine.hpp>

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace distworker {

/// One output of one slot. `slot` means nothing for `output::idle` and for the group's `output::stopped`.
struct group_output {
    std::uint32_t slot = 0; ///< Counted from 0; below `worker_group::slots()`.
    engine_output out;      ///< As `worker_engine::poll` gave it.
};

class worker_group {
public:
    /// `config->slots` engines that share `sign`; their seeds are split from `seed`.
    worker_group(valid_worker_config config, signer sign, std::uint64_t seed);
    worker_group(worker_group&&) noexcept = default;
    worker_group& operator=(worker_group&&) noexcept = default;
    ~worker_group() = default;

    /// As `worker_engine`'s, for all slots.
    std::expected<void, misuse> start(instant now) noexcept;
    std::expected<void, misuse> stop(end_reason why, stop_limits limits, instant now) noexcept;
    std::expected<void, misuse> pause(instant now) noexcept;
    std::expected<void, misuse> resume(instant now) noexcept;
    void flush(instant now) noexcept;
    void set_usage(const resource_usage& usage) noexcept;
    void set_health(worker_health health) noexcept;
    void tick(instant now) noexcept;

    /// From now on this many tasks at once, 1 to 10,000: new slots connect, the last ones finish their tasks
    /// within `drain_timeout` and leave. `invalid_value`: out of range; `not_in_state`: the group is ending;
    /// `would_block`: there is no memory for so many.
    std::expected<void, misuse> set_slots(std::uint32_t count, instant now) noexcept;

    /// Calls `event(engine)` on one slot's engine and notes that it may have something to say. All of the
    /// engine's inputs go this way: `group.with(slot, [&](worker_engine& e) { e.opened(generation, now); })`.
    /// The slot must be there: `has_slot`.
    template <typename Event>
    auto with(std::uint32_t slot, Event&& event) -> decltype(event(std::declval<worker_engine&>())) {
        mark(slot);
        return std::forward<Event>(event)(engines_[slot]);
    }
    /// Whether there is a slot of that number.
    [[nodiscard]] bool has_slot(std::uint32_t slot) const noexcept { return slot < engines_.size(); }

    /// Answers, routed by the delivery's slot.
    std::expected<void, misuse> complete(const delivery& task, outcome&& answer, instant now) noexcept;
    std::expected<void, misuse> progress(const delivery& task, double fraction, std::string_view message,
                                         instant now) noexcept;
    std::expected<void, misuse> stream(const delivery& task, stream_item&& item, instant now) noexcept;

    /// The next output of any slot; `output::stopped` once, after every slot's; then `output::idle`.
    [[nodiscard]] group_output poll(instant now);

    /// Slots that there are, those that `set_slots` made leave included: the numbers below are in use.
    [[nodiscard]] std::size_t slots() const noexcept { return engines_.size(); }
    /// One slot's engine, to look at until the group is called again. The slot must be there.
    [[nodiscard]] const worker_engine& slot(std::uint32_t index) const noexcept { return engines_[index]; }
    /// The sum over all slots.
    [[nodiscard]] engine_counters counters() const noexcept;
    /// Handlers that were given up and have not returned yet, over all slots.
    [[nodiscard]] std::size_t stuck() const noexcept { return stuck_; }
    /// The whole state, slot by slot. Allocates; for people and tests.
    [[nodiscard]] group_snapshot snapshot() const;

private:
    struct slot_status {
        bool awake = false; // it may have something to say
        bool gone = false;  // it has said `stopped`
        bool leaving = false;
        std::size_t stuck = 0;
        monotonic_time idle_exit = never;

        [[nodiscard]] bool keeps_busy() const noexcept { return !gone && idle_exit == never; }
    };

    [[nodiscard]] worker_engine make_engine(std::uint32_t slot, const delivery& last) noexcept;
    void reserve(std::size_t slots);
    void add_slot() noexcept;
    void renew(std::uint32_t slot, instant now) noexcept;
    void start_slot(std::uint32_t slot, std::chrono::nanoseconds delay, instant now) noexcept;
    template <typename Change>
    void update(std::uint32_t slot, Change&& change) noexcept;

    void mark(std::uint32_t slot) noexcept;
    void wake_due(instant now) noexcept;
    void notice(std::uint32_t slot, const engine_output& out, instant now) noexcept;
    void slot_stopped(std::uint32_t slot, end_reason reason, instant now) noexcept;
    void settle(std::uint32_t slot, const output::idle& idle) noexcept;
    [[nodiscard]] bool decide(instant now) noexcept;
    void begin_probing(std::uint32_t slot, instant now) noexcept;
    void end_probing(instant now) noexcept;

    valid_worker_config config_;
    std::shared_ptr<signer> sign_; // shared by the slots
    seeded_random random_;
    buffer_pool pool_;
    std::vector<worker_engine> engines_;
    std::vector<slot_status> slots_;
    std::vector<std::uint32_t> awake_;
    deadline_heap deadlines_;
    std::uint32_t wanted_slots_ = 0;
    std::size_t busy_slots_ = 0; // slots that may not leave for idleness
    std::size_t running_slots_ = 0;
    std::size_t stuck_ = 0;
    bool stuck_changed_ = false;
    monotonic_time idle_exit_ = never;
    bool idle_exit_known_ = true;
    std::optional<std::uint32_t> probe_; // the one slot that connects while the controller refuses
    worker_health health_ = worker_health::up;
    resource_usage usage_;
    engine_counters retired_; // of engines that were replaced
    std::optional<end_reason> end_;
    bool started_ = false;
    bool ending_ = false;
    bool paused_ = false;
    bool told_ = false;
};

} // namespace distworker
