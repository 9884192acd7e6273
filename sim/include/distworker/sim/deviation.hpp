// One place where a run leaves the straight path: an accident, a bad connection, a bad handler.
//
// A run numbers them as it comes to them. What number n of a kind does is drawn from the seed and its name
// alone, so a run can be played again with only some of them: that is how a failure is made small.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace distworker::sim {

struct deviation {
    /// Where it comes from. The letter begins its name.
    enum class kind : char {
        accident = 'a',   ///< Something that happens by itself.
        connection = 'c', ///< A connection that is not made, or is bad.
        handler = 'h',    ///< A handler that does not just answer.
        process = 'p',    ///< A process with an odd clock or configuration.
        seam = 's',       ///< A callback that comes late, twice or at the wrong time.
        storage = 'd',    ///< A write that is slow or lost.
        controller = 'r', ///< The controller dies, or assigns a task again.
        input = 'x',      ///< Something that a hostile peer does.
    };
    kind what{};              ///< Which of them.
    std::uint64_t number = 0; ///< Among those of its kind, from 1.

    friend auto operator<=>(const deviation&, const deviation&) = default;
};

/// "a12"; and back.
[[nodiscard]] std::string to_string(const deviation& one);
[[nodiscard]] std::optional<deviation> deviation_from(std::string_view text) noexcept;

/// "a1,a2,c3"; and back.
[[nodiscard]] std::string to_string(const std::set<deviation>& all);
[[nodiscard]] std::optional<std::set<deviation>> deviations_from(std::string_view text);

} // namespace distworker::sim
