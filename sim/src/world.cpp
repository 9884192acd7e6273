// Time, phases, and the verdict.
#include "system.hpp"

#include <algorithm>

namespace distworker::sim {

using namespace std::chrono_literals;

namespace {

// How long a healed system has to be whole again (L1): backoff, connect and registration; refused ones wait
// for 300 s. Handlers that hold a registration up, silence that is to be noticed and slow clocks come on top.
constexpr std::chrono::seconds recovery_budget{325 + 15 + 15};
constexpr std::chrono::seconds drain_budget{60};

} // namespace

run_result run(const run_options& options) {
    return system{options}.play();
}

system::system(const run_options& options)
    : options_{options}, plan_{options.seed}, random_{options.seed ^ 0xD157'0000'0000'0001U} {}

instant system::wall_true() const noexcept {
    return local_clock{}.read(now_);
}

void system::log(const std::string& what) {
    if (options_.trace) {
        options_.trace(
            std::to_string(
                std::chrono::duration_cast<std::chrono::milliseconds>(now_.time_since_epoch()).count()) +
            " ms  " + what);
    }
}

void system::sent(std::span<const std::byte> frame) {
    if (options_.frames) {
        options_.frames(frame);
    }
}

void system::accuse(std::string what) {
    log("ACCUSED " + what);
    result_.accusations.push_back(std::move(what));
}

std::uint64_t system::at(monotonic_time when, action what) {
    timers_.emplace(when, std::pair{++last_timer_, std::move(what)});
    return last_timer_;
}

std::uint64_t system::at(monotonic_time when, const worker_machine& machine,
                         std::function<void(worker_machine&)> what) {
    return at(when, [this, index = machine.index, id = machine.runs->id, what = std::move(what)] {
        worker_machine& of = workers_[index];
        if (of.runs != nullptr && of.runs->id == id) {
            what(of);
        }
    });
}

void system::cancel_timer(std::uint64_t timer) {
    if (timer != 0) {
        cancelled_.insert(timer);
    }
}

monotonic_time system::next_event() const {
    monotonic_time next = timers_.empty() ? never : timers_.begin()->first;
    next = std::min(next, controller_.wakes);
    for (const worker_machine& machine : workers_) {
        if (machine.runs != nullptr) {
            next = std::min(next, std::max(machine.runs->wakes, machine.frozen_until));
            if (!awake(machine)) {
                next = std::min(next, machine.frozen_until);
            }
        }
    }
    for (const auto& [id, l] : lines_) {
        if (l->open && l->at_worker && awake(workers_[l->worker])) {
            next = std::min(next, l->down.next_arrival());
        }
        if (l->open && l->at_controller) {
            next = std::min(next, l->up.next_arrival());
        }
    }
    return next;
}

// Lets everything happen that happens at this moment.
void system::settle() {
    for (int rounds = 0; rounds < 100'000; ++rounds) {
        touched_ = false;
        bool more = advance_lines();
        for (worker_machine& machine : workers_) {
            more = pump(machine) || more;
        }
        more = pump_controller() || more;
        if (!more && !touched_) {
            return;
        }
    }
    accuse("I20: the system never rests");
}

void system::run_until(monotonic_time end, const std::function<bool()>& done) {
    settle();
    while (result_.accusations.empty() && !(done && done())) {
        const monotonic_time next = next_event();
        if (next > end) {
            now_ = std::max(now_, end);
            break;
        }
        now_ = std::max(now_, next);
        ++result_.events;
        while (!timers_.empty() && timers_.begin()->first <= now_) {
            auto due = timers_.extract(timers_.begin());
            auto& [timer, what] = due.mapped();
            if (cancelled_.erase(timer) == 0) {
                what();
            }
        }
        settle();
    }
}

run_result system::play() {
    start_controller();
    for (std::uint32_t index = 0; index < options_.workers; ++index) {
        worker_machine machine;
        machine.index = index;
        machine.clock.origin = std::chrono::hours{number(random_, 0, 100'000)};
        if (plan_.has(fault::clock_drift)) {
            machine.clock.speed = 0.95 + 0.1 * static_cast<double>(number(random_, 0, 1'000)) / 1'000;
        }
        workers_.push_back(std::move(machine));
    }
    for (worker_machine& machine : workers_) {
        start_worker(machine);
    }
    const std::function<void()> next_task = [this, &next_task] {
        if (faulty_) {
            submit();
            at(now_ + exponential(random_, plan_.between_tasks), next_task);
        }
    };
    // A process that ended or died is started again, as a supervisor does.
    const std::function<void()> supervise = [this, &supervise] {
        if (!drained_) {
            for (worker_machine& machine : workers_) {
                if (machine.runs == nullptr) {
                    start_worker(machine);
                }
            }
            at(now_ + 1s, supervise);
        }
    };
    at(now_, next_task);
    at(now_, supervise);
    schedule_accident();
    run_until(now_ + options_.faulty_time);

    heal();
    run_until(now_ + recovery_budget, [this] { return all_ready(); });
    if (result_.accusations.empty() && !all_ready()) {
        for (const worker_machine& machine : workers_) {
            accuse("L1: worker " + std::to_string(machine.index) + " is not back in time: " +
                   (machine.runs != nullptr ? why_not_ready(machine.runs->group.snapshot()) : "down"));
        }
    }
    drained_ = true;
    for (worker_machine& machine : workers_) {
        if (machine.runs != nullptr) {
            stop_worker(machine, end_reason::stop_requested);
        }
    }
    run_until(now_ + drain_budget, [this] {
        return std::ranges::all_of(workers_, [](const worker_machine& m) { return m.runs == nullptr; });
    });
    for (const worker_machine& machine : workers_) {
        if (result_.accusations.empty() && machine.runs != nullptr) {
            accuse("L4: worker " + std::to_string(machine.index) +
                   " did not end: " + why_not_ready(machine.runs->group.snapshot()));
        }
    }
    judge();
    return std::move(result_);
}

bool system::all_ready() const {
    return std::ranges::all_of(workers_, [](const worker_machine& machine) {
        if (machine.runs == nullptr) {
            return false;
        }
        const worker_group& group = machine.runs->group;
        for (std::uint32_t slot = 0; slot < group.slots(); ++slot) {
            const engine_state state = group.slot(slot).state();
            if (state != engine_state::ready && state != engine_state::busy &&
                state != engine_state::stopped) {
                return false;
            }
        }
        return true;
    });
}

// A task is lost unreported when the controller has given it to a process that lived on, that process had
// accepted it, and nobody was told how it ended.
void system::judge() {
    verdict& tasks = result_.tasks;
    for (const std::string& id : submitted_) {
        const auto runs = executions_.find(id);
        const bool ran = runs != executions_.end();
        tasks.finished += finished_.contains(id) ? 1U : 0U;
        tasks.duplicated += ran && runs->second > 1 ? 1U : 0U;
        if (ran && !finished_.contains(id) && !told_lost_.contains(id)) {
            ++tasks.lost;
            log("LOST " + id);
        }
    }
    for (const auto& [id, runs] : executions_) {
        tasks.unexpected += submitted_.contains(id) ? 0U : 1U;
    }
}

} // namespace distworker::sim
