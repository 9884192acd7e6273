// Accidents, and the healing.
#include "system.hpp"

namespace distworker::sim {

using namespace std::chrono_literals;

void system::schedule_accident() {
    at(now_ + exponential(random_, plan_.between_accidents), [this] {
        if (faulty_) {
            accident();
            schedule_accident();
        }
    });
}

// One accident of the kinds that this run has.
void system::accident() {
    constexpr fault kinds[] = {fault::stall,         fault::silence,     fault::cut_fin,
                               fault::cut_rst,       fault::wall_skew,   fault::controller_restart,
                               fault::worker_freeze, fault::worker_kill, fault::worker_stop,
                               fault::pauses,        fault::resizing};
    const fault kind = kinds[number(random_, 0, std::size(kinds) - 1)];
    worker_machine& machine = workers_[number(random_, 0, workers_.size() - 1)];
    const std::uint64_t drawn = random_.next();
    if (!plan_.has(kind)) {
        return;
    }
    seeded_random random{drawn};
    log(std::string{"accident: "} + to_string(kind));
    line* any = nullptr;
    if (!lines_.empty()) {
        any = std::next(lines_.begin(), static_cast<std::ptrdiff_t>(number(random, 0, lines_.size() - 1)))
                  ->second.get();
    }
    process* const runs = machine.runs.get();
    switch (kind) {
    case fault::stall:
        if (any != nullptr) {
            result_.seen.hit("line_stalled");
            const monotonic_time until = now_ + exponential(random, 5s);
            any->up.stall(until);
            any->down.stall(until);
        }
        break;
    case fault::silence:
        if (any != nullptr) {
            result_.seen.hit("line_silent");
            any->up.silence();
            any->down.silence();
        }
        break;
    case fault::cut_fin:
        if (any != nullptr) {
            result_.seen.hit("line_cut_fin");
            any->up.finish();
            any->down.finish();
            touched_ = true;
        }
        break;
    case fault::cut_rst:
        if (any != nullptr) {
            result_.seen.hit("line_cut_rst");
            any->up.cut();
            any->down.cut();
            touched_ = true;
        }
        break;
    case fault::wall_skew:
        result_.seen.hit("wall_clock_stepped");
        machine.clock.wall_error = std::chrono::milliseconds{number(random, 0, 800'000)} - 400s;
        break;
    case fault::controller_restart:
        if (controller_.engine != nullptr) {
            result_.seen.hit("controller_restarted");
            kill_controller();
            at(now_ + std::chrono::seconds{number(random, 1, 600)}, [this] {
                if (controller_.engine == nullptr) {
                    start_controller();
                }
            });
        }
        break;
    case fault::worker_freeze:
        if (runs != nullptr) {
            result_.seen.hit("worker_frozen");
            machine.frozen_until = std::max(machine.frozen_until, now_ + exponential(random, 30s));
        }
        break;
    case fault::worker_kill:
        if (runs != nullptr) {
            result_.seen.hit("worker_killed");
            kill_worker(machine);
        }
        break;
    case fault::worker_stop:
        if (runs != nullptr && awake(machine)) {
            result_.seen.hit("worker_told_to_end");
            stop_worker(machine, end_reason::signal);
        }
        break;
    case fault::pauses:
        if (runs != nullptr && awake(machine) && runs->group.pause(machine.clock.read(now_))) {
            result_.seen.hit("group_paused");
            at(now_ + exponential(random, 20s), [this, index = machine.index, runs] {
                worker_machine& same = workers_[index];
                if (same.runs.get() == runs && runs->group.resume(same.clock.read(now_))) {
                    result_.seen.hit("group_resumed");
                }
            });
        }
        break;
    case fault::resizing:
        if (runs != nullptr && awake(machine) &&
            runs->group.set_slots(static_cast<std::uint32_t>(number(random, 1, 4)),
                                  machine.clock.read(now_))) {
            result_.seen.hit("group_resized");
        }
        break;
    default:
        break;
    }
}

// From here on everything works: the network, the clocks, the controller. What is broken stays so until
// somebody notices.
void system::heal() {
    faulty_ = false;
    log("healed");
    if (controller_.engine == nullptr) {
        start_controller();
    }
    for (worker_machine& machine : workers_) {
        machine.frozen_until = std::min(machine.frozen_until, now_);
        machine.clock.wall_error = {};
        if (machine.runs != nullptr && !machine.runs->stopping) {
            // An application that paused may do so for ever: ours does not.
            static_cast<void>(machine.runs->group.resume(machine.clock.read(now_)));
        }
    }
}

} // namespace distworker::sim
