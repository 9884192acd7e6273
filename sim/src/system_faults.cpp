// Accidents, and the healing.
#include "system.hpp"

#include <algorithm>

namespace distworker::sim {

using namespace std::chrono_literals;

namespace {

constexpr fault of_lines[] = {fault::stall,   fault::one_way, fault::silence,
                              fault::cut_fin, fault::cut_rst, fault::peer_close};
constexpr fault of_machines[] = {fault::worker_pause, fault::starvation,      fault::worker_kill,
                                 fault::worker_stop,  fault::reconfiguration, fault::unreadable_token,
                                 fault::pauses,       fault::resizing,        fault::wall_skew,
                                 fault::wall_step};
constexpr fault of_controllers[] = {fault::controller_restart, fault::reboot, fault::token_rotation,
                                    fault::cancellation, fault::swizzle};

template <typename Kinds>
bool holds(const Kinds& kinds, fault what) {
    return std::ranges::find(kinds, what) != std::end(kinds);
}

fault draw_accident(seeded_random& random) {
    const std::uint64_t which = number(random, 0, 99);
    return which < 45   ? pick(random, of_lines)
           : which < 85 ? pick(random, of_machines)
                        : pick(random, of_controllers);
}

} // namespace

void system::schedule_accident() {
    const deviation one = next(deviation::kind::accident);
    seeded_random random = dice(one);
    auto pause = exponential(random, plan_.between_accidents);
    if (!stormy(elapsed())) {
        pause += weather_until_ - elapsed(); // the next storm
    }
    at(now_ + pause, [this, one, random]() mutable {
        if (!faulty_) {
            return;
        }
        const fault what = draw_accident(random);
        if (plan_.has(what) && happens(one, to_string(what))) {
            accident(what, random);
        }
        schedule_accident();
    });
}

void system::accident(fault what, seeded_random& random) {
    if (holds(of_lines, what)) {
        if (line* const any = any_line(random)) {
            line_accident(what, *any, random);
        }
    } else if (holds(of_machines, what)) {
        machine& of = machines_[number(random, 0, machines_.size() - 1)];
        if (of.runs != nullptr) {
            machine_accident(what, of, random);
        }
    } else {
        controller_accident(what, random);
    }
}

void system::line_accident(fault what, line& of, seeded_random& random) {
    of.stirred = true;
    seen().hit(to_string(what));
    switch (what) {
    case fault::stall: {
        const monotonic_time until = now_ + exponential(random, 5s);
        of.up.stall(until);
        of.down.stall(until);
        break;
    }
    case fault::one_way:
        (chance(random, 50) ? of.up : of.down).stall(now_ + across(random, 1s, 600s));
        break;
    case fault::silence:
        of.up.silence();
        of.down.silence();
        break;
    case fault::cut_fin:
        of.up.finish();
        of.down.finish();
        break;
    case fault::cut_rst:
        of.up.cut();
        of.down.cut();
        break;
    default: // the peer closes, and more comes behind it
        if (of.at_controller) {
            constexpr std::uint16_t codes[] = {1000, 1001, 1006, 1008, 1011, 1012, 4000};
            of.server.close(pick(random, codes));
            constexpr std::array<std::byte, 8> behind{std::byte{0x82}, std::byte{0x06}, std::byte{8}};
            of.server.raw(behind);
        }
    }
}

void system::machine_accident(fault what, machine& of, seeded_random& random) {
    if (what != fault::worker_pause && what != fault::worker_kill && !awake(of)) {
        return;
    }
    seen().hit(to_string(what));
    switch (what) {
    case fault::worker_pause:
        of.frozen_until = std::max(of.frozen_until, now_ + across(random, 10ms, 3'600s));
        break;
    case fault::starvation: // it gets its turn every so often only, for a while
        of.starvation = across(random, 100us, 1s);
        at(now_ + exponential(random, 60s), [this, index = of.index] { machines_[index].starvation = 0ns; });
        break;
    case fault::worker_kill:
        if (chance(random, 50)) {
            kill_worker(of);
        } else { // in the middle of something
            of.outputs_to_death = number(random, 1, 100);
        }
        break;
    case fault::worker_stop:
    case fault::reconfiguration:
        stop_worker(of, what == fault::worker_stop ? end_reason::signal : end_reason::stop_requested);
        break;
    case fault::unreadable_token:
        of.token_unreadable_until = now_ + exponential(random, 60s);
        break;
    case fault::pauses:
        static_cast<void>(give(of, input::pause{}));
        at(now_ + exponential(random, 20s), of,
           [this](machine& same) { static_cast<void>(give(same, input::resume{})); });
        break;
    case fault::resizing:
        if (of.policy == session_policy::anonymous) {
            static_cast<void>(give(of, input::set_slots{static_cast<std::uint32_t>(number(random, 1, 4))}));
        }
        break;
    default: { // the wall clock is set
        constexpr std::chrono::milliseconds steps[] = {1h,           -1h,  87'660h, -87'660h,
                                                       -56 * 8'766h, 299s, 301s,    -1s};
        const auto skew = std::chrono::milliseconds{number(random, 0, 800'000)} - 400s;
        set_wall_clock(of.index, what == fault::wall_skew ? skew : pick(random, steps));
        // Somebody sets it right, some time.
        at(now_ + exponential(random, 5min), [this, index = of.index] { set_wall_clock(index, 0ms); });
    }
    }
}

void system::controller_accident(fault what, seeded_random& random) {
    if (what != fault::swizzle && controller_ == nullptr) {
        return;
    }
    const auto away = across(random, 1s, 600s);
    seen().hit(to_string(what));
    switch (what) {
    case fault::controller_restart:
        end_controller_for(away, false);
        break;
    case fault::reboot:
        end_controller_for(away, true);
        break;
    case fault::token_rotation: {
        token_ = "token-" + std::to_string(++tokens_);
        for (auto& [id, session] : database_.sessions) {
            session.token = session.stays ? token_ : session.token;
        }
        end_controller_for(across(random, 1s, 10s), false);
        at(now_ + across(random, 1s, 120s), [this, fresh = token_] { token_file_ = fresh; });
        break;
    }
    case fault::cancellation:
        controller_->cancel_any(random);
        break;
    default: { // clog many lines, and let them go in another order
        for (auto& [id, l] : lines_) {
            if (chance(random, 70)) {
                const monotonic_time until = now_ + random.uniform(0s, 10s);
                l->up.stall(until);
                l->down.stall(until);
            }
        }
    }
    }
}

void system::start_controller() {
    if (options_.mode == mode::hostile && faulty_) {
        controller_ = make_hostile_peer(*this);
    } else {
        controller_ = make_broker(*this, database_, random_.next());
    }
    log("controller: up");
    supervise(); // some processes wait for it
}

void system::kill_controller(bool silently) {
    for (auto& [id, l] : lines_) {
        if (std::exchange(l->at_controller, false)) {
            l->rebooted = silently;
            if (!silently) {
                l->server.abandon();
            }
            l->stirred = true;
        }
    }
    for (auto session = database_.sessions.begin(); session != database_.sessions.end();) {
        const bool forgotten = !session->second.stays && chance(random_, 50);
        session = forgotten ? database_.sessions.erase(session) : std::next(session);
    }
    controller_.reset();
    touched_ = true;
    log("controller: down");
}

void system::end_controller_for(std::chrono::nanoseconds away, bool silently) {
    if (controller_ == nullptr) {
        return;
    }
    kill_controller(silently);
    at(now_ + away, [this] {
        if (controller_ == nullptr) {
            start_controller();
        }
    });
}

// From here on everything works: the network, the clocks, the controller. What is broken stays so until
// somebody notices.
void system::heal() {
    faulty_ = false;
    log("healed");
    token_file_ = token_;
    epoch_ = ordinary_day - std::chrono::duration_cast<std::chrono::milliseconds>(elapsed());
    if (options_.mode == mode::hostile && controller_ != nullptr) {
        kill_controller(false);
    }
    for (machine& of : machines_) {
        of.frozen_until = of.starved_until = std::min(of.frozen_until, now_);
        of.starvation = 0ns;
        of.outputs_to_death = 0;
        of.wall_error = {};
        of.token_unreadable_until = now_;
        if (of.runs != nullptr && !of.runs->stopping) {
            // An application that paused may do so for ever: ours does not.
            static_cast<void>(give(of, input::resume{}));
        }
    }
    if (controller_ == nullptr) {
        start_controller();
    }
}

} // namespace distworker::sim
