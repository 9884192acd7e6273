// A herd: a fleet of workers whose controller goes away and comes back, to see that they do not return at one
// instant.
//
// Each worker is the real engine of one slot; the network is nothing but a refusal while the controller is
// away. docs/reliability.md derives the bounds.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace distworker::sim {

/// Workers that lose their controller at one moment, and for how long.
struct herd_options {
    std::uint32_t workers = 10'000; ///< One connection each.
    std::chrono::seconds away{60};  ///< From the loss until the controller is back.
    std::uint64_t seed = 1;         ///< Of all that is random.
};

/// How they came back.
struct herd_result {
    herd_options options; ///< What was played.
    /// Attempts to connect in each tenth of a second since the controller went.
    std::vector<std::uint32_t> attempts;
    /// The largest share of the fleet, 0 to 1, that attempts in any one second.
    double worst_second = 0;
    /// The same once the slowest worker's delays have reached the cap; 0 when the controller was back before.
    double worst_capped_second = 0;
    /// From the controller's return until the last worker is registered.
    std::chrono::nanoseconds all_back{};
};

/// Plays it. The same options give the same result.
[[nodiscard]] herd_result stampede(const herd_options& options);

/// A plot of one herd's attempts per second, as SVG.
[[nodiscard]] std::string draw_herd(const herd_result& herd);

/// At most this share of a fleet attempts in any one second.
inline constexpr double herd_bound = 0.32;
/// And once all delays have reached the cap.
inline constexpr double capped_herd_bound = 0.08;

} // namespace distworker::sim
