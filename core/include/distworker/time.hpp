// Time as the core sees it: always an argument, never asked for.
//
// Use these types wherever an engine wants to know when something happens. The core has no clock; a driver
// (or a test) fills an `instant` from whatever clocks it has and hands it in with each event.
#pragma once

#include <chrono>
#include <cstdint>

namespace distworker {

/// The clock that decisions are made by: it only grows, and its origin means nothing. It has no `now()` on
/// purpose. A driver fills it from `std::chrono::steady_clock`, a test from a counter.
struct monotonic_clock {
    using duration = std::chrono::nanoseconds;
    using rep = duration::rep;
    using period = duration::period;
    using time_point = std::chrono::time_point<monotonic_clock>;
    static constexpr bool is_steady = true;
};

using monotonic_time = monotonic_clock::time_point;

/// Wall-clock time, UTC, as Unix milliseconds. Used to sign and to show, never to decide.
using wall_time = std::chrono::sys_time<std::chrono::milliseconds>;

/// One reading of both clocks, taken together. Every input of an engine carries one.
struct instant {
    monotonic_time monotonic{};
    wall_time wall{};
};

/// "Never": the deadline of something that has none.
inline constexpr monotonic_time never = monotonic_time::max();

/// `t + d` without overflow: far futures end at `never`, far pasts at the earliest time.
[[nodiscard]] constexpr monotonic_time saturating_add(monotonic_time t, std::chrono::nanoseconds d) noexcept {
    std::int64_t sum = 0;
    if (__builtin_add_overflow(t.time_since_epoch().count(), d.count(), &sum)) {
        return d.count() > 0 ? never : monotonic_time::min();
    }
    return monotonic_time{std::chrono::nanoseconds{sum}};
}

/// Milliseconds as they come off the wire (any int64) to nanoseconds, saturating.
[[nodiscard]] constexpr std::chrono::nanoseconds saturating_milliseconds(std::int64_t ms) noexcept {
    std::int64_t ns = 0;
    if (__builtin_mul_overflow(ms, std::int64_t{1'000'000}, &ns)) {
        return ms > 0 ? std::chrono::nanoseconds::max() : std::chrono::nanoseconds::min();
    }
    return std::chrono::nanoseconds{ns};
}

} // namespace distworker
