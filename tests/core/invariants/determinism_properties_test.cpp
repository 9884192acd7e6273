// I28 and I29: the same inputs give the same bytes, however messages are cut.
#include "core/invariants/any_session.hpp"

#include <rapidcheck/gtest.h>

namespace distworker::testing {
namespace {

using enum step::kind;

std::string log_of(const model_setup& setup, const std::vector<step>& steps) {
    rulebook book;
    return run_model(setup, steps, book);
}

RC_GTEST_PROP(Invariants, I28_TheSameInputsGiveTheSameBytes, ()) {
    const model_setup setup{.config = *any_config(),
                            .seed = *rc::gen::arbitrary<std::uint64_t>(),
                            .group = *rc::gen::arbitrary<bool>()};
    const auto steps = *rc::gen::scale(3.0, any_steps());
    RC_ASSERT(log_of(setup, steps) == log_of(setup, steps));
}

RC_GTEST_PROP(Invariants, I29_HowAMessageIsCutDoesNotMatter, ()) {
    model_setup setup{.config = *any_config(), .group = *rc::gen::arbitrary<bool>()};
    const auto steps = *rc::gen::scale(3.0, any_steps({open, respond, assign, wild, large, part}));
    const std::string whole = log_of(setup, steps);
    setup.chunk = *rc::gen::inRange<std::size_t>(1, 30);
    RC_ASSERT(log_of(setup, steps) == whole);
}

} // namespace
} // namespace distworker::testing
