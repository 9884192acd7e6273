// Whole systems from seeds: nothing is lost unreported, every budget is kept, the same seed gives the same
// run.
#include <distworker/sim/plan.hpp>
#include <distworker/sim/world.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace distworker::sim {
namespace {

using namespace std::chrono_literals;

std::string text_of(const run_result& result) {
    std::string text = std::to_string(result.tasks.lost) + " lost, " +
                       std::to_string(result.tasks.unexpected) + " unexpected";
    for (const std::string& accusation : result.accusations) {
        text += "\n" + accusation;
    }
    return text;
}

class Seeds : public ::testing::TestWithParam<std::uint64_t> {};

TEST_P(Seeds, LoseNothingUnreported) {
    std::uint64_t finished = 0;
    for (std::uint64_t seed = GetParam(); seed < GetParam() + 5; ++seed) {
        const run_result result = run({.seed = seed, .workers = 3, .faulty_time = 20min});
        EXPECT_TRUE(result.good()) << "seed " << seed << ": " << text_of(result);
        finished += result.tasks.finished;
    }
    EXPECT_GT(finished, 0U);
}

INSTANTIATE_TEST_SUITE_P(System, Seeds, ::testing::Range<std::uint64_t>(1, 41, 5));

TEST(System, IsTheSameAgainForTheSameSeed) {
    std::string runs[2];
    for (std::string& trace : runs) {
        const run_result result =
            run({.seed = 8, .workers = 2, .faulty_time = 10min, .trace = [&](std::string_view line) {
                     trace += line;
                     trace += '\n';
                 }});
        trace += std::to_string(result.events) + " events, " + text_of(result);
    }
    EXPECT_EQ(runs[0], runs[1]);
    EXPECT_FALSE(runs[0].empty());
}

TEST(System, EachFaultIsOffInSomeSeedsAndOnInOthers) {
    for (std::size_t kind = 0; kind < fault_kinds; ++kind) {
        int on = 0;
        for (std::uint64_t seed = 0; seed < 400; ++seed) {
            on += plan{seed}.has(static_cast<fault>(kind)) ? 1 : 0;
        }
        EXPECT_GT(on, 150) << to_string(static_cast<fault>(kind));
        EXPECT_LT(on, 250) << to_string(static_cast<fault>(kind));
    }
}

} // namespace
} // namespace distworker::sim
