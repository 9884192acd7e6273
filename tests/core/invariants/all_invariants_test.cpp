// All invariants at once: whatever happens to an engine or a group, in any order, nothing of them breaks.
#include "core/invariants/any_session.hpp"

#include <rapidcheck/gtest.h>

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

} // namespace
} // namespace distworker::testing
