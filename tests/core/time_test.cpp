#include <distworker/time.hpp>

#include <gtest/gtest.h>

#include <limits>

namespace distworker {
namespace {

using namespace std::chrono_literals;

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

} // namespace
} // namespace distworker
