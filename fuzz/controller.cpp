// The broker: whatever its workers and its users do in whatever order, it keeps its invariants; an ideal one
// loses no task.
//
// The input is a configuration and steps of the tests' model.
#include "core/controller_model.hpp"
#include "input.hpp"
#include "target.hpp"

namespace distworker::fuzz {
namespace {

void check_controller(std::span<const std::byte> input) {
    constexpr int most_steps = 200;
    constexpr std::uint32_t amounts = 1000;
    input_reader in{input};
    const auto mode = in.one_of(controller_mode::ideal);
    const bool storage = in.number<std::uint8_t>() % 2U != 0;
    const unsigned early_assign_percent = in.number<std::uint8_t>() % 101U;
    testing::controller_model model{mode, storage, early_assign_percent};
    for (int steps = 0; steps < most_steps && !in.done(); ++steps) {
        const auto what = in.one_of(testing::controller_step::last);
        const auto a = in.number<std::uint16_t>();
        model.take({what, a % amounts, in.number<std::uint16_t>() % amounts});
    }
    model.finish();
    if (mode == controller_mode::ideal) {
        model.check_that_no_task_is_lost();
    }
    require(!::testing::Test::HasFailure(), "what the harness expects is so");
}

const registration controller_target{{"controller", check_controller}};

} // namespace
} // namespace distworker::fuzz
