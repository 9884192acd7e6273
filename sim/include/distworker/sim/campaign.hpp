// The sum of many runs.
#pragma once

#include <distworker/sim/simulation.hpp>

#include <chrono>
#include <cstdint>

namespace distworker::sim {

struct campaign {
    std::uint64_t runs = 0;   ///< Those that were added.
    std::uint64_t failed = 0; ///< Those of them that are not `good()`.
    /// Sums of what `run_result` has under the same names; nanoseconds would end after 292 years.
    std::uint64_t events = 0;
    verdict tasks;
    probes seen;
    std::chrono::microseconds worker_time{};
    std::chrono::microseconds leapt{};
    std::uint64_t leapt_rounds = 0;

    /// Adds one run.
    void add(const run_result& run) {
        ++runs;
        failed += run.good() ? 0U : 1U;
        events += run.events;
        tasks += run.tasks;
        seen.add(run.seen);
        worker_time += std::chrono::floor<std::chrono::microseconds>(run.worker_time);
        leapt += std::chrono::floor<std::chrono::microseconds>(run.leapt);
        leapt_rounds += run.leapt_rounds;
    }
};

/// Worker-years: a year of one worker that is up.
[[nodiscard]] inline double in_years(std::chrono::duration<double> time) noexcept {
    return time.count() / (365.25 * 86'400);
}

} // namespace distworker::sim
