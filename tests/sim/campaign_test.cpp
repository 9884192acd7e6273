// The campaign that belongs to every change: ten worker-years in all three modes, every invariant after every
// event, in parts that run side by side.
#include <distworker/sim/campaign.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <tuple>

namespace distworker::sim {
namespace {

using namespace std::chrono_literals;

// How much a part plays is the build's choice.
constexpr std::uint64_t parts = DISTWORKER_SIM_PARTS;
constexpr std::uint64_t seeds_per_part = DISTWORKER_SIM_SEEDS;
constexpr std::chrono::hours faulty_time{DISTWORKER_SIM_HOURS};

class Campaign : public ::testing::TestWithParam<std::tuple<mode, std::uint64_t>> {};

INSTANTIATE_TEST_SUITE_P(TenYears, Campaign,
                         ::testing::Combine(::testing::Values(mode::faithful, mode::ideal, mode::hostile),
                                            ::testing::Range<std::uint64_t>(0, parts)),
                         [](const auto& param_info) {
                             return std::string{to_string(std::get<0>(param_info.param))} +
                                    std::to_string(std::get<1>(param_info.param));
                         });

TEST_P(Campaign, KeepsEveryInvariantAndLosesNothingUnreported) {
    const auto [which, part] = GetParam();
    campaign sum;
    for (std::uint64_t n = 0; n < seeds_per_part; ++n) {
        const run_options options{
            .seed = 1 + part * seeds_per_part + n, .mode = which, .faulty_time = faulty_time};
        const run_result result = simulate(options);
        EXPECT_THAT(result.accusations, ::testing::IsEmpty())
            << "again by: distworker-sim --seed " << options.seed << " --mode " << to_string(which)
            << " --virtual-hours " << DISTWORKER_SIM_HOURS;
        sum.add(result);
    }
    EXPECT_EQ(sum.tasks.lost, 0U);
    EXPECT_EQ(sum.tasks.unexpected, 0U);
    EXPECT_GE(in_years(sum.worker_time) * parts * 3, DISTWORKER_SIM_YEARS);
    if (which == mode::ideal) {
        EXPECT_EQ(sum.tasks.finished, sum.tasks.submitted);
    }
    EXPECT_THAT(sum.seen.unknown(), ::testing::IsEmpty());
    std::string missing;
    for (const std::string_view name : sum.seen.never_hit()) {
        missing += std::string{name} + "; ";
    }
    std::printf("%.2f worker-years, %llu rounds leapt over, %llu events; never hit: %s\n",
                in_years(sum.worker_time), static_cast<unsigned long long>(sum.leapt_rounds),
                static_cast<unsigned long long>(sum.events), missing.c_str());
}

} // namespace
} // namespace distworker::sim
