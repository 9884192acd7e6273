#include <distworker/delivery.hpp>
#include <distworker/time.hpp>

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>

namespace distworker {
namespace {

using namespace std::chrono_literals;
using std::chrono::nanoseconds;

constexpr monotonic_time origin{};

TEST(Time, AnInstantIsMadeOfTheStandardClocks) {
    const instant made = instant::of(std::chrono::steady_clock::time_point{7ns},
                                     std::chrono::system_clock::time_point{1'500us});
    EXPECT_EQ(made.monotonic.time_since_epoch(), 7ns);
    EXPECT_EQ(made.wall.time_since_epoch(), 1ms);
    EXPECT_EQ(instant::of({}, std::chrono::system_clock::time_point{-1us}).wall.time_since_epoch(), -1ms);
}

TEST(Time, ASleepIsRoundedUpSoThatNobodyWakesTooEarly) {
    EXPECT_EQ(poll_timeout(origin + 1ns, origin), 1);
    EXPECT_EQ(poll_timeout(origin + 1ms, origin), 1);
    EXPECT_EQ(poll_timeout(origin + 1ms + 1ns, origin), 2);
    EXPECT_EQ(poll_timeout(origin + 30s, origin + 1s), 29'000);
}

TEST(Time, WhatHasPassedIsNotSleptFor) {
    EXPECT_EQ(poll_timeout(origin, origin), 0);
    EXPECT_EQ(poll_timeout(origin, origin + 1ns), 0);
    EXPECT_EQ(poll_timeout(monotonic_time::min(), never), 0);
}

TEST(Time, AFarDeadlineIsALongSleepAndNeverIsForEver) {
    constexpr int longest = std::numeric_limits<int>::max();
    EXPECT_EQ(poll_timeout(never, origin), -1);
    EXPECT_EQ(poll_timeout(never - 1ns, origin), longest);
    EXPECT_EQ(poll_timeout(never - 1ns, monotonic_time::min()), longest);
    EXPECT_EQ(poll_timeout(origin + std::chrono::milliseconds{longest}, origin), longest);
    EXPECT_EQ(poll_timeout(origin + std::chrono::milliseconds{longest} + 1ms, origin), longest);
}

TEST(Time, AddsWithoutOverflow) {
    EXPECT_EQ(saturating_add(monotonic_time{5s}, 3s), monotonic_time{8s});
    EXPECT_EQ(saturating_add(never, 1ns), never);
    EXPECT_EQ(saturating_add(monotonic_time{1h}, nanoseconds::max()), never);
    EXPECT_EQ(saturating_add(monotonic_time::min(), -1ns), monotonic_time::min());
    EXPECT_EQ(saturating_add(monotonic_time{-1h}, nanoseconds::min()), monotonic_time::min());
}

TEST(Time, MillisecondsOffTheWireAreAnyNumber) {
    constexpr auto largest = std::numeric_limits<std::int64_t>::max();
    EXPECT_EQ(saturating_milliseconds(1500), 1500ms);
    EXPECT_EQ(saturating_milliseconds(-1), -1ms);
    EXPECT_EQ(saturating_milliseconds(largest / 1'000'000), nanoseconds{largest / 1'000'000 * 1'000'000});
    EXPECT_EQ(saturating_milliseconds(largest / 1'000'000 + 1), nanoseconds::max());
    EXPECT_EQ(saturating_milliseconds(largest), nanoseconds::max());
    EXPECT_EQ(saturating_milliseconds(-largest), nanoseconds::min());
}

TEST(Delivery, IsItsSlotItsConnectionAndItsPlace) {
    const delivery one{.slot = 1, .generation = 2, .serial = 3};
    delivery same = one;
    EXPECT_EQ(one, same);
    EXPECT_LE(one, same);
    for (auto change : {+[](delivery& d) { ++d.slot; }, +[](delivery& d) { ++d.generation; },
                        +[](delivery& d) { ++d.serial; }}) {
        delivery other = one;
        change(other);
        EXPECT_NE(one, other);
        EXPECT_LT(one, other);
    }
}

} // namespace
} // namespace distworker
