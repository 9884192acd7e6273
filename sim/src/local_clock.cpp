#include "local_clock.hpp"

#include <distworker/sim/draw.hpp>

#include <algorithm>
#include <cmath>

namespace distworker::sim {

local_clock::local_clock(const character& its, std::uint64_t seed) noexcept
    : its_{its}, random_{seed}, base_{its.origin}, speed_{draw_speed()} {}

double local_clock::draw_speed() noexcept {
    const double even = static_cast<double>(number(random_, 0, 2'000)) / 1'000 - 1; // in [-1, 1]
    switch (its_.shape) {
    case drift::steady:
    case drift::random:
        return 1 + its_.swing * even;
    case drift::periodic:
        return pieces_ % 2 == 0 ? 1 + its_.swing : 1 - its_.swing;
    case drift::none:
    case drift::leaping:
        break;
    }
    return 1;
}

void local_clock::go_to(monotonic_time world) noexcept {
    const bool pieces = its_.shape != drift::none && its_.shape != drift::steady;
    while (pieces && world - piece_began_ >= its_.piece) {
        ++pieces_;
        piece_began_ += its_.piece;
        base_ += std::chrono::nanoseconds{
            static_cast<std::int64_t>(static_cast<double>(its_.piece.count()) * speed_)};
        if (its_.shape == drift::leaping) {
            base_ += random_.uniform(std::chrono::nanoseconds::zero(), its_.leap);
        }
        speed_ = draw_speed();
    }
}

monotonic_time local_clock::read(monotonic_time world) noexcept {
    go_to(world);
    const auto passed = static_cast<double>((world - piece_began_).count()) * speed_;
    const std::int64_t shown = (base_ + std::chrono::nanoseconds{static_cast<std::int64_t>(passed)}).count();
    return monotonic_time{std::chrono::nanoseconds{shown - shown % its_.tick.count()}};
}

monotonic_time local_clock::world_time(monotonic_time local, monotonic_time world) noexcept {
    if (local == never) {
        return never;
    }
    go_to(world);
    const std::int64_t tick = its_.tick.count();
    const std::int64_t at = local.time_since_epoch().count();
    const std::int64_t ticked = at % tick == 0 ? at : at - at % tick + tick;
    const double left = static_cast<double>(ticked - base_.count()) / speed_;
    monotonic_time there = saturating_add(piece_began_, std::chrono::nanoseconds{static_cast<std::int64_t>(
                                                            std::ceil(std::clamp(left, 0.0, 9e18)))});
    if (its_.shape != drift::none && its_.shape != drift::steady) {
        there = std::min(there, piece_began_ + its_.piece);
    }
    // Rounding: one more look a moment later costs nothing.
    return std::max(there, world + std::chrono::nanoseconds{1});
}

} // namespace distworker::sim
