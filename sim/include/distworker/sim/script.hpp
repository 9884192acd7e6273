// What you bring to a simulation: the logic of your handler, and the outage that you are afraid of.
//
// A `virtual_handler` is a function that begins a task and says what happens later, on virtual time:
//
//     options.handler = [](virtual_task& task) {
//         task.after(2s, [](virtual_task& same) { same.complete(value{{"answer", 42}}); });
//         task.on_stop([](virtual_task& same) { same.fail("GAVE_UP", "I was asked to"); });
//     };
//
// An `outage` is something that is done to the simulated world at a time:
//
//     options.outages.push_back({10min, "the controller is away", [](world& w) { w.end_controller(5min); }});
//
// docs/simulation.md explains both.
#pragma once

#include <distworker/assigned_task.hpp>
#include <distworker/controller_task.hpp>
#include <distworker/engine_output.hpp>
#include <distworker/random.hpp>
#include <distworker/value.hpp>

#include <chrono>
#include <cstdint>
#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace distworker::sim {

/// A task that runs in a simulated worker. A handle: valid in the calls that get it, and as long as the
/// process lives.
class virtual_task {
public:
    virtual_task() = default;
    virtual_task(const virtual_task&) = delete;
    virtual_task& operator=(const virtual_task&) = delete;
    virtual ~virtual_task() = default;

    /// What the engine handed out.
    [[nodiscard]] virtual const assigned_task& task() const noexcept = 0;
    /// Which worker runs it, from 0.
    [[nodiscard]] virtual std::uint32_t worker() const noexcept = 0;
    /// Numbers of its own, from the run's seed.
    [[nodiscard]] virtual seeded_random& random() noexcept = 0;
    /// Why it was asked to stop; nothing while it was not.
    [[nodiscard]] virtual std::optional<stop_reason> stopped() const noexcept = 0;

    /// Goes on later; not when its process has ended by then. Also after the answer.
    virtual void after(std::chrono::nanoseconds delay, std::function<void(virtual_task&)> what) = 0;
    /// Is called once, when the task is asked to stop.
    virtual void on_stop(std::function<void(virtual_task&)> what) = 0;

    /// What is told to the engine, and refused as by `worker_engine`.
    virtual std::expected<void, misuse> progress(double fraction, std::string_view message) = 0;
    virtual std::expected<void, misuse> stream(const value& item) = 0;
    virtual std::expected<void, misuse> complete(const value& result) = 0;
    virtual std::expected<void, misuse> fail(std::string_view code, std::string_view message) = 0;
    /// Any outcome, such as one made with an `outcome_writer`.
    virtual std::expected<void, misuse> answer(outcome made) = 0;

    /// Something is wrong that must never be: the run has failed, and ends here.
    virtual void accuse(std::string_view what) = 0;
};

/// Logic of one's own for tasks of the simulated workers.
using virtual_handler = std::function<void(virtual_task&)>;

/// The simulated world, for outages. Workers and their connections are numbered from 0; what is not there is
/// ignored.
class world {
public:
    world() = default;
    world(const world&) = delete;
    world& operator=(const world&) = delete;
    virtual ~world() = default;

    /// Since the beginning of the run.
    [[nodiscard]] virtual std::chrono::nanoseconds now() const noexcept = 0;
    /// How many there are.
    [[nodiscard]] virtual std::uint32_t workers() const noexcept = 0;
    /// Numbers of its own, from the run's seed.
    [[nodiscard]] virtual seeded_random& random() noexcept = 0;

    /// Submits a task, as a client of the controller; its id, unless the controller is away or refuses.
    virtual std::optional<std::string> submit(const task_spec& spec) = 0;
    /// Does something else later.
    virtual void after(std::chrono::nanoseconds delay, std::function<void(world&)> what) = 0;
    /// Something is wrong that must never be: the run has failed, and ends here.
    virtual void accuse(std::string_view what) = 0;

    // The controller
    /// It dies without a word, and is there again after so long.
    virtual void end_controller(std::chrono::nanoseconds away) = 0;

    // A worker's machine
    /// It stands still for so long, as when it is suspended; what comes meanwhile waits.
    virtual void freeze(std::uint32_t worker, std::chrono::nanoseconds time) = 0;
    /// The process dies without a word.
    virtual void kill(std::uint32_t worker) = 0;
    /// Tells the process to end, as SIGTERM does.
    virtual void stop(std::uint32_t worker) = 0;
    /// From now on its wall clock is wrong by so much.
    virtual void set_wall_clock(std::uint32_t worker, std::chrono::milliseconds error) = 0;

    // Its connections
    /// How connections end.
    enum class cut_kind : std::uint8_t {
        fin, ///< An end of file for both sides, behind what is under way.
        rst, ///< What is under way is lost, and both sides learn of it.
    };
    /// Ends the connections that it has.
    virtual void cut(std::uint32_t worker, cut_kind how) = 0;
    /// Nothing moves for so long, in either direction.
    virtual void stall(std::uint32_t worker, std::chrono::nanoseconds time) = 0;
    /// Nothing moves any more on the connections that it has, and nobody is told.
    virtual void silence(std::uint32_t worker) = 0;
};

/// Something that is done to the world.
struct outage {
    std::chrono::nanoseconds at{};    ///< Since the beginning of the run.
    std::string name;                 ///< For logs and failures.
    std::function<void(world&)> what; ///< Called once.
};

} // namespace distworker::sim
