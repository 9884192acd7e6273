// A fleet that lost its controller does not return at one instant (docs/reliability.md derives the bounds).
#include <distworker/sim/herd.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

namespace distworker::sim {
namespace {

using namespace std::chrono_literals;

class Herd : public ::testing::TestWithParam<std::int64_t> {};

// The longest absence is the slowest to play.
INSTANTIATE_TEST_SUITE_P(Away, Herd, ::testing::Values(1, 5, 30, 120, DISTWORKER_SIM_SHARE == 1 ? 600 : 10),
                         [](const auto& param_info) { return std::to_string(param_info.param) + "s"; });

TEST_P(Herd, ReturnsSpreadOutAndInTime) {
    const herd_result herd = stampede({.workers = 10'000, .away = std::chrono::seconds{GetParam()}});
    EXPECT_LE(herd.worst_second, herd_bound);
    EXPECT_GT(herd.worst_second, 0.1) << "somebody must try";
    EXPECT_LE(herd.worst_capped_second, capped_herd_bound);
    EXPECT_EQ(herd.worst_capped_second > 0, GetParam() >= 120) << "the cap is reached after 65 s";
    EXPECT_GT(herd.all_back, 0s);
    EXPECT_LE(herd.all_back, 55s) << "L1";
    EXPECT_GE(std::accumulate(herd.attempts.begin(), herd.attempts.end(), 0U), 10'000U);
}

TEST(HerdPlot, IsTheSameAgainAndCanBeDrawn) {
    const herd_options options{.workers = 500, .away = 20s, .seed = 7};
    const herd_result first = stampede(options);
    EXPECT_EQ(first.attempts, stampede(options).attempts);
    const std::string plot = draw_herd(first);
    EXPECT_TRUE(plot.starts_with("<svg "));
    EXPECT_TRUE(plot.ends_with("</svg>\n"));
}

} // namespace
} // namespace distworker::sim
