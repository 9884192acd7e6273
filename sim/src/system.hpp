// The parts of one simulated system, which its source files share. Internal.
//
// world.cpp            time, phases, the verdict
// system_worker.cpp    worker processes: engines, clocks, handlers
// system_controller.cpp the controller process
// system_line.cpp      connections between them
// system_faults.cpp    accidents, and the healing
#pragma once

#include <distworker/controller_engine.hpp>
#include <distworker/sim/draw.hpp>
#include <distworker/sim/endpoint.hpp>
#include <distworker/sim/plan.hpp>
#include <distworker/sim/witness.hpp>
#include <distworker/sim/world.hpp>
#include <distworker/worker_group.hpp>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace distworker::sim {

/// A clock of one machine: its own origin and speed; its wall clock's error.
struct local_clock {
    std::chrono::nanoseconds origin{};
    double speed = 1;
    std::chrono::milliseconds wall_error{};

    [[nodiscard]] instant read(monotonic_time world) const noexcept;
    /// The world's time at which this clock shows `local`, rounded up.
    [[nodiscard]] monotonic_time world_time(monotonic_time local) const noexcept;
};

/// A connection and both of its ends.
struct line {
    line(const pipe_faults& faults, std::uint64_t seed, connection_id its_id)
        : id{its_id}, up{faults, seed}, down{faults, seed + 1}, client{up, down, 16U << 10U},
          server{down, up, SIZE_MAX} {}

    connection_id id;
    std::uint32_t worker = 0;
    std::uint32_t slot = 0;
    std::uint32_t generation = 0;
    bool open = false;          // the upgrade is done
    bool opened_told = false;   // and the worker knows
    bool at_worker = true;      // the worker's process holds its end
    bool at_controller = false; // so does the controller's
    pipe up;
    pipe down;
    endpoint client;
    endpoint server;
};

/// What a handler does with one task.
struct behaviour {
    std::chrono::nanoseconds duration{};
    bool fails = false;
    bool never_returns = false;
    bool ignores_stop = false;
    std::size_t result_bytes = 0;
    unsigned updates = 0;
};

struct running_handler {
    assigned_task task;
    behaviour how;
    std::uint64_t timer = 0; // of its end, among the system's timers
};

/// One worker process, from its start to its end.
struct process {
    process(std::uint64_t its_id, worker_group its_group, probes& seen)
        : id{its_id}, group{std::move(its_group)}, sees{seen} {}

    std::uint64_t id; // of no other process: an address may come again
    worker_group group;
    witness sees;
    std::map<delivery, running_handler> handlers;
    std::map<std::uint32_t, connection_id> lines; // by slot
    monotonic_time wakes = never;                 // by the world's clock
    std::set<std::string> accepted;               // ids of tasks that were assigned to it
    bool stopping = false;
    bool ended = false;
};

struct worker_machine {
    std::uint32_t index = 0;
    local_clock clock;
    std::unique_ptr<process> runs; // null while it is down
    monotonic_time frozen_until = monotonic_time::min();
    monotonic_time began{};
    bool killed = false;
};

struct controller_machine {
    std::unique_ptr<controller_engine> engine; // null while it is down
    monotonic_time wakes = never;
};

class system {
public:
    explicit system(const run_options& options);
    run_result play();

private:
    using action = std::function<void()>;

    // Time (world.cpp)
    std::uint64_t at(monotonic_time when, action what);
    void cancel_timer(std::uint64_t timer);
    std::uint64_t at(monotonic_time when, const worker_machine& machine,
                     std::function<void(worker_machine&)> what); // unless its process is gone by then
    void run_until(monotonic_time end, const std::function<bool()>& done = {});
    [[nodiscard]] monotonic_time next_event() const;
    void settle();
    [[nodiscard]] instant wall_true() const noexcept;
    void log(const std::string& what);
    void sent(std::span<const std::byte> frame);
    void accuse(std::string what);
    void judge();
    [[nodiscard]] bool all_ready() const;

    // Workers (system_worker.cpp)
    void start_worker(worker_machine& machine);
    void kill_worker(worker_machine& machine);
    void stop_worker(worker_machine& machine, end_reason why);
    void collect(worker_machine& machine);
    [[nodiscard]] bool awake(const worker_machine& machine) const { return machine.frozen_until <= now_; }
    bool pump(worker_machine& machine);
    void perform(worker_machine& machine, std::uint32_t slot, engine_output& out);
    void begin_handler(worker_machine& machine, const assigned_task& task);
    void update(worker_machine& machine, const delivery& task, unsigned left);
    void end_handler(worker_machine& machine, const delivery& task);
    void told(worker_machine& machine, line& from, endpoint_event& event);
    void lost(worker_machine& machine, line& gone, link_end::kind what, int status = 0);
    [[nodiscard]] behaviour draw_behaviour(const assigned_task& task);

    // The controller (system_controller.cpp)
    void start_controller();
    void kill_controller();
    bool pump_controller();
    void told_controller(line& from, endpoint_event& event);
    void submit();

    // Lines (system_line.cpp)
    void connect(worker_machine& machine, std::uint32_t slot, std::uint32_t generation);
    void attempt(connection_id id);
    [[nodiscard]] bool advance_lines();
    [[nodiscard]] line* find_line(connection_id id);

    // Faults (system_faults.cpp)
    void schedule_accident();
    void accident();
    void heal();

    run_options options_;
    plan plan_;
    seeded_random random_;
    monotonic_time now_{std::chrono::hours{1}};
    bool faulty_ = true;
    bool drained_ = false; // nothing is started again
    std::multimap<monotonic_time, std::pair<std::uint64_t, action>>
        timers_; // in order, also among equal times
    std::uint64_t last_timer_ = 0;
    std::set<std::uint64_t> cancelled_;

    std::vector<worker_machine> workers_;
    std::uint64_t last_process_ = 0;
    controller_machine controller_;
    std::map<connection_id, std::unique_ptr<line>> lines_;
    connection_id last_line_ = 0;
    bool touched_ = false; // a line may have something to move

    std::map<std::string, std::uint64_t> executions_; // handlers begun, by task id
    std::set<std::string> submitted_;
    std::set<std::string> finished_;
    std::set<std::string>
        told_lost_; // their outcome was handed back, or their process died, or nobody got them
    run_result result_;
};

} // namespace distworker::sim
