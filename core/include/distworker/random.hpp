// A small deterministic random generator for jitter, keyed by a seed that enters as an argument.
//
// The same seed gives the same numbers on every platform, so that a recorded session can be replayed. Not for
// keys, masks or anything that must not be guessed: those come from `crypto::random`.
#pragma once

#include <chrono>
#include <cstdint>

namespace distworker {

/// Maps a random 64-bit value onto [0, bound], both ends included.
[[nodiscard]] constexpr std::uint64_t scale_random(std::uint64_t value, std::uint64_t bound) noexcept {
    if (bound == UINT64_MAX) {
        return value;
    }
    // The high half of value * (bound + 1): no division, and a bias below 2^-30 for any duration of ours.
    const std::uint64_t n = bound + 1;
    const std::uint64_t value_high = value >> 32U;
    const std::uint64_t value_low = value & UINT32_MAX;
    const std::uint64_t n_high = n >> 32U;
    const std::uint64_t n_low = n & UINT32_MAX;
    const std::uint64_t middle = value_high * n_low + ((value_low * n_low) >> 32U);
    const std::uint64_t cross = value_low * n_high + (middle & UINT32_MAX);
    return value_high * n_high + (middle >> 32U) + (cross >> 32U);
}

/// SplitMix64 (Steele, Lea, Flood 2014). Copies continue from the same place. Not synchronised.
class seeded_random {
public:
    /// Any seed is as good as another, 0 too.
    explicit constexpr seeded_random(std::uint64_t seed) noexcept : state_{seed} {}

    /// The next 64 bits.
    [[nodiscard]] constexpr std::uint64_t next() noexcept {
        state_ += 0x9E3779B97F4A7C15U;
        std::uint64_t z = state_;
        z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9U;
        z = (z ^ (z >> 27U)) * 0x94D049BB133111EBU;
        return z ^ (z >> 31U);
    }

    /// Evenly in [lo, hi], both ends included; `lo` when `hi` is below it.
    [[nodiscard]] constexpr std::chrono::nanoseconds uniform(std::chrono::nanoseconds lo,
                                                             std::chrono::nanoseconds hi) noexcept {
        const std::uint64_t value = next(); // drawn in any case: the sequence does not depend on the bounds
        if (hi <= lo) {
            return lo;
        }
        const auto low = static_cast<std::uint64_t>(lo.count());
        const std::uint64_t width = static_cast<std::uint64_t>(hi.count()) - low;
        return std::chrono::nanoseconds{static_cast<std::int64_t>(low + scale_random(value, width))};
    }

    /// A generator of its own for a part of the system, so that what one part draws does not shift another's.
    [[nodiscard]] constexpr seeded_random split() noexcept {
        return seeded_random{next() ^ 0x5851F42D4C957F2DU};
    }

private:
    std::uint64_t state_;
};

} // namespace distworker
