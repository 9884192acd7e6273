// What an outage may do to the world.
#include "system.hpp"

namespace distworker::sim {

std::optional<std::string> system::submit(const task_spec& spec) {
    return controller_ == nullptr ? std::nullopt : controller_->submit(spec);
}

void system::after(std::chrono::nanoseconds delay, std::function<void(world&)> what) {
    at(now_ + delay, [this, what = std::move(what)] { what(*this); });
}

void system::end_controller(std::chrono::nanoseconds away) {
    end_controller_for(away, false);
}

void system::freeze(std::uint32_t worker, std::chrono::nanoseconds time) {
    if (worker < machines_.size()) {
        machine& of = machines_[worker];
        of.frozen_until = std::max(of.frozen_until, now_ + time);
    }
}

void system::kill(std::uint32_t worker) {
    if (worker < machines_.size() && machines_[worker].runs != nullptr) {
        kill_worker(machines_[worker]);
    }
}

void system::stop(std::uint32_t worker) {
    if (worker < machines_.size() && machines_[worker].runs != nullptr) {
        stop_worker(machines_[worker], end_reason::signal);
    }
}

// The step itself must not move anything: only signatures and heartbeats show the wall clock (I27).
void system::set_wall_clock(std::uint32_t worker, std::chrono::milliseconds error) {
    if (worker >= machines_.size()) {
        return;
    }
    machine& of = machines_[worker];
    settle();
    of.wall_error = error;
    if (of.runs == nullptr || !awake(of) || !result_.good()) {
        return;
    }
    const instant local = local_time(of);
    group_output next = of.runs->group->poll(local);
    of.runs->sees.took(next, local);
    if (of.runs->trace != nullptr) {
        of.runs->trace->took(next, local);
    }
    if (!is_idle(next.out)) {
        accuse("I27: a step of the wall clock makes worker " + std::to_string(worker) + " act");
        perform(of, next.slot, next.out);
    }
}

void system::each_line(std::uint32_t worker, const std::function<void(line&)>& what) {
    for (auto& [id, l] : lines_) {
        if (l->worker == worker) {
            what(*l);
            l->stirred = true;
            touched_ = true;
        }
    }
}

void system::cut(std::uint32_t worker, cut_kind how) {
    each_line(worker, [&](line& of) {
        if (how == cut_kind::fin) {
            of.up.finish();
            of.down.finish();
        } else {
            of.up.cut();
            of.down.cut();
        }
    });
}

void system::stall(std::uint32_t worker, std::chrono::nanoseconds time) {
    each_line(worker, [&](line& of) {
        of.up.stall(now_ + time);
        of.down.stall(now_ + time);
    });
}

void system::silence(std::uint32_t worker) {
    each_line(worker, [](line& of) {
        of.up.silence();
        of.down.silence();
    });
}

} // namespace distworker::sim
