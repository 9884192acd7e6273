// One direction of a bad connection, on virtual time.
#include <distworker/sim/pipe.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <string>
#include <string_view>

namespace distworker::sim {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::Ge;
using ::testing::Le;

constexpr monotonic_time start{1h};

std::span<const std::byte> bytes(std::string_view text) {
    return std::as_bytes(std::span{text});
}

std::string text_of(const std::vector<std::byte>& bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Reads until nothing comes any more; the time of the last arrival.
monotonic_time read_all(pipe& from, std::vector<std::byte>& into) {
    monotonic_time last = start;
    while (from.next_arrival() != never) {
        last = from.next_arrival();
        from.read(into, last);
    }
    return last;
}

TEST(Pipe, IsInstantUnlessToldOtherwise) {
    pipe line{{}, 1};
    EXPECT_EQ(line.write(bytes("hello"), start), 5U);
    std::vector<std::byte> got;
    EXPECT_EQ(line.read(got, start), 5U);
    EXPECT_EQ(text_of(got), "hello");
    EXPECT_FALSE(line.at_end());
    line.finish();
    EXPECT_TRUE(line.at_end());
    EXPECT_EQ(line.write(bytes("more"), start), 0U);
}

TEST(Pipe, DelaysEveryByte) {
    pipe line{{.min_delay = 50ms}, 1};
    line.write(bytes("hello"), start);
    std::vector<std::byte> got;
    EXPECT_EQ(line.read(got, start + 49ms), 0U);
    EXPECT_EQ(line.next_arrival(), start + 50ms);
    EXPECT_EQ(line.read(got, start + 50ms), 5U);
}

TEST(Pipe, DelaysByTheMeanThatItWasGiven) {
    pipe line{{.mean_delay = 100ms, .smallest_chunk = 1, .largest_chunk = 1}, 7};
    // Each byte is written after the one before has arrived, so none waits for another.
    constexpr int samples = 20'000;
    std::chrono::nanoseconds sum{};
    monotonic_time now = start;
    for (int i = 0; i < samples; ++i) {
        line.write(bytes("x"), now);
        sum += line.next_arrival() - now;
        now = line.next_arrival();
        std::vector<std::byte> got;
        line.read(got, now);
    }
    EXPECT_THAT(sum / samples, AllOf(Ge(97ms), Le(103ms)));
}

TEST(Pipe, LetsOnlySoMuchThrough) {
    pipe line{{.bandwidth = 1'000, .smallest_chunk = 100, .largest_chunk = 100}, 1};
    line.write(bytes(std::string(2'000, 'x')), start);
    std::vector<std::byte> got;
    EXPECT_EQ(line.read(got, start + 1s), 1'000U);
    EXPECT_EQ(read_all(line, got), start + 2s);
}

TEST(Pipe, TakesNoMoreThanItsBuffer) {
    pipe line{{.min_delay = 1s, .send_buffer = 10}, 1};
    EXPECT_EQ(line.write(bytes("0123456789abcdef"), start), 10U);
    EXPECT_EQ(line.room(), 0U);
    std::vector<std::byte> got;
    line.read(got, start + 1s);
    EXPECT_EQ(line.room(), 10U);
}

TEST(Pipe, StallsAndGoesOn) {
    pipe line{{}, 1};
    line.write(bytes("a"), start);
    line.stall(start + 5s);
    line.write(bytes("b"), start);
    std::vector<std::byte> got;
    EXPECT_EQ(line.read(got, start + 4s), 0U);
    EXPECT_EQ(line.next_arrival(), start + 5s);
    EXPECT_EQ(line.read(got, start + 5s), 2U);
}

TEST(Pipe, IsSilentWithoutAWord) {
    pipe line{{.send_buffer = 4}, 1};
    line.silence();
    EXPECT_EQ(line.write(bytes("abcdef"), start), 4U);
    EXPECT_EQ(line.next_arrival(), never);
    std::vector<std::byte> got;
    EXPECT_EQ(line.read(got, start + 24h), 0U);
    EXPECT_FALSE(line.broken());
    EXPECT_FALSE(line.at_end());
}

TEST(Pipe, DamagesAFewBytesAndSaysHowMany) {
    pipe line{{.send_buffer = 1'000'000, .damage_per_million = 100}, 1};
    const std::string sent(500'000, 'x');
    line.write(bytes(sent), start);
    std::vector<std::byte> got;
    read_all(line, got);
    EXPECT_GT(line.damaged(), 20U);
    EXPECT_LT(line.damaged(), 100U);
    EXPECT_EQ(line.delivered(), sent.size());
    const auto odd = std::ranges::count_if(got, [](std::byte b) { return b != std::byte{'x'}; });
    EXPECT_GT(odd, 0);
    EXPECT_LE(static_cast<std::uint64_t>(odd), line.damaged());
}

TEST(Pipe, TakesNothingWhileItIsChoked) {
    pipe line{{}, 1};
    line.choke(start + 5s);
    EXPECT_EQ(line.write(bytes("hello"), start + 4s), 0U);
    EXPECT_TRUE(line.empty());
    EXPECT_EQ(line.write(bytes("hello"), start + 5s), 5U);
    EXPECT_FALSE(line.empty());
}

RC_GTEST_PROP(Pipe, KeepsOrderAndLosesNothingButByACut, ()) {
    pipe_faults faults;
    faults.min_delay = std::chrono::milliseconds{*rc::gen::inRange(0, 100)};
    faults.mean_delay = std::chrono::milliseconds{*rc::gen::inRange(0, 300)};
    faults.bandwidth = *rc::gen::element<std::uint64_t>(0, 1, 1'000, 1'000'000);
    faults.smallest_chunk = *rc::gen::inRange<std::size_t>(0, 20);
    faults.largest_chunk = *rc::gen::inRange<std::size_t>(0, 100);
    faults.send_buffer = *rc::gen::inRange<std::size_t>(1, 1'000);
    const bool cuts = *rc::gen::arbitrary<bool>();
    if (cuts) {
        faults.cut_at = *rc::gen::inRange<std::uint64_t>(0, 500);
    }
    pipe line{faults, *rc::gen::arbitrary<std::uint64_t>()};
    std::string wrote;
    std::vector<std::byte> got;
    monotonic_time now = start;
    for (const auto& text :
         *rc::gen::container<std::vector<std::string>>(rc::gen::arbitrary<std::string>())) {
        wrote += text.substr(0, line.write(bytes(text), now));
        if (*rc::gen::arbitrary<bool>()) {
            now += std::chrono::milliseconds{*rc::gen::inRange(0, 2'000)};
        }
        if (*rc::gen::inRange(0, 5) == 0) {
            line.stall(now + std::chrono::milliseconds{*rc::gen::inRange(0, 5'000)});
        }
        line.read(got, now);
        RC_ASSERT(line.next_arrival() > now);
    }
    line.finish();
    read_all(line, got);
    const std::size_t expected =
        cuts ? std::min<std::size_t>(wrote.size(), static_cast<std::size_t>(*faults.cut_at)) : wrote.size();
    if (line.broken()) {
        RC_ASSERT(cuts);
        RC_ASSERT(text_of(got).size() == *faults.cut_at);
    } else {
        RC_ASSERT(text_of(got).size() == expected);
        RC_ASSERT(line.at_end());
    }
    RC_ASSERT(wrote.starts_with(text_of(got)));
}

RC_GTEST_PROP(Pipe, DoesTheSameAgainForTheSameSeed, (std::uint64_t seed)) {
    const pipe_faults faults{
        .mean_delay = 30ms, .bandwidth = 10'000, .smallest_chunk = 1, .largest_chunk = 9};
    std::vector<monotonic_time> times[2];
    for (auto& seen : times) {
        pipe line{faults, seed};
        line.write(bytes(std::string(200, 'x')), start);
        std::vector<std::byte> got;
        while (line.next_arrival() != never) {
            seen.push_back(line.next_arrival());
            line.read(got, line.next_arrival());
        }
    }
    RC_ASSERT(times[0] == times[1]);
}

} // namespace
} // namespace distworker::sim
