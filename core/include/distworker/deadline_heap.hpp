// The next deadline of each slot, and the earliest of all at hand. For `worker_group`.
#pragma once

#include <distworker/engine_output.hpp>
#include <distworker/time.hpp>

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace distworker {

class deadline_heap {
public:
    /// One slot and what it is to be woken for.
    struct entry {
        monotonic_time at = never; ///< `never`: it need not be woken.
        deadline_reason reason{};  ///< Which of its timers; means nothing at `never`.
        std::uint32_t slot = 0;    ///< Counted from 0, in the order of `add`.
    };

    /// Memory for as many: `add` takes none before.
    void reserve(std::size_t slots) {
        heap_.reserve(slots);
        place_.reserve(slots);
    }
    /// One more slot, without a deadline. The number of the first is 0.
    void add() {
        const auto slot = static_cast<std::uint32_t>(heap_.size());
        place_.push_back(slot);
        heap_.push_back({never, {}, slot});
    }
    /// The earliest one; `never` when none is set. There must be a slot.
    [[nodiscard]] const entry& first() const noexcept { return heap_.front(); }

    /// O(log slots).
    void set(std::uint32_t slot, monotonic_time at, deadline_reason reason) noexcept {
        entry& changed = heap_[place_[slot]];
        const monotonic_time before = std::exchange(changed.at, at);
        changed.reason = reason;
        if (at < before) {
            sift_up(place_[slot]);
        } else if (at > before) {
            sift_down(place_[slot]);
        }
    }

private:
    void sift_up(std::size_t at) noexcept {
        while (at > 0 && heap_[(at - 1) / 2].at > heap_[at].at) {
            swap_entries(at, (at - 1) / 2);
            at = (at - 1) / 2;
        }
    }
    void sift_down(std::size_t at) noexcept {
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
    void swap_entries(std::size_t a, std::size_t b) noexcept {
        std::swap(heap_[a], heap_[b]);
        place_[heap_[a].slot] = a;
        place_[heap_[b].slot] = b;
    }

    std::vector<entry> heap_;        // a binary heap, the earliest first
    std::vector<std::size_t> place_; // in the heap, by slot
};

} // namespace distworker
