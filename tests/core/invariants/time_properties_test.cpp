// I20, I25 to I27, I30: bounded work, when to come back, extreme numbers and times, which clock decides, and
// calls at any moment.
#include "core/invariants/any_session.hpp"

#include <distworker/backoff.hpp>

#include <rapidcheck/gtest.h>

#include <algorithm>
#include <limits>

namespace distworker::testing {
namespace {

using namespace std::chrono_literals;
using enum step::kind;
__extension__ typedef __int128 wide;

TEST(Invariants, I20_AnInputLeadsToBoundedWorkAndADeadlineToProgress) {
    expect_holds(20, "work is bounded",
                 {.more = {open, respond, assign, burst, wild, ping, pong, wake, close}});
}

TEST(Invariants, I25_AttemptsKeepTheirDistance) {
    expect_holds(25, "attempts keep their distance",
                 {.more = {open, respond, close, wake, leap, pause, resume}});
}

RC_GTEST_PROP(Invariants, I25_TheDelayIsWithinItsBounds, (std::uint64_t random)) {
    const std::chrono::seconds base{*rc::gen::inRange(1, 40)};
    const std::chrono::seconds cap{*rc::gen::inRange(1, 600)};
    const auto attempt = *rc::gen::inRange<std::uint32_t>(0, 40);
    const auto refusals = *rc::gen::inRange<std::uint32_t>(0, 8);
    const auto delay =
        backoff({.base = base, .cap = cap}, {.attempt = attempt, .refusals = refusals}, random);
    const wide grown = wide{base.count()} << attempt;
    const wide most =
        refusals > 0 ? std::min<wide>(300, wide{30} << refusals) : std::min<wide>(cap.count(), grown);
    RC_ASSERT(delay >= (refusals > 0 ? std::chrono::nanoseconds{30s} : std::chrono::nanoseconds{250ms}));
    RC_ASSERT(wide{delay.count()} <= most * 1'000'000'000);
}

// The sanitizers' build makes of any overflow a failure.
RC_GTEST_PROP(Invariants, I26_TimesSaturate, (std::int64_t a, std::int64_t b)) {
    const auto clamped = [](wide exact) {
        return static_cast<std::int64_t>(std::clamp<wide>(exact, std::numeric_limits<std::int64_t>::min(),
                                                          std::numeric_limits<std::int64_t>::max()));
    };
    const std::int64_t edges[] = {a, b, INT64_MIN, INT64_MIN + 1, -1, 0, 1, INT64_MAX - 1, INT64_MAX};
    for (const std::int64_t x : edges) {
        RC_ASSERT(saturating_milliseconds(x).count() == clamped(wide{x} * 1'000'000));
        for (const std::int64_t y : edges) {
            const auto sum =
                saturating_add(monotonic_time{std::chrono::nanoseconds{x}}, std::chrono::nanoseconds{y});
            RC_ASSERT(sum.time_since_epoch().count() == clamped(wide{x} + wide{y}));
        }
    }
}

RC_GTEST_PROP(Invariants, I26_AnyTimeAndNumberIsTaken, ()) {
    constexpr std::int64_t first = std::numeric_limits<std::int64_t>::min();
    constexpr std::int64_t last = std::numeric_limits<std::int64_t>::max();
    constexpr std::int64_t hour = std::chrono::nanoseconds{1h}.count();
    model_setup setup{.config = *any_config()};
    setup.begin.monotonic = monotonic_time{std::chrono::nanoseconds{
        *rc::gen::element(first, first + 1, -hour, std::int64_t{0}, last - hour, last - 1)}};
    setup.begin.wall = wall_time{std::chrono::milliseconds{*rc::gen::element(first / 2, -hour, last / 2)}};
    const auto steps = *rc::gen::scale(3.0, any_steps({assign, respond, leap, wake, step_back}));
    rulebook book{20};
    session_model model{setup, book};
    for (const step& s : steps) {
        model.take(s);
    }
}

RC_GTEST_PROP(Invariants, I27_TheWallClockDecidesNothing, ()) {
    model_setup setup{.config = *any_config(), .undated_log = true};
    auto steps = *rc::gen::scale(3.0, any_steps({open, respond, assign, wait, wake, complete}));
    std::erase_if(steps, [](const step& s) { return s.what == step_wall; });
    std::vector<std::string> logs;
    for (const std::uint64_t seed : {0U, 1U, 2U}) {
        setup.wall_seed = seed;
        rulebook book;
        logs.push_back(run_model(setup, steps, book));
    }
    RC_ASSERT(logs[0] == logs[1]);
    RC_ASSERT(logs[0] == logs[2]);
}

TEST(Invariants, I30_CallsInTheMidstOfOutputsAndBehindTheEndAreDefined) {
    std::uint64_t checks = 0;
    EXPECT_TRUE(rc::check("any call is taken at any moment", [&] {
        const model_setup setup{.config = *any_config(), .group = *rc::gen::arbitrary<bool>()};
        const auto before = *rc::gen::scale(2.0, any_steps({open, respond, assign}));
        const auto behind = *any_steps({start, stop, pause, resume, complete, set_slots});
        rulebook book{30};
        session_model model{setup, book};
        for (const step& s : before) {
            model.take(s);
        }
        model.finish();
        for (const step& s : behind) {
            model.take(s);
        }
        checks += book.checks(30);
    }));
    EXPECT_GT(checks, 100U);
}

} // namespace
} // namespace distworker::testing
