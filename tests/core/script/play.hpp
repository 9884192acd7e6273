// Plays a script as it is written: every output expected, every change declared.
#pragma once

#include "script.hpp"
#include "stage.hpp"

#include <functional>
#include <optional>
#include <string>

namespace distworker::testing {

/// What makes no difference, done in front of a step; the counters that it moves, as a script declares them.
using interlude = std::function<std::vector<std::string>(stage&)>;

struct playing {
    std::size_t part_bytes = SIZE_MAX;   ///< Messages arrive in parts of that many.
    std::optional<std::size_t> before{}; ///< The step that `meanwhile` comes in front of.
    interlude meanwhile{};
    /// Told of each input and output, of each deadline that is over ("due REASON"), and of the name of each
    /// change (": NAME"), if set.
    std::function<void(const std::string& line)> heard{};
};

/// What went wrong, with the place and what came instead; empty when all went as written.
[[nodiscard]] std::string play(const script& plays, const playing& how = {});

} // namespace distworker::testing
