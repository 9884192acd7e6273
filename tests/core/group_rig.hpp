// A worker group on virtual time with a scripted peer that accepts, or refuses, every slot.
#pragma once

#include "engine_rig.hpp"

#include <distworker/worker_group.hpp>

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <utility>
#include <vector>

namespace distworker::testing {

class group_rig {
public:
    explicit group_rig(std::uint64_t slots, worker_config config = default_config())
        : group{with_slots(std::move(config), slots).validate().value(), fake_signer(), 7} {}

    worker_group group;
    instant now{monotonic_time{1h}, wall_time{std::chrono::milliseconds{1'790'000'000'000}}};
    std::map<std::uint32_t, assigned_task> tasks;
    std::set<std::uint32_t> closed;
    std::vector<end_reason> stopped;
    std::vector<worker_health> health;
    /// Connections that were asked for, by slot, with their times.
    std::vector<std::pair<std::uint32_t, monotonic_time>> connects;
    /// Whether the peer ends each connection after REGISTER.
    bool refuse = false;
    output::idle last_idle;

    void drain() {
        for (;;) {
            group_output next = group.poll(now);
            if (const auto* idle = std::get_if<output::idle>(&next.out)) {
                last_idle = *idle;
                return;
            }
            perform(next);
        }
    }
    void pass(std::chrono::nanoseconds time) {
        const monotonic_time end = now.monotonic + time;
        drain();
        while (last_idle.deadline <= end) {
            now.monotonic = std::max(last_idle.deadline, now.monotonic);
            drain();
        }
        now.monotonic = end;
        drain();
    }
    void register_all(std::int32_t idle_time = 0) {
        ASSERT_TRUE(group.start(now));
        pass(6s);
        for (std::uint32_t slot = 0; slot < group.slots(); ++slot) {
            receive(slot, response_frame(idle_time));
        }
    }
    void receive(std::uint32_t slot, const std::vector<std::byte>& frame) {
        group.with(slot, [&](worker_engine& e) {
            e.received(e.generation(), message_kind::binary, frame, true, 0, now);
        });
        drain();
    }
    void lose(std::uint32_t slot) {
        group.with(slot, [&](worker_engine& e) {
            e.closed(e.generation(), {.what = link_end::kind::lost, .detail = {}}, now);
        });
        drain();
    }
    [[nodiscard]] engine_state state(std::uint32_t slot) const { return group.slot(slot).state(); }
    [[nodiscard]] std::vector<std::uint32_t> slots_in(engine_state state) const {
        std::vector<std::uint32_t> found;
        for (std::uint32_t slot = 0; slot < group.slots(); ++slot) {
            if (group.slot(slot).state() == state) {
                found.push_back(slot);
            }
        }
        return found;
    }
    void keep_alive(std::chrono::seconds time) {
        for (auto left = time; left > 0s; left -= 1s) {
            for (std::uint32_t slot = 0; slot < group.slots(); ++slot) {
                group.with(slot, [&](worker_engine& e) { e.pinged(e.generation(), now); });
            }
            pass(1s);
        }
    }

private:
    static worker_config with_slots(worker_config config, std::uint64_t slots) {
        config.slots = slots;
        return config;
    }
    void perform(group_output& next) {
        const std::uint32_t slot = next.slot;
        if (const auto* c = std::get_if<output::connect>(&next.out)) {
            connects.emplace_back(slot, now.monotonic);
            group.with(slot, [&](worker_engine& e) { e.opened(c->generation, now); });
        } else if (const auto* s = std::get_if<output::send>(&next.out)) {
            const auto frame = read_frame(s->bytes);
            if (const auto* beat = std::get_if<heartbeat_view>(&*frame)) {
                health.push_back(beat->health);
            }
            const bool refused = refuse && std::holds_alternative<worker_register_view>(*frame);
            group.with(slot, [&](worker_engine& e) {
                e.sent(s->generation, now);
                if (refused) {
                    e.closed(s->generation, {.what = link_end::kind::lost, .detail = {}}, now);
                }
            });
        } else if (const auto* p = std::get_if<output::ping>(&next.out)) {
            group.with(slot, [&](worker_engine& e) { e.pong(p->generation, p->payload, now); });
        } else if (const auto* a = std::get_if<output::assigned>(&next.out)) {
            tasks[slot] = a->task;
        } else if (const auto* x = std::get_if<output::close>(&next.out)) {
            closed.insert(slot);
            group.with(slot, [&](worker_engine& e) {
                e.closed(x->generation, {.what = link_end::kind::closed, .detail = {}}, now);
            });
        } else if (const auto* end = std::get_if<output::stopped>(&next.out)) {
            stopped.push_back(end->reason);
        }
    }
};

} // namespace distworker::testing
