// All invariants at once: whatever happens to an engine or a group, in any order, nothing of them breaks.
#include "core/invariants/any_session.hpp"

#include <rapidcheck/gtest.h>

#include <chrono>
#include <vector>

namespace distworker::testing {
namespace {

void expect_all_hold(bool group) {
    model_setup setup{.config = *any_config(), .group = group};
    setup.config.slots = group ? *rc::gen::inRange<std::uint64_t>(1, 4) : 1;
    const auto steps = *rc::gen::scale(6.0, any_steps());
    rulebook book;
    try {
        run_model(setup, steps, book);
    } catch (const violation& broken) {
        RC_LOG() << broken.what() << "\n" << shown(setup, steps);
        RC_FAIL("an invariant is broken");
    }
}

RC_GTEST_PROP(Invariants, HoldForAnEngineWhateverHappens, ()) {
    expect_all_hold(false);
}

RC_GTEST_PROP(Invariants, HoldForAGroupWhateverHappens, ()) {
    expect_all_hold(true);
}

// Its last handler gets stuck, the group stops for that, and its connection, which was being made anew, ends:
// all of it in one look.
TEST(Invariants, HoldWhenAGroupStopsForAStuckHandlerWhoseConnectionIsGone) {
    using namespace std::chrono_literals;
    using enum step::kind;
    model_setup setup{.config = {}, .group = true};
    worker_config& config = setup.config;
    config.controller = "http://localhost:8081";
    config.provisioner = "example";
    config.worker_id = "w-1";
    config.session = session_policy::stable;
    config.max_stuck = 1;
    config.drain_timeout = 0s;
    config.registration_timeout = 100ms;
    const std::vector<step> steps{{complete, 0, 0, 1}, {open, 0, 0, 1},   {respond, 0, 0, 0},
                                  {assign, 0, 2, 252}, {close, 0, 8, 88}, {wake, 0, 0, 2},
                                  {wake, 0, 0, 0}};
    rulebook book;
    EXPECT_NO_THROW(run_model(setup, steps, book));
}

} // namespace
} // namespace distworker::testing
