// A whole system from one seed: workers, a controller, the network between them, their clocks, and what goes
// wrong.
//
// `simulate` plays it on virtual time: faults on, then healed, then the liveness budgets, then a drain, then
// the verdict. The same options give the same run, event by event, on every machine.
#pragma once

#include <distworker/sim/deviation.hpp>
#include <distworker/sim/plan.hpp>
#include <distworker/sim/probes.hpp>
#include <distworker/sim/script.hpp>
#include <distworker/trace.hpp>
#include <distworker/worker_config.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace distworker::sim {

/// All that a run depends on.
struct run_options {
    std::uint64_t seed = 1;               ///< Of all that is drawn.
    std::uint32_t workers = 3;            ///< Processes, each on a machine of its own.
    sim::mode mode = sim::mode::faithful; ///< What is on the other side.
    /// How long faults are on.
    std::chrono::nanoseconds faulty_time = std::chrono::hours{24};

    // Logic of your own; what is empty is drawn from the seed.
    /// What each task does.
    virtual_handler handler{};
    /// Changes each process's configuration before it is checked.
    std::function<void(worker_config&)> configure{};
    /// Makes the task of that number, from 1. The queue must be `queue_name`.
    std::function<task_spec(std::uint64_t number, seeded_random& random)> make_task{};
    /// Mean time between tasks; zero: drawn.
    std::chrono::nanoseconds between_tasks{};
    /// What is done to the world, beside the seed's faults.
    std::vector<outage> outages{};
    /// False: nothing goes wrong but by `outages`.
    bool seeded_faults = true;

    // Who looks on
    /// Gets a line for each event.
    std::function<void(std::string_view)> log{};
    /// Each frame that a worker, or the other side, sends.
    std::function<void(std::span<const std::byte>)> frames{};
    /// Makes where the trace of a process goes, such as a file; an empty sink: it leaves none.
    std::function<trace_writer::sink(std::uint32_t worker, std::uint64_t process)> trace{};
    /// An outcome that was handed back to the application.
    std::function<void(std::uint32_t worker, const output::undeliverable&)> undeliverable{};
    /// Each task that finished at the controller.
    std::function<void(const task_record&)> finished{};

    // To play a failure again
    /// These classes are off, whatever the seed says.
    std::set<fault> without{};
    /// Of the deviations only these happen; nothing: all of them.
    std::optional<std::set<deviation>> keep{};
    /// Rounds of nothing but pings are leapt over when nothing else can happen in them.
    bool leap = true;
};

/// The queue that simulated workers serve.
inline constexpr std::string_view queue_name = "sim.task";

/// What became of the tasks.
struct verdict {
    std::uint64_t submitted = 0;     ///< Accepted by the controller.
    std::uint64_t finished = 0;      ///< At the controller, with a result or an error.
    std::uint64_t lost = 0;          ///< Accepted by a worker, not finished, and nobody was told: must be 0.
    std::uint64_t unexpected = 0;    ///< Ended with what no handler gave: must be 0.
    std::uint64_t duplicated = 0;    ///< Tasks whose handler ran more than once.
    std::uint64_t undeliverable = 0; ///< Outcomes handed back to their application.
    std::uint64_t reported = 0;      ///< Not finished, and somebody was told. In ideal mode these are lost.
    std::uint64_t stranded = 0;      ///< Not finished, and never with a worker. In ideal mode these are lost.
    std::uint64_t excused = 0;       ///< Not finished, behind everybody's back: forgotten by the database.

    /// Adds another run's.
    verdict& operator+=(const verdict& more) noexcept;
};

/// A deviation that happened, when, and what it was.
struct happening {
    deviation what;                ///< Its name, for `run_options::keep`.
    std::chrono::nanoseconds at{}; ///< Virtual time since the beginning of the run.
    std::string text;              ///< For people.
};

/// What became of a run.
struct run_result {
    verdict tasks; ///< Of all that were submitted.
    /// Broken invariants and missed budgets, in words; empty when all is well.
    std::vector<std::string> accusations;
    /// Up to the accusation, in their order.
    std::vector<happening> happened;
    probes seen;              ///< The probes that were hit.
    std::uint64_t events = 0; ///< Steps that were played.
    /// When it ended: with the first accusation, or with the drain.
    std::chrono::nanoseconds ended_at{};
    /// Virtual time over all workers that were up.
    std::chrono::nanoseconds worker_time{};
    /// How much of it was leapt over, in rounds of a ping of one connection.
    std::chrono::nanoseconds leapt{};
    std::uint64_t leapt_rounds = 0;

    /// Whether nothing was accused.
    [[nodiscard]] bool good() const noexcept { return accusations.empty(); }
};

/// Plays a run and judges it.
[[nodiscard]] run_result simulate(const run_options& options);

} // namespace distworker::sim
