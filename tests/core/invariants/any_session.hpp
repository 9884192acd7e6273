// Arbitrary steps, configurations and runs of the model, and the property that one invariant holds in them.
#pragma once

#include "core/invariants/session_model.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace distworker::testing {

/// Steps, each as often as its weight; those of `more` ten times as often as usual.
[[nodiscard]] rc::Gen<std::vector<step>> any_steps(const std::vector<step::kind>& more = {});

/// Any session policy; small buffers mostly, and one time or number in ten at an end of its range.
[[nodiscard]] rc::Gen<worker_config> any_config();

[[nodiscard]] std::string shown(const model_setup& setup, const std::vector<step>& steps);

/// Runs the model to its end and says what it said.
std::string run_model(const model_setup& setup, const std::vector<step>& steps, rulebook& book);

/// What a property of one invariant looks at.
struct focus {
    /// What is to happen often.
    std::vector<step::kind> more{};
};

/// Checks that the invariant holds in arbitrary runs of engines and groups, and that they put it to the test.
void expect_holds(int invariant, const char* says, const focus& on = {});

} // namespace distworker::testing
