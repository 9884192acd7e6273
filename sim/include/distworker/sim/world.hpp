// A whole system from one seed: workers, a controller, the network between them, their clocks, and what goes
// wrong.
//
// `run` plays it on virtual time: faults on, then healed, then the liveness budgets, then a drain, then the
// verdict. The same options give the same run, event by event, on every machine.
#pragma once

#include <distworker/sim/probes.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace distworker::sim {

struct run_options {
    std::uint64_t seed = 1;
    std::uint32_t workers = 3;
    /// How long faults are on.
    std::chrono::nanoseconds faulty_time = std::chrono::hours{1};
    /// Gets a line for each event; empty: nobody listens.
    std::function<void(std::string_view)> trace{};
    /// Gets each frame that a worker or the controller sends; empty: nobody looks.
    std::function<void(std::span<const std::byte>)> frames{};
};

/// What became of the tasks.
struct verdict {
    std::uint64_t submitted = 0;
    std::uint64_t finished = 0;      ///< At the controller, with a result or an error.
    std::uint64_t lost = 0;          ///< Not finished, and nobody was told: must be 0.
    std::uint64_t unexpected = 0;    ///< Outcomes of tasks that nobody assigned: must be 0.
    std::uint64_t duplicated = 0;    ///< Tasks whose handler ran more than once.
    std::uint64_t undeliverable = 0; ///< Outcomes handed back to their application.
};

struct run_result {
    verdict tasks;
    /// Broken invariants and missed budgets, in words; empty when all is well.
    std::vector<std::string> accusations;
    probes seen;
    std::uint64_t events = 0;
    /// Virtual time over all workers.
    std::chrono::nanoseconds worker_time{};

    [[nodiscard]] bool good() const noexcept {
        return accusations.empty() && tasks.lost == 0 && tasks.unexpected == 0;
    }
};

[[nodiscard]] run_result run(const run_options& options);

} // namespace distworker::sim
