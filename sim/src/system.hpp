// The parts of one simulated system, which its source files share. Internal.
//
// system.cpp           time, phases, the verdict
// system_leap.cpp      leaving out rounds of nothing but pings
// system_process.cpp   worker processes: their life and configuration
// system_driver.cpp    what carries a group's outputs to the network, and events back
// system_handlers.cpp  handlers
// system_line.cpp      connections: from the wish to an upgraded line, and the moving of bytes
// system_faults.cpp    accidents, and the healing
// system_world.cpp     what an outage may do
// broker.cpp           the controller's process; hostile.cpp: a peer that is none
#pragma once

#include "agenda.hpp"
#include "controller_side.hpp"
#include "ledger.hpp"
#include "line.hpp"
#include "local_clock.hpp"

#include <distworker/sim/draw.hpp>
#include <distworker/sim/simulation.hpp>
#include <distworker/sim/witness.hpp>
#include <distworker/worker_group.hpp>

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace distworker::sim {

class handler_run;

/// 2026-09-21, a day like any other.
inline constexpr wall_time ordinary_day{std::chrono::milliseconds{1'790'000'000'000}};

/// One worker process, from its start to its end.
struct process {
    process(std::uint64_t its_id, const valid_worker_config& its_config, probes& seen)
        : id{its_id}, config{its_config}, sees{its_config, seen} {}

    std::uint64_t id; // of no other process: an address may come again
    valid_worker_config config;
    std::string token; // of its session; empty: its provisioner's, read anew each time
    witness sees;
    std::unique_ptr<trace_writer> trace;
    std::optional<worker_group> group;
    std::map<delivery, std::shared_ptr<handler_run>> handlers;
    std::map<std::uint32_t, connection_id> lines; // by slot
    monotonic_time wakes = never;                 // by the world's clock
    monotonic_time began{};
    bool stirred = true; // the group may have something to say
    bool stopping = false;
    bool ended = false;
};

struct machine {
    std::uint32_t index = 0;
    session_policy policy = session_policy::anonymous;
    local_clock clock;
    std::chrono::milliseconds wall_error{};
    std::unique_ptr<process> runs; // null while it is down
    monotonic_time frozen_until = monotonic_time::min();
    monotonic_time starved_until = monotonic_time::min();
    std::chrono::nanoseconds starvation{};
    monotonic_time token_unreadable_until = monotonic_time::min();
    std::uint64_t outputs_to_death = 0; // it dies at this output from now; 0: it does not
    std::uint64_t sessions = 0;         // that were made for it

    [[nodiscard]] monotonic_time wakes_up() const noexcept { return std::max(frozen_until, starved_until); }
};

class system final : private world {
public:
    explicit system(const run_options& options);
    ~system() override;
    run_result play();

    // --- For its parts ---

    // Time (system.cpp)
    [[nodiscard]] monotonic_time time() const noexcept { return now_; }
    /// What a right clock shows.
    [[nodiscard]] instant true_time() const noexcept;
    std::uint64_t at(monotonic_time when, agenda::action what) { return agenda_.at(when, std::move(what)); }
    /// Unless its process is gone by then; later, if it stands still.
    std::uint64_t at(monotonic_time when, const machine& of, std::function<void(machine&)> what);
    void log(std::string_view what) {
        if (options_.log) {
            write_log(what);
        }
    }
    void accuse(std::string_view what) override;
    [[nodiscard]] probes& seen() noexcept { return result_.seen; }

    // Chance
    [[nodiscard]] const plan& faults() const noexcept { return plan_; }
    [[nodiscard]] const run_options& options() const noexcept { return options_; }
    [[nodiscard]] bool faulty() const noexcept { return faulty_; }
    /// Between storms nothing goes wrong anew.
    [[nodiscard]] bool has(fault which) { return faulty_ && plan_.has(which) && stormy(elapsed()); }
    /// The next one of its kind, whether it happens or not.
    [[nodiscard]] deviation next(deviation::kind what) noexcept;
    /// What it draws from.
    [[nodiscard]] seeded_random dice(const deviation& one) const noexcept;
    /// Whether it happens; `text` says what.
    [[nodiscard]] bool happens(const deviation& one, std::string_view text);

    /// A frame goes out, from either side.
    void sent(std::span<const std::byte> frame) const {
        if (options_.frames) {
            options_.frames(frame);
        }
    }

    // Lines (system_line.cpp)
    [[nodiscard]] line* find_line(connection_id id);
    /// Lets go of the controller's end.
    void drop(line& of);

    /// A controller that is there by then sends it.
    void assign_again(const std::string& id, connection_id to) {
        if (controller_ != nullptr) {
            controller_->assign_again(id, to);
        }
    }

    // Workers
    [[nodiscard]] ledger& accounts() noexcept { return ledger_; }
    [[nodiscard]] const std::string& token() const noexcept { return token_; }
    std::expected<void, misuse> give(machine& to, const group_input& what);
    void handler_ended(machine& of, const delivery& task);
    void stop_worker(machine& of, end_reason why);

private:
    // Time and phases (system.cpp)
    void write_log(std::string_view what);
    void run_until(monotonic_time end, const std::function<bool()>& done = {});
    void pass(std::chrono::nanoseconds time, const std::function<bool()>& done = {});
    [[nodiscard]] monotonic_time next_event();
    void settle();
    void start();
    void next_task();
    void supervise();
    void check_recovery();
    void drain();
    [[nodiscard]] bool stormy(std::chrono::nanoseconds at);
    [[nodiscard]] bool all_ready();
    [[nodiscard]] bool any_damage() const; // of bytes, on any line so far
    [[nodiscard]] bool all_done();
    [[nodiscard]] std::chrono::nanoseconds recovery_budget() const;
    [[nodiscard]] std::chrono::nanoseconds elapsed() const noexcept;

    // Leaps (system_leap.cpp)
    void leap(monotonic_time limit);
    [[nodiscard]] bool quiet();

    // Processes (system_process.cpp)
    void make_machines();
    void start_worker(machine& of);
    void kill_worker(machine& of);
    void collect(machine& of, bool killed);
    [[nodiscard]] valid_worker_config draw_config(machine& of, seeded_random random);
    [[nodiscard]] signer make_signer_for(machine& of);
    [[nodiscard]] bool awake(const machine& of) const noexcept { return of.wakes_up() <= now_; }

    // The driver (system_driver.cpp)
    [[nodiscard]] instant local_time(machine& of);
    bool pump(machine& of);
    void perform(machine& of, std::uint32_t slot, engine_output& out);
    void accuse_all(machine& of);
    void told(machine& of, line& from, const endpoint_event& event);
    void lost(machine& of, line& gone, const link_end& end);
    void heard(machine& of, const witness::report& what);
    void misuse_seam(machine& of, const line& at);

    // Handlers (system_handlers.cpp)
    void begin_handler(machine& of, const assigned_task& task);
    void built_in_handler(virtual_task& task, std::uint64_t stamp, deviation name);

    // Lines (system_line.cpp)
    void connect(machine& of, std::uint32_t slot, std::uint32_t generation);
    [[nodiscard]] line_faults draw_line(const deviation& name, seeded_random& random);
    [[nodiscard]] bool trouble(line& of, const deviation& name, seeded_random& random,
                               std::chrono::nanoseconds& delay);
    void end_attempt(connection_id id, std::chrono::nanoseconds after, link_end end);
    void attempt(connection_id id);
    [[nodiscard]] bool move_lines();
    [[nodiscard]] bool move(line& of);
    [[nodiscard]] bool due(const line& of) const;
    [[nodiscard]] line* any_line(seeded_random& random);

    // Faults (system_faults.cpp)
    void schedule_accident();
    void accident(fault what, seeded_random& random);
    void line_accident(fault what, line& of, seeded_random& random);
    void machine_accident(fault what, machine& of, seeded_random& random);
    void controller_accident(fault what, seeded_random& random);
    void heal();

    // The controller's machine
    void start_controller();
    void kill_controller(bool silently);
    void end_controller_for(std::chrono::nanoseconds away, bool silently);

    // What an outage may do (system_world.cpp)
    [[nodiscard]] std::chrono::nanoseconds now() const noexcept override { return elapsed(); }
    [[nodiscard]] std::uint32_t workers() const noexcept override { return options_.workers; }
    [[nodiscard]] seeded_random& random() noexcept override { return script_random_; }
    std::optional<std::string> submit(const task_spec& spec) override;
    void after(std::chrono::nanoseconds delay, std::function<void(world&)> what) override;
    void end_controller(std::chrono::nanoseconds away) override;
    void freeze(std::uint32_t worker, std::chrono::nanoseconds time) override;
    void kill(std::uint32_t worker) override;
    void stop(std::uint32_t worker) override;
    void set_wall_clock(std::uint32_t worker, std::chrono::milliseconds error) override;
    void cut(std::uint32_t worker, cut_kind how) override;
    void stall(std::uint32_t worker, std::chrono::nanoseconds time) override;
    void silence(std::uint32_t worker) override;
    void each_line(std::uint32_t worker, const std::function<void(line&)>& what);

    run_options options_;
    plan plan_;
    seeded_random random_;
    seeded_random script_random_;
    seeded_random weather_random_;
    std::array<std::uint64_t, 256> deviations_{}; // so far, by the letter of their kind

    monotonic_time now_{std::chrono::hours{1}};
    monotonic_time began_{now_};
    std::chrono::nanoseconds leapt_{};
    wall_time epoch_; // what a right wall clock shows at the world's time 0
    bool faulty_ = true;
    bool drained_ = false;   // nothing is started again
    bool attending_ = false; // the controller is to be there
    bool touched_ = false;
    agenda agenda_;
    std::chrono::nanoseconds weather_until_{}; // how long the present storm or calm lasts
    bool storm_ = false;
    std::uint64_t tasks_ = 0;
    monotonic_time next_leap_{};

    std::vector<machine> machines_;
    std::uint64_t processes_ = 0;
    std::string token_ = "token";      // the controller's
    std::string token_file_ = "token"; // what the workers read
    std::uint64_t tokens_ = 0;
    database database_;
    std::unique_ptr<controller_side> controller_; // null while it is down
    std::map<connection_id, std::unique_ptr<line>> lines_;
    connection_id last_line_ = 0;
    std::uint64_t damaged_lines_ = 0;

    ledger ledger_;
    run_result result_;
};

} // namespace distworker::sim
