#include <distworker/backoff.hpp>
#include <distworker/random.hpp>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>

namespace distworker {
namespace {

using namespace std::chrono_literals;
using std::chrono::nanoseconds;

constexpr std::uint64_t lowest = 0;
constexpr std::uint64_t highest = UINT64_MAX;

TEST(Backoff, TheFirstWaveIsSpreadOverTheInterval) {
    const backoff_policy policy{};
    EXPECT_EQ(backoff(policy, {}, lowest), 250ms);
    EXPECT_EQ(backoff(policy, {}, highest), 5s);
    seeded_random random{3};
    int early = 0;
    for (int i = 0; i < 10'000; ++i) {
        early += backoff(policy, {}, random.next()) < 2625ms ? 1 : 0; // the middle of [250 ms, 5 s]
    }
    EXPECT_NEAR(early, 5'000, 250); // five standard deviations
}

TEST(Backoff, GrowsToTheCap) {
    const backoff_policy policy{};
    const auto longest = [&](std::uint32_t attempt) {
        return backoff(policy, {.attempt = attempt}, highest);
    };
    EXPECT_EQ(longest(1), 10s);
    EXPECT_EQ(longest(2), 20s);
    EXPECT_EQ(longest(3), 30s);
    EXPECT_EQ(longest(UINT32_MAX), 30s);
    EXPECT_EQ(backoff(policy, {.attempt = UINT32_MAX}, lowest), 250ms);
}

TEST(Backoff, RefusalsHaveTheirOwnRange) {
    const backoff_policy policy{};
    const auto longest = [&](std::uint32_t refusals) {
        return backoff(policy, {.refusals = refusals}, highest);
    };
    EXPECT_EQ(longest(1), 60s);
    EXPECT_EQ(longest(2), 120s);
    EXPECT_EQ(longest(3), 240s);
    EXPECT_EQ(longest(4), 300s);
    EXPECT_EQ(longest(UINT32_MAX), 300s);
    EXPECT_EQ(backoff(policy, {.refusals = 1}, lowest), 30s);
    EXPECT_EQ(backoff(policy, {.refusals = 9}, lowest), 30s);
}

TEST(Backoff, FixedIsExactlyTheInterval) {
    const backoff_policy policy{.kind = reconnect_policy::fixed};
    for (const backoff_state state :
         {backoff_state{}, backoff_state{.attempt = 9}, backoff_state{.refusals = 5}}) {
        EXPECT_EQ(backoff(policy, state, lowest), 5s);
        EXPECT_EQ(backoff(policy, state, highest), 5s);
    }
    EXPECT_EQ(backoff({.kind = reconnect_policy::fixed, .base = 1ms}, {}, lowest), 250ms);
}

TEST(Backoff, RetryAfterOnlyLengthensUpToTenMinutes) {
    const backoff_policy policy{};
    const auto after = [&](std::chrono::seconds wait) {
        return backoff(policy, {.retry_after = wait}, highest); // 5 s without it
    };
    EXPECT_EQ(after(0s), 5s);
    EXPECT_EQ(after(-1s), 5s);
    EXPECT_EQ(after(7s), 7s);
    EXPECT_EQ(after(10min), 10min);
    EXPECT_EQ(after(std::chrono::seconds{1'000'000'000'000}), 10min);
    EXPECT_EQ(after(std::chrono::seconds::max()), 10min);
    EXPECT_EQ(after(std::chrono::seconds::min()), 5s);
}

RC_GTEST_PROP(Backoff, KeepsItsBounds,
              (std::uint32_t attempt, std::uint64_t random, std::int64_t base_value,
               std::int64_t cap_value)) {
    // Any base and cap, the senseless ones too: the configuration refuses them, this must not overflow.
    const backoff_policy policy{.base = nanoseconds{base_value}, .cap = nanoseconds{cap_value}};
    const nanoseconds delay = backoff(policy, {.attempt = attempt}, random);
    RC_ASSERT(delay >= 250ms);
    RC_ASSERT(delay <= std::max<nanoseconds>(250ms, policy.cap));
    if (attempt == 0) {
        RC_ASSERT(delay <= std::max<nanoseconds>(250ms, policy.base));
    }
    RC_ASSERT(delay == backoff(policy, {.attempt = attempt}, random));
}

RC_GTEST_PROP(Backoff, RefusedStaysBetweenHalfAMinuteAndFive, (std::uint64_t random, std::uint32_t attempt)) {
    const auto refusals = *rc::gen::inRange<std::uint32_t>(1, 100);
    const nanoseconds delay = backoff({}, {.attempt = attempt, .refusals = refusals}, random);
    RC_ASSERT(delay >= 30s);
    RC_ASSERT(delay <= 300s);
    RC_ASSERT(delay <= backoff({}, {.refusals = refusals + 1}, random));
}

} // namespace
} // namespace distworker
