// Time as the core sees it: always an argument, never asked for.
//
// Use these types wherever an engine wants to know when something happens. The core has no clock; a driver
// (or a test) fills an `instant` from whatever clocks it has and hands it in with each event.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <limits>

namespace distworker {

/// The clock that decisions are made by: it only grows, and its origin means nothing. It has no `now()` on
/// purpose. A driver fills it from `std::chrono::steady_clock`, a test from a counter.
struct monotonic_clock {
    /// What the standard's clocks have, `now()` left out.
    using duration = std::chrono::nanoseconds;
    using rep = duration::rep;
    using period = duration::period;
    using time_point = std::chrono::time_point<monotonic_clock>;
    static constexpr bool is_steady = true;
};

/// A moment of the clock that never steps back; only its distances mean something.
using monotonic_time = monotonic_clock::time_point;

/// Wall-clock time, UTC, as Unix milliseconds. Used to sign and to show, never to decide.
using wall_time = std::chrono::sys_time<std::chrono::milliseconds>;

/// One reading of both clocks, taken together. Every input of an engine carries one.
struct instant {
    monotonic_time monotonic{}; ///< What deadlines are measured by.
    wall_time wall{};           ///< What is signed and shown.

    /// From the standard library's clocks: `instant::of(steady_clock::now(), system_clock::now())`.
    [[nodiscard]] static constexpr instant of(std::chrono::steady_clock::time_point steady,
                                              std::chrono::system_clock::time_point system) noexcept {
        return {monotonic_time{steady.time_since_epoch()},
                std::chrono::floor<std::chrono::milliseconds>(system)};
    }
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

/// How long to sleep until `deadline`, as poll(2) and epoll_wait(2) take it: in milliseconds, rounded up (who
/// wakes too early has nothing to do, and spins); 0 when it has passed; -1, for ever, when it is `never`.
[[nodiscard]] constexpr int poll_timeout(monotonic_time deadline, monotonic_time now) noexcept {
    if (deadline == never) {
        return -1;
    }
    if (deadline <= now) {
        return 0;
    }
    std::int64_t left = 0;
    if (__builtin_sub_overflow(deadline.time_since_epoch().count(), now.time_since_epoch().count(), &left)) {
        return std::numeric_limits<int>::max();
    }
    const auto milliseconds = std::chrono::ceil<std::chrono::milliseconds>(std::chrono::nanoseconds{left});
    return static_cast<int>(std::min<std::int64_t>(milliseconds.count(), std::numeric_limits<int>::max()));
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
