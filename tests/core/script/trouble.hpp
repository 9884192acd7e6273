// A script that goes wrong at one of its steps: what must make no difference, and what must hold after it.
#pragma once

#include "play.hpp"
#include "script.hpp"

#include <span>
#include <string>
#include <string_view>

namespace distworker::testing {

/// Things that come between two steps of any script and change nothing but the counters that they name.
struct harmless {
    std::string_view name;
    std::vector<std::string> (*happens)(stage&);
};
[[nodiscard]] std::span<const harmless> everything_harmless() noexcept;

/// Things that may happen instead of any step. False: not here.
struct trouble {
    std::string_view name;
    bool (*happens)(stage&);
};
[[nodiscard]] std::span<const trouble> every_trouble() noexcept;

/// Plays `plays` up to its step `at`, where `what` happens; gives what is left of the inputs, if so wanted;
/// then lets a controller and an application that mean well go on until the worker is ready, has run one
/// more task to its receipt, and has ended. What is broken; empty when nothing is.
[[nodiscard]] std::string survive(const script& plays, std::size_t at, const trouble& what,
                                  bool with_the_rest);

} // namespace distworker::testing
