// The state of an engine as names and values, and what of it an input or an output tells by itself.
//
// Every field of a snapshot has its name here. Those of the running task begin with `running.`, a deadline
// is `@` and its reason, a slot of a group is in front: `1.written`. What changes in a step must be declared
// by the script, as `name value`; a counter as `name +n`, a deadline as the time until it, or `never`. What
// the step's own words tell already need not be declared, but may be: the table is in `shown.cpp`.
#pragma once

#include <distworker/engine_snapshot.hpp>

#include <map>
#include <string>
#include <vector>

namespace distworker::testing {

struct shown_field {
    std::string text;          // counters and deadlines: empty
    std::uint64_t count = 0;   // of a counter
    monotonic_time at = never; // of a deadline
    enum class kind { text, counter, deadline } what = kind::text;

    [[nodiscard]] friend bool operator==(const shown_field&, const shown_field&) = default;
};

using shown_state = std::map<std::string, shown_field>;

[[nodiscard]] shown_state shown(const engine_snapshot& engine);
[[nodiscard]] shown_state shown(const group_snapshot& group);

/// What is different in `after`, as a script declares it.
[[nodiscard]] std::map<std::string, std::string> changes(const shown_state& before, const shown_state& after,
                                                         monotonic_time now);

/// What is not as declared: changes that neither the lines of a step tell nor the script declares, and
/// declared ones that are not so. Empty when all is well.
[[nodiscard]] std::vector<std::string> undeclared(const std::map<std::string, std::string>& changed,
                                                  const std::vector<std::string>& lines,
                                                  const std::vector<std::string>& declared);

} // namespace distworker::testing
