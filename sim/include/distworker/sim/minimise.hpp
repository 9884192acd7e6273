// Makes a failure small: finds few deviations with which a run still breaks the same invariant.
//
// Delta debugging (Zeller and Hildebrandt, 2002) over the deviations of the run, then over the classes of
// faults. A run takes what it draws from the names of its deviations, so leaving some out does not change
// what the others do.
#pragma once

#include <distworker/sim/simulation.hpp>

#include <set>
#include <string>

namespace distworker::sim {

/// A failed run made small.
struct small_failure {
    run_options options;  ///< That play it: `keep` and `without` are set.
    run_result result;    ///< What they lead to.
    std::size_t from = 0; ///< Deviations before.
    unsigned runs = 0;    ///< That it took to find.
};

/// `failing` fails with `how`. Takes at most `max_runs` runs.
[[nodiscard]] small_failure minimise(const run_options& failing, const run_result& how,
                                     unsigned max_runs = 300);

/// The invariant that an accusation names: "I10", "L1", "verdict".
[[nodiscard]] std::string invariant_of(std::string_view accusation);

} // namespace distworker::sim
