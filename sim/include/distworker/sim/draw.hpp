// Random draws that the simulator needs beyond those of jitter.
#pragma once

#include <distworker/random.hpp>

#include <chrono>
#include <cstdint>

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

} // namespace distworker::sim
