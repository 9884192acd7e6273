// How long to wait before the next attempt to connect. Pure: the caller counts, and brings the randomness.
//
// A fleet that lost its controller must not return at one instant, and a controller that refuses must not be
// hammered. When to reset the counts is the engine's business: after a registration that stayed up 30 s.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

namespace distworker {

/// How long to wait before the next attempt.
enum class reconnect_policy : std::uint8_t {
    jitter, ///< Full jitter, exponential up to the cap. For fleets.
    fixed,  ///< Always exactly the interval, as the first worker SDK does.
};

[[nodiscard]] const char* to_string(reconnect_policy policy) noexcept;

/// Never two attempts closer together than this.
inline constexpr std::chrono::milliseconds min_reconnect_delay{250};
/// Range of the waits while the controller refuses (`jitter`).
inline constexpr std::chrono::seconds min_refused_delay{30};
inline constexpr std::chrono::seconds max_refused_delay{300};
/// A `Retry-After` counts up to here.
inline constexpr std::chrono::minutes max_retry_after{10};

/// Which waits there are; the arithmetic is `backoff`.
struct backoff_policy {
    /// How the waits grow.
    reconnect_policy kind = reconnect_policy::jitter;
    /// The longest wait of the first wave with jitter, every wait when fixed.
    std::chrono::nanoseconds base = std::chrono::seconds{5};
    /// The longest wait with jitter, however many attempts have failed.
    std::chrono::nanoseconds cap = std::chrono::seconds{30};
};

/// What led to this wait.
struct backoff_state {
    /// Waits since the last live session: 0 for the first one after it, or at the very start.
    std::uint32_t attempt = 0;
    /// Refusals in a row; 0 unless the last end was one. They have a delay of their own.
    std::uint32_t refusals = 0;
    /// From the HTTP answer to the upgrade, as it came. It only lengthens.
    std::optional<std::chrono::seconds> retry_after{};
};

/// The delay before the next attempt, counted from the end of the last one. `random` is any 64 evenly random
/// bits. Evenly in
///   jitter:          [250 ms, min(cap, base * 2^attempt)], so [250 ms, base] for the first wave;
///   jitter, refused: [30 s, min(300 s, 30 s * 2^refusals)];
///   fixed:           exactly base, refused or not;
/// then at least `retry_after` clamped to [0, 10 min]. Never under 250 ms.
[[nodiscard]] std::chrono::nanoseconds backoff(const backoff_policy& policy, const backoff_state& state,
                                               std::uint64_t random) noexcept;

} // namespace distworker
