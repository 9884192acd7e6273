// Whatever comes in whatever order: the broker keeps its invariants.
#include "core/controller_model.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <ostream>
#include <vector>

namespace distworker::testing {
namespace {

std::ostream& operator<<(std::ostream& out, const controller_step& s) {
    return out << "{" << static_cast<int>(s.what) << ", " << s.a << ", " << s.b << "}";
}

std::vector<controller_step> any_steps() {
    using kind = controller_step::kind;
    const auto any_kind = rc::gen::map(rc::gen::inRange(0, static_cast<int>(controller_step::last) + 1),
                                       [](int number) { return static_cast<kind>(number); });
    const auto amount = rc::gen::inRange<std::uint32_t>(0, 1000);
    return *rc::gen::mapcat(rc::gen::inRange<std::size_t>(0, 80), [=](std::size_t steps) {
        return rc::gen::container<std::vector<controller_step>>(
            steps, rc::gen::construct<controller_step>(any_kind, amount, amount));
    });
}

void take_all(controller_model& model, const std::vector<controller_step>& steps) {
    try {
        for (const controller_step& s : steps) {
            model.take(s);
        }
        model.finish();
    } catch (const std::logic_error& e) {
        RC_LOG() << e.what() << '\n';
        for (const controller_step& s : steps) {
            RC_LOG() << s << ' ';
        }
        RC_FAIL("an invariant is broken");
    }
}

RC_GTEST_PROP(controller_properties, hold_after_every_input, ()) {
    controller_model model{*rc::gen::element(controller_mode::faithful, controller_mode::ideal),
                           *rc::gen::arbitrary<bool>(), *rc::gen::element(0U, 50U)};
    take_all(model, any_steps());
}

RC_GTEST_PROP(controller_properties, an_ideal_controller_loses_no_task, ()) {
    controller_model model{controller_mode::ideal, *rc::gen::arbitrary<bool>()};
    take_all(model, any_steps());
    model.check_that_no_task_is_lost();
}

} // namespace
} // namespace distworker::testing
