// Worker processes: their engines, clocks and handlers.
#include "system.hpp"

#include <distworker/openssl_crypto.hpp>
#include <distworker/overloaded.hpp>
#include <distworker/value_writer.hpp>

#include <cmath>

namespace distworker::sim {

using namespace std::chrono_literals;

instant local_clock::read(monotonic_time world) const noexcept {
    const auto passed = static_cast<double>(world.time_since_epoch().count()) * speed;
    const monotonic_time local{origin + std::chrono::nanoseconds{static_cast<std::int64_t>(passed)}};
    const auto true_wall = std::chrono::duration_cast<std::chrono::milliseconds>(world.time_since_epoch());
    return {local, wall_time{std::chrono::milliseconds{1'790'000'000'000} + true_wall + wall_error}};
}

monotonic_time local_clock::world_time(monotonic_time local) const noexcept {
    if (local == never) {
        return never;
    }
    const auto passed = static_cast<double>((local.time_since_epoch() - origin).count()) / speed;
    monotonic_time world{std::chrono::nanoseconds{static_cast<std::int64_t>(std::ceil(passed))}};
    while (read(world).monotonic < local) { // rounding
        world += 1us;
    }
    return world;
}

void system::start_worker(worker_machine& machine) {
    worker_config config;
    config.controller = "http://sim.example";
    config.provisioner = "sim";
    config.slots = number(random_, 1, 3);
    config.max_stuck = 10'000;
    auto signed_by = make_signer(make_openssl_crypto(), secret{std::string_view{"token"}});
    machine.runs = std::make_unique<process>(
        ++last_process_, worker_group{config.validate().value(), std::move(signed_by), random_.next()},
        result_.seen);
    machine.frozen_until = monotonic_time::min();
    machine.began = now_;
    static_cast<void>(machine.runs->group.start(machine.clock.read(now_))); // a new group does not refuse
    log("worker " + std::to_string(machine.index) + ": up");
}

// What the process knew is gone: its tasks are lost, and nobody can say so.
void system::kill_worker(worker_machine& machine) {
    process& gone = *machine.runs;
    for (auto& [name, handler] : gone.handlers) {
        cancel_timer(handler.timer);
    }
    for (auto& [id, l] : lines_) {
        if (l->worker == machine.index && std::exchange(l->at_worker, false)) {
            l->client.abandon();
        }
    }
    machine.killed = true;
    collect(machine);
    log("worker " + std::to_string(machine.index) + ": killed");
}

// Takes what a process has seen, and the process away.
void system::collect(worker_machine& machine) {
    process& gone = *machine.runs;
    if (!machine.killed) {
        gone.sees.finish(gone.group.counters(), gone.handlers.size());
    }
    for (const std::string& what : gone.sees.accusations()) {
        accuse("worker " + std::to_string(machine.index) + ": " + what);
    }
    for (const std::string& id : gone.accepted) {
        if (machine.killed || !gone.ended) {
            told_lost_.insert(id);
        }
    }
    result_.worker_time += now_ - machine.began;
    machine.runs.reset();
    machine.killed = false;
    touched_ = true;
}

void system::stop_worker(worker_machine& machine, end_reason why) {
    process& runs = *machine.runs;
    if (std::exchange(runs.stopping, true)) {
        return;
    }
    const auto limit = 25s;
    static_cast<void>(runs.group.stop(why, limit, machine.clock.read(now_)));
    // L4, with room for clocks that run at another speed.
    at(now_ + (limit + 5s) * 11 / 10 + 1s, machine, [this](worker_machine& late) {
        if (!late.runs->ended && late.frozen_until + 31s < now_) {
            accuse("L4: worker " + std::to_string(late.index) + " has not ended in time");
        }
    });
    log("worker " + std::to_string(machine.index) + ": told to end");
}

bool system::pump(worker_machine& machine) {
    if (machine.runs == nullptr || !awake(machine)) {
        return false;
    }
    process& runs = *machine.runs;
    bool did_something = false;
    for (int outputs = 0;; ++outputs) {
        const instant local = machine.clock.read(now_);
        group_output next = runs.group.poll(local);
        if (const auto* idle = std::get_if<output::idle>(&next.out)) {
            runs.sees.idle(idle->deadline, local.monotonic);
            runs.wakes = machine.clock.world_time(idle->deadline);
            break;
        }
        if (outputs == 100'000) {
            accuse("I20: the engine never becomes idle");
            break;
        }
        did_something = true;
        perform(machine, next.slot, next.out);
    }
    if (runs.ended) {
        collect(machine);
    }
    return did_something;
}

void system::perform(worker_machine& machine, std::uint32_t slot, engine_output& out) {
    process& runs = *machine.runs;
    line* const l = runs.lines.contains(slot) ? find_line(runs.lines[slot]) : nullptr;
    std::visit(
        overloaded{
            [](output::idle&) {},
            [&](output::connect& o) {
                runs.sees.connecting(slot, o.generation, machine.clock.read(now_).monotonic, true);
                connect(machine, slot, o.generation);
            },
            [&](output::send& o) {
                runs.sees.sending(slot, o.bytes, l->client.writing());
                l->client.send(o.bytes);
                sent(o.bytes);
                touched_ = true;
            },
            [&](output::ping& o) {
                runs.sees.pinging(slot, l->client.writing());
                l->client.ping(o.payload);
                touched_ = true;
            },
            [&](output::close& o) {
                runs.sees.closing(slot);
                l->client.close(o.code);
                touched_ = true;
            },
            [&](output::abort&) {
                if (l != nullptr && std::exchange(l->at_worker, false)) {
                    l->client.abandon();
                    touched_ = true;
                }
            },
            [&](output::assigned& o) {
                runs.sees.assigned(o.task);
                begin_handler(machine, o.task);
            },
            [&](output::stop_task& o) {
                runs.sees.stop_asked(o.task, o.reason);
                const auto found = runs.handlers.find(o.task);
                if (found != runs.handlers.end() && o.reason == stop_reason::connection_lost) {
                    told_lost_.insert(std::string{found->second.task.id()}); // nobody waits for it any more
                }
                if (found != runs.handlers.end() && !found->second.how.ignores_stop) {
                    cancel_timer(found->second.timer);
                    found->second.timer = at(now_ + 20ms, machine, [this, task = o.task](worker_machine& of) {
                        end_handler(of, task);
                    });
                }
            },
            [](output::writable&) {},
            [&](output::undeliverable& o) {
                runs.sees.undeliverable(o);
                ++result_.tasks.undeliverable;
                const frame_view frame = o.answer.read();
                const auto* const completed = std::get_if<task_complete_view>(&frame);
                told_lost_.insert(std::string{
                    completed != nullptr ? completed->task_id : std::get<task_failed_view>(frame).task_id});
            },
            [&](output::sample_wanted&) {
                runs.group.with(slot, [](worker_engine& engine) { engine.set_usage({}); });
            },
            [](output::state_changed&) {},
            [&](output::disconnected& o) {
                runs.sees.disconnected(slot, o.generation);
                result_.seen.hit(to_string(o.end.cause));
            },
            [&](output::stopped&) {
                runs.sees.stopped();
                runs.ended = true;
                log("worker " + std::to_string(machine.index) + ": ended");
            },
        },
        out);
}

behaviour system::draw_behaviour(const assigned_task& task) {
    behaviour how;
    how.duration = exponential(random_, 50ms);
    if (plan_.has(fault::slow_handlers) && faulty_ && chance(random_, 5)) {
        how.duration = std::chrono::seconds{number(random_, 1, 3'600)};
    }
    how.fails = plan_.has(fault::failing_handlers) && chance(random_, 20);
    // Only where somebody ends the wait for it.
    how.never_returns =
        plan_.has(fault::stuck_handlers) && faulty_ && task.timeout_ms() > 0 && chance(random_, 5);
    how.ignores_stop = plan_.has(fault::deaf_handlers) && chance(random_, 30);
    how.result_bytes =
        plan_.has(fault::large_results) && chance(random_, 10) ? number(random_, 1, 256U << 10U) : 10;
    how.updates = plan_.has(fault::chatty_handlers) ? static_cast<unsigned>(number(random_, 0, 20)) : 0;
    return how;
}

void system::begin_handler(worker_machine& machine, const assigned_task& task) {
    process& runs = *machine.runs;
    const std::string id{task.id()};
    runs.accepted.insert(id);
    if (++executions_[id] > 1) {
        result_.seen.hit("executed_again");
    }
    running_handler handler{task, draw_behaviour(task), 0};
    if (!handler.how.never_returns) {
        handler.timer = at(now_ + handler.how.duration, machine,
                           [this, name = task.name()](worker_machine& of) { end_handler(of, name); });
    }
    if (handler.how.updates > 0) {
        at(now_ + 1ms, machine, [this, name = task.name(), left = handler.how.updates](worker_machine& of) {
            update(of, name, left);
        });
    }
    runs.handlers.emplace(task.name(), std::move(handler));
}

void system::update(worker_machine& machine, const delivery& task, unsigned left) {
    const auto found = machine.runs->handlers.find(task);
    if (found == machine.runs->handlers.end() || !awake(machine)) {
        return;
    }
    const instant local = machine.clock.read(now_);
    if (left % 2 == 0) {
        static_cast<void>(machine.runs->group.progress(task, 1.0 / left, "going on", local));
    } else {
        stream_item_writer item{found->second.task, 0.5F};
        item.data().member("text", std::string(number(random_, 1, 2'000), 'x'));
        if (auto made = std::move(item).finish()) {
            const auto queued = machine.runs->group.stream(task, *std::move(made), local);
            if (!queued) {
                result_.seen.hit(queued.error() == misuse::would_block ? "stream_would_block"
                                                                       : "stream_stale");
            }
        }
    }
    if (left > 1) {
        at(now_ + 10ms, machine, [this, task, left](worker_machine& of) { update(of, task, left - 1); });
    }
}

void system::end_handler(worker_machine& machine, const delivery& task) {
    process& runs = *machine.runs;
    const auto found = runs.handlers.find(task);
    if (found == runs.handlers.end()) {
        return;
    }
    if (!awake(machine)) { // it stands still as well
        found->second.timer = at(machine.frozen_until + 1ms, machine,
                                 [this, task](worker_machine& of) { end_handler(of, task); });
        return;
    }
    const running_handler handler = std::move(found->second);
    runs.handlers.erase(found);
    outcome_writer answer{handler.task};
    outcome made;
    if (handler.how.fails) {
        made = std::move(answer).fail(error_code::handler_error, "as planned");
    } else {
        answer.result().member("text", std::string(handler.how.result_bytes, 'r'));
        made = std::move(answer).complete();
    }
    runs.sees.answered(task);
    const auto taken = runs.group.complete(task, std::move(made), machine.clock.read(now_));
    if (!taken) {
        result_.seen.hit("stale_answer");
        told_lost_.insert(std::string{handler.task.id()}); // answered for already, or given back
    }
}

void system::told(worker_machine& machine, line& from, endpoint_event& event) {
    process& runs = *machine.runs;
    const instant local = machine.clock.read(now_);
    runs.group.with(from.slot, [&](worker_engine& engine) {
        switch (event.what) {
        case endpoint_event::kind::part:
            if (event.last && engine.state() == engine_state::registering) {
                const auto frame = read_frame(event.bytes);
                if (frame && std::holds_alternative<register_response_view>(*frame)) {
                    runs.sees.received_response(from.slot);
                } else {
                    result_.seen.hit("assigned_before_response");
                }
            }
            engine.received(from.generation, event.message, event.bytes, event.last, event.announced, local);
            break;
        case endpoint_event::kind::pinged:
            engine.pinged(from.generation, local);
            break;
        case endpoint_event::kind::pong:
            engine.pong(from.generation, event.bytes, local);
            break;
        case endpoint_event::kind::sent:
            engine.sent(from.generation, local);
            break;
        case endpoint_event::kind::closed:
        case endpoint_event::kind::ended:
            break;
        }
    });
    if (event.what == endpoint_event::kind::ended) {
        lost(machine, from, link_end::kind::lost);
    } else if (event.what == endpoint_event::kind::closed) {
        lost(machine, from, link_end::kind::closed);
    }
}

void system::lost(worker_machine& machine, line& gone, link_end::kind what, int status) {
    gone.at_worker = false;
    gone.client.abandon();
    touched_ = true;
    machine.runs->group.with(gone.slot, [&](worker_engine& engine) {
        engine.closed(gone.generation, {.what = what, .detail = "sim", .http_status = status},
                      machine.clock.read(now_));
    });
}

} // namespace distworker::sim
