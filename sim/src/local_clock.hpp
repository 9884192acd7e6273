// The clocks of one machine: a monotonic one with its own origin, speed and ticks, and a wall clock's error.
#pragma once

#include <distworker/random.hpp>
#include <distworker/time.hpp>

#include <chrono>
#include <cstdint>

namespace distworker::sim {

class local_clock {
public:
    /// How a monotonic clock differs from the world's (the shapes are TigerBeetle's).
    enum class drift : std::uint8_t {
        none,
        steady,   ///< Always the same.
        periodic, ///< Now too fast, now too slow.
        random,   ///< Another speed every while.
        leaping,  ///< It leaps ahead every while.
    };
    struct character {
        drift shape = drift::none;
        double swing = 0;                  ///< Up to so much faster or slower: 0.05 for 5 %.
        std::chrono::nanoseconds piece{};  ///< How long a speed lasts.
        std::chrono::nanoseconds leap{};   ///< The longest leap ahead.
        std::chrono::nanoseconds tick{1};  ///< It moves in steps of this.
        std::chrono::nanoseconds origin{}; ///< What it shows at the world's time 0.
    };

    local_clock() = default;
    local_clock(const character& its, std::uint64_t seed) noexcept;

    /// What it shows. The world's time only grows.
    [[nodiscard]] monotonic_time read(monotonic_time world) noexcept;
    /// The world's time by which it shows `local`, or an earlier one at which to ask again.
    [[nodiscard]] monotonic_time world_time(monotonic_time local, monotonic_time world) noexcept;

    /// The fastest and the slowest that it may run.
    [[nodiscard]] double most() const noexcept { return 1 + its_.swing; }

private:
    void go_to(monotonic_time world) noexcept;
    [[nodiscard]] double draw_speed() noexcept;

    character its_;
    seeded_random random_{0};
    monotonic_time piece_began_{};    // in the world's time
    std::chrono::nanoseconds base_{}; // what the clock has shown then, without ticks
    double speed_ = 1;
    std::uint64_t pieces_ = 0;
};

} // namespace distworker::sim
