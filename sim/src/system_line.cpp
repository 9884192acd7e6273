// Connections: the way from a wish to an upgraded line, and the moving of bytes.
#include "system.hpp"

namespace distworker::sim {

using namespace std::chrono_literals;

line* system::find_line(connection_id id) {
    const auto found = lines_.find(id);
    return found == lines_.end() ? nullptr : found->second.get();
}

void system::connect(worker_machine& machine, std::uint32_t slot, std::uint32_t generation) {
    const connection_id id = ++last_line_;
    pipe_faults faults = plan_.line;
    if (!faulty_) {
        faults = {.min_delay = 1ms};
    } else if (plan_.has(fault::cut_at_byte) && chance(random_, 20)) {
        faults.cut_at = number(random_, 0, 2'000);
    }
    auto made = std::make_unique<line>(faults, random_.next(), id);
    made->worker = machine.index;
    made->slot = slot;
    made->generation = generation;
    lines_.emplace(id, std::move(made));
    machine.runs->lines[slot] = id;

    if (faulty_ && chance(random_, plan_.connect_trouble)) {
        if (plan_.has(fault::connect_blackhole) && chance(random_, 50)) {
            result_.seen.hit("connect_blackhole");
            return; // nobody ever answers
        }
        const bool http = plan_.has(fault::upgrade_refused) && chance(random_, 50);
        if (http || plan_.has(fault::connect_refused)) {
            constexpr int answers[] = {401, 403, 404, 429, 500, 502, 503};
            const int status = http ? answers[number(random_, 0, std::size(answers) - 1)] : 0;
            result_.seen.hit(http ? "upgrade_refused" : "connect_refused");
            at(now_ + 1ms, [this, id, status] {
                if (line* const l = find_line(id); l != nullptr && l->at_worker) {
                    lost(workers_[l->worker], *l,
                         status != 0 ? link_end::kind::upgrade : link_end::kind::connect, status);
                }
            });
            return;
        }
    }
    at(now_ + 2 * faults.min_delay + 1ms, [this, id] { attempt(id); });
}

// The upgrade, once it has crossed the network.
void system::attempt(connection_id id) {
    line* const l = find_line(id);
    if (l == nullptr || !l->at_worker) {
        return;
    }
    worker_machine& machine = workers_[l->worker];
    if (controller_.engine == nullptr) {
        lost(machine, *l, link_end::kind::connect);
        return;
    }
    l->open = true;
    l->at_controller = true;
    controller_.engine->connected(id, wall_true());
    touched_ = true;
}

// Whether anything moved: then there may be room for more.
bool system::advance_lines() {
    std::vector<endpoint_event> events;
    std::uint64_t moved = 0;
    for (auto it = lines_.begin(); it != lines_.end();) {
        line& l = *it->second;
        if (!l.at_worker && !l.at_controller) {
            it = lines_.erase(it);
            continue;
        }
        ++it;
        if (!l.open) {
            continue;
        }
        worker_machine& machine = workers_[l.worker];
        const std::uint64_t before = l.up.delivered() + l.down.delivered();
        if (l.at_worker && awake(machine)) {
            if (!std::exchange(l.opened_told, true)) {
                machine.runs->group.with(l.slot, [&](worker_engine& engine) {
                    engine.opened(l.generation, machine.clock.read(now_));
                });
            }
            events.clear();
            l.client.advance(now_, events);
            for (endpoint_event& event : events) {
                if (l.at_worker) {
                    told(machine, l, event);
                }
            }
        }
        if (l.at_controller) {
            events.clear();
            l.server.advance(now_, events);
            for (endpoint_event& event : events) {
                if (l.at_controller) {
                    told_controller(l, event);
                }
            }
        }
        moved += l.up.delivered() + l.down.delivered() - before;
    }
    return moved > 0;
}

} // namespace distworker::sim
