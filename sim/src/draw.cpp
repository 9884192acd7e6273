#include <distworker/sim/draw.hpp>

#include <cmath>

namespace distworker::sim {

std::chrono::nanoseconds exponential(seeded_random& random, std::chrono::nanoseconds mean) noexcept {
    // Evenly in (0, 1], by the 53 bits that a double holds.
    const double even = static_cast<double>((random.next() >> 11U) + 1) / static_cast<double>(1ULL << 53U);
    return std::chrono::nanoseconds{
        static_cast<std::int64_t>(-std::log(even) * static_cast<double>(mean.count()))};
}

} // namespace distworker::sim
