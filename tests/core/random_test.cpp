#include <distworker/random.hpp>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <array>

namespace distworker {
namespace {

using std::chrono::nanoseconds;

TEST(SeededRandom, IsSplitMix64) {
    // The published sequence for seed 1234567 (Vigna's reference program).
    seeded_random random{1234567};
    for (const std::uint64_t expected : {6457827717110365317U, 3203168211198807973U, 9817491932198370423U,
                                         4593380528125082431U, 16408922859458223821U}) {
        EXPECT_EQ(random.next(), expected);
    }
}

TEST(SeededRandom, PartsDoNotDisturbEachOther) {
    seeded_random whole{7};
    seeded_random part = whole.split();
    seeded_random same_whole{7};
    seeded_random same_part = same_whole.split();
    for (int i = 0; i < 10; ++i) {
        static_cast<void>(part.next());
    }
    EXPECT_EQ(whole.next(), same_whole.next());
    EXPECT_NE(same_part.next(), same_whole.next());
}

TEST(SeededRandom, UniformReachesBothEndsAndIsEven) {
    seeded_random random{1};
    std::array<int, 10> counts{};
    for (int i = 0; i < 100'000; ++i) {
        ++counts[static_cast<std::size_t>(random.uniform(nanoseconds{0}, nanoseconds{9}).count())];
    }
    for (const int count : counts) {
        EXPECT_NEAR(count, 10'000, 500); // five standard deviations
    }
}

RC_GTEST_PROP(SeededRandom, StaysWithinItsBounds, (std::uint64_t seed, std::int64_t a, std::int64_t b)) {
    seeded_random random{seed};
    const nanoseconds lo{std::min(a, b)};
    const nanoseconds hi{std::max(a, b)};
    const nanoseconds drawn = random.uniform(lo, hi);
    RC_ASSERT(drawn >= lo);
    RC_ASSERT(drawn <= hi);
    RC_ASSERT(random.uniform(hi, lo) == hi);
}

RC_GTEST_PROP(ScaleRandom, IsMonotoneAndHitsBothEnds, (std::uint64_t value, std::uint64_t bound)) {
    RC_ASSERT(scale_random(value, bound) <= bound);
    RC_ASSERT(scale_random(0, bound) == 0U);
    RC_ASSERT(scale_random(UINT64_MAX, bound) == bound);
    RC_ASSERT((value == 0 || scale_random(value - 1, bound) <= scale_random(value, bound)));
}

TEST(ScaleRandom, TakesTheFullRange) {
    EXPECT_EQ(scale_random(12345, UINT64_MAX), 12345U);
    EXPECT_EQ(scale_random(UINT64_MAX, UINT64_MAX - 1), UINT64_MAX - 1);
    EXPECT_EQ(scale_random(1ULL << 63U, 1), 1U);
    EXPECT_EQ(scale_random((1ULL << 63U) - 1, 1), 0U);
}

} // namespace
} // namespace distworker
