// What a driver does: carries a group's outputs to the network and to handlers, and events back.
#include "handler_run.hpp"
#include "system.hpp"

#include <distworker/overloaded.hpp>

#include <algorithm>

namespace distworker::sim {

using namespace std::chrono_literals;

instant system::local_time(machine& of) {
    return {of.clock.read(now_), true_time().wall + of.wall_error};
}

std::expected<void, misuse> system::give(machine& to, const group_input& what) {
    process& runs = *to.runs;
    instant local = local_time(to);
    if (has(fault::clock_back)) {
        const deviation one = next(deviation::kind::seam);
        seeded_random random = dice(one);
        if (chance(random, 1) && happens(one, "the clock steps back")) {
            seen().hit("clock_stepped_back");
            local.monotonic -= exponential(random, 1s);
        }
    }
    runs.sees.gave(what, local);
    if (runs.trace != nullptr) {
        runs.trace->gave(what, local);
    }
    auto done = distworker::give(*runs.group, what, local);
    if (runs.trace != nullptr) {
        runs.trace->answered(done);
    }
    runs.sees.answered(what, done);
    runs.stirred = true;
    touched_ = true;
    return done;
}

bool system::pump(machine& of) {
    if (of.runs == nullptr || !awake(of) || (!of.runs->stirred && of.runs->wakes > now_)) {
        return false;
    }
    process& runs = *of.runs;
    runs.stirred = false;
    bool did_something = false;
    for (int outputs = 0;; ++outputs) {
        const instant local = local_time(of);
        group_output next = runs.group->poll(local);
        runs.sees.took(next, local);
        if (runs.trace != nullptr) {
            runs.trace->took(next, local);
        }
        if (const auto* idle = std::get_if<output::idle>(&next.out)) {
            runs.sees.settled(*runs.group, local);
            runs.wakes = of.clock.world_time(idle->deadline, now_);
            break;
        }
        if (outputs == 100'000) {
            accuse("I20: the engine never becomes idle");
            break;
        }
        did_something = true;
        if (of.outputs_to_death == 1) {
            of.outputs_to_death = 0;
            seen().hit("worker_killed_at_a_step");
            kill_worker(of);
            return true;
        }
        of.outputs_to_death -= of.outputs_to_death > 0 ? 1U : 0U;
        perform(of, next.slot, next.out);
        if (of.runs == nullptr) {
            return true;
        }
    }
    accuse_all(of);
    if (runs.ended) {
        collect(of, false);
    } else if (did_something && of.starvation > 0ns) {
        of.starved_until = now_ + of.starvation;
    }
    return did_something;
}

void system::perform(machine& of, std::uint32_t slot, engine_output& out) {
    process& runs = *of.runs;
    const auto wire = runs.lines.find(slot);
    line* const l = wire != runs.lines.end() ? find_line(wire->second) : nullptr;
    const bool usable = l != nullptr && l->at_worker;
    const auto on_line = [&](auto&& act) {
        if (usable) {
            act(*l);
            l->stirred = true;
            touched_ = true;
        } else {
            accuse("I6: worker " + std::to_string(of.index) + " uses a connection that is gone");
        }
    };
    std::visit(overloaded{
                   [](output::idle&) {},
                   [&](output::connect& o) { connect(of, slot, o.generation); },
                   [&](output::send& o) {
                       sent(o.bytes);
                       on_line([&](line& to) { to.client.send(o.bytes); });
                   },
                   [&](output::ping& o) { on_line([&](line& to) { to.client.ping(o.payload); }); },
                   [&](output::close& o) {
                       on_line([&](line& to) {
                           to.client.close(o.code);
                           to.close_asked = true;
                       });
                   },
                   [&](output::abort&) {
                       if (l != nullptr && std::exchange(l->at_worker, false)) {
                           l->client.abandon();
                           l->stirred = true;
                           touched_ = true;
                       }
                   },
                   [&](output::assigned& o) { begin_handler(of, o.task); },
                   [&](output::stop_task& o) {
                       if (const auto found = runs.handlers.find(o.task); found != runs.handlers.end()) {
                           const std::shared_ptr<handler_run> run = found->second;
                           run->stop(o.reason);
                       }
                   },
                   [](output::writable&) {},
                   [&](output::undeliverable& o) {
                       if (options_.undeliverable) {
                           options_.undeliverable(of.index, o);
                       }
                   },
                   [&](output::sample_wanted&) {
                       static_cast<void>(
                           give(of, input::set_usage{slot, {.cpu_percent = 50, .memory_used_mb = 100}}));
                   },
                   [](output::state_changed&) {},
                   [&](output::disconnected& o) {
                       log("worker " + std::to_string(of.index) + "/" + std::to_string(slot) +
                           ": disconnected: " + o.end.detail);
                   },
                   [&](output::stopped& o) {
                       runs.ended = true;
                       log("worker " + std::to_string(of.index) + ": ended: " + to_string(o.reason));
                   },
               },
               out);
}

// What the witness of its process has to say.
void system::accuse_all(machine& of) {
    for (const std::string& what : of.runs->sees.take_accusations()) {
        accuse("worker " + std::to_string(of.index) + ": " + what);
    }
}

// A network event. Between it and the engine lies the seam of transports, which has faults of its own.
void system::told(machine& of, line& from, const endpoint_event& event) {
    const std::uint32_t slot = from.slot;
    const std::uint32_t generation = from.generation;
    switch (event.what) {
    case endpoint_event::kind::part:
        static_cast<void>(give(
            of, input::received{slot, generation, event.message, event.bytes, event.last, event.announced}));
        break;
    case endpoint_event::kind::pinged:
        static_cast<void>(give(of, input::pinged{slot, generation}));
        break;
    case endpoint_event::kind::pong:
        static_cast<void>(give(of, input::pong{slot, generation, event.bytes}));
        break;
    case endpoint_event::kind::sent:
        static_cast<void>(give(of, input::sent{slot, generation}));
        break;
    case endpoint_event::kind::closed:
        lost(of, from,
             from.close_asked
                 ? link_end{.what = link_end::kind::closed, .detail = "sim"}
                 : link_end{.what = link_end::kind::peer_close, .detail = "sim", .close_code = event.code});
        return;
    case endpoint_event::kind::broken:
        seen().hit("framing_broken_at_worker");
        lost(of, from, {.what = link_end::kind::protocol, .detail = event.problem});
        return;
    case endpoint_event::kind::ended:
        lost(of, from, {.what = link_end::kind::lost, .detail = "sim"});
        return;
    }
    pump(of);
    if (of.runs != nullptr && awake(of)) {
        misuse_seam(of, from);
        pump(of);
    }
}

// Callbacks at the wrong time, as transports have had them.
void system::misuse_seam(machine& of, const line& at) {
    constexpr fault kinds[] = {fault::late_callback, fault::double_callback, fault::error_after_success};
    if (std::ranges::none_of(kinds, [this](fault kind) { return has(kind); })) {
        return;
    }
    const deviation one = next(deviation::kind::seam);
    seeded_random random = dice(one);
    const fault kind = pick(random, kinds);
    if (!chance(random, 2) || !has(kind) || !happens(one, to_string(kind))) {
        return;
    }
    seen().hit(to_string(kind));
    const std::uint32_t slot = at.slot;
    const std::uint32_t generation = at.generation;
    if (kind == fault::error_after_success) {
        line* const same = find_line(at.id);
        if (same != nullptr && same->at_worker) {
            lost(of, *same, {.what = link_end::kind::lost, .detail = "an error after a success"});
        }
        return;
    }
    const std::uint32_t other = kind == fault::late_callback ? generation - 1 : generation;
    constexpr std::array<std::byte, 16> payload{};
    const std::span<const std::byte> bytes{payload};
    switch (number(random, 0, kind == fault::late_callback ? 5 : 1)) {
    case 0:
        static_cast<void>(give(of, input::opened{slot, other}));
        break;
    case 1: // a second `sent`, unless something is being written
        if (kind == fault::late_callback || !at.client.writing()) {
            static_cast<void>(give(of, input::sent{slot, other}));
        }
        break;
    case 2:
        static_cast<void>(give(of, input::received{slot, other, message_kind::binary, bytes, true, 0}));
        break;
    case 3:
        static_cast<void>(give(of, input::pong{slot, other, bytes}));
        break;
    case 4:
        static_cast<void>(give(of, input::pinged{slot, other}));
        break;
    default:
        static_cast<void>(
            give(of, input::closed{slot, other, {.what = link_end::kind::lost, .detail = "late"}}));
    }
}

void system::lost(machine& of, line& gone, const link_end& end) {
    gone.at_worker = false;
    gone.client.abandon();
    gone.stirred = true;
    touched_ = true;
    static_cast<void>(give(of, input::closed{gone.slot, gone.generation, end}));
    if (has(fault::double_callback) && of.runs != nullptr) {
        const deviation one = next(deviation::kind::seam);
        seeded_random random = dice(one);
        if (chance(random, 20) && happens(one, "closed twice")) {
            seen().hit("closed_twice");
            static_cast<void>(give(of, input::closed{gone.slot, gone.generation, end}));
        }
    }
    pump(of);
}

// What the witness of a process tells, and whether it can be true.
void system::heard(machine& of, const witness::report& what) {
    ledger_.heard(of.runs->id, what);
    const auto wire = of.runs->lines.find(what.slot);
    line* const l = wire != of.runs->lines.end() ? find_line(wire->second) : nullptr;
    if (l == nullptr) {
        return;
    }
    if (what.what == witness::report::kind::accepted) {
        ledger_.arrived(what.id, l->id);
    }
    if (what.what != witness::report::kind::receipted || (faulty_ && options_.mode == mode::hostile)) {
        return;
    }
    const auto got = l->outcomes.find(what.answer);
    if (got != l->outcomes.end()) {
        l->outcomes.erase(got);
    } else if (l->damaged()) {
        ledger_.excuse(what.id);
    } else {
        accuse("I10: worker " + std::to_string(of.index) + " takes task " + std::string{what.id} +
               " for processed, and the controller has not got its outcome");
    }
}

} // namespace distworker::sim
