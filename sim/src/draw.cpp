#include <distworker/sim/draw.hpp>

#include <cmath>

namespace distworker::sim {

namespace {

// Evenly in (0, 1], by the 53 bits that a double holds.
double even(seeded_random& random) noexcept {
    return static_cast<double>((random.next() >> 11U) + 1) / static_cast<double>(1ULL << 53U);
}

} // namespace

std::chrono::nanoseconds exponential(seeded_random& random, std::chrono::nanoseconds mean) noexcept {
    return std::chrono::nanoseconds{
        static_cast<std::int64_t>(-std::log(even(random)) * static_cast<double>(mean.count()))};
}

std::chrono::nanoseconds across(seeded_random& random, std::chrono::nanoseconds lo,
                                std::chrono::nanoseconds hi) noexcept {
    const auto least = static_cast<double>(lo.count());
    const double ratio = static_cast<double>(hi.count()) / least;
    return std::chrono::nanoseconds{static_cast<std::int64_t>(least * std::pow(ratio, even(random)))};
}

} // namespace distworker::sim
