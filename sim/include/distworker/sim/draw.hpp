// Random draws that the simulator needs beyond those of jitter.
#pragma once

#include <distworker/random.hpp>

#include <chrono>
#include <cstdint>
#include <iterator>

namespace distworker::sim {

/// An exponentially distributed time.
[[nodiscard]] std::chrono::nanoseconds exponential(seeded_random& random,
                                                   std::chrono::nanoseconds mean) noexcept;
/// Whether something of this chance, in percent, happens.
[[nodiscard]] inline bool chance(seeded_random& random, std::uint64_t percent) noexcept {
    return scale_random(random.next(), 99) < percent;
}
/// Evenly in [lo, hi].
[[nodiscard]] inline std::uint64_t number(seeded_random& random, std::uint64_t lo,
                                          std::uint64_t hi) noexcept {
    return lo + scale_random(random.next(), hi - lo);
}

/// In [lo, hi], evenly in its logarithm: as often between 1 and 10 as between 10 and 100. `lo` is positive.
[[nodiscard]] std::chrono::nanoseconds across(seeded_random& random, std::chrono::nanoseconds lo,
                                              std::chrono::nanoseconds hi) noexcept;
/// One of the items.
template <typename Items>
[[nodiscard]] const auto& pick(seeded_random& random, const Items& items) noexcept {
    return items[number(random, 0, std::size(items) - 1)];
}

} // namespace distworker::sim
