// Arbitrary steps, configurations and runs of the model, and the property that one invariant holds in them.
#pragma once

#include "core/invariants/session_model.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <cstdint>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

namespace distworker::testing {

/// Steps, each as often as its weight; those of `more` ten times as often as usual.
[[nodiscard]] rc::Gen<std::vector<step>> any_steps(std::initializer_list<step::kind> more = {});

/// Any session policy; small buffers mostly, and one time or number in ten at an end of its range.
[[nodiscard]] rc::Gen<worker_config> any_config();

[[nodiscard]] std::string shown(const model_setup& setup, const std::vector<step>& steps);

/// Runs the model to its end and says what it said.
std::string run_model(const model_setup& setup, const std::vector<step>& steps, rulebook& book);

/// What a property of one invariant looks at.
struct focus {
    /// What is to happen often.
    std::initializer_list<step::kind> more{};
    /// A group of up to three slots; else one engine.
    bool group = false;
    /// Makes the steps come to the point: it is called on each configuration.
    void (*adapt)(worker_config&) = nullptr;
};

/// Checks that the invariant holds in arbitrary runs, and that they put it to the test.
void expect_holds(int invariant, const char* says, const focus& on = {});

} // namespace distworker::testing
