// Several slots as one worker, on virtual time.
#include "engine_rig.hpp"

#include <distworker/worker_group.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

namespace distworker::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

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
            group.with(slot, [&](worker_engine& e) { e.opened(c->generation, now); });
        } else if (const auto* s = std::get_if<output::send>(&next.out)) {
            const auto frame = read_frame(s->bytes);
            if (const auto* beat = std::get_if<heartbeat_view>(&*frame)) {
                health.push_back(beat->health);
            }
            group.with(slot, [&](worker_engine& e) { e.sent(s->generation, now); });
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

TEST(WorkerGroup, RegistersEverySlotAndRunsOneTaskOnEach) {
    group_rig rig{5};
    rig.register_all();
    EXPECT_EQ(rig.group.counters().registrations, 5U);
    for (std::uint32_t slot = 0; slot < 5; ++slot) {
        rig.receive(slot, assign_frame({.id = "task-" + std::to_string(slot)}));
    }
    ASSERT_THAT(rig.tasks, SizeIs(5));
    for (auto& [slot, task] : rig.tasks) {
        EXPECT_EQ(task.name().slot, slot);
        EXPECT_TRUE(rig.group.complete(task.name(), engine_rig::result_for(task), rig.now));
    }
    rig.pass(1s);
    EXPECT_EQ(rig.group.counters().receipted, 5U);
    EXPECT_EQ(rig.group.complete({.slot = 99}, outcome{}, rig.now).error(), misuse::unknown_slot);
}

TEST(WorkerGroup, LeavesForIdlenessOnlyWhenEverySlotIsIdle) {
    group_rig rig{3};
    rig.register_all(10);
    rig.receive(1, assign_frame({}));
    rig.keep_alive(60s);
    EXPECT_THAT(rig.closed, IsEmpty());
    ASSERT_TRUE(rig.group.complete(rig.tasks[1].name(), engine_rig::result_for(rig.tasks[1]), rig.now));
    rig.keep_alive(9s);
    EXPECT_THAT(rig.stopped, IsEmpty());
    rig.keep_alive(3s);
    EXPECT_THAT(rig.stopped, ElementsAre(end_reason::idle));
    EXPECT_THAT(rig.closed, SizeIs(3));
}

TEST(WorkerGroup, StopsOnceAfterItsLastSlot) {
    group_rig rig{3};
    rig.register_all();
    rig.receive(2, assign_frame({}));
    ASSERT_TRUE(rig.group.stop(end_reason::signal, 25s, rig.now));
    rig.drain();
    EXPECT_THAT(rig.closed, SizeIs(2));
    EXPECT_THAT(rig.stopped, IsEmpty());
    ASSERT_TRUE(rig.group.complete(rig.tasks[2].name(), engine_rig::result_for(rig.tasks[2]), rig.now));
    rig.pass(1s);
    EXPECT_THAT(rig.stopped, ElementsAre(end_reason::signal));
    EXPECT_FALSE(rig.group.stop(end_reason::signal, 25s, rig.now));
}

TEST(WorkerGroup, StuckHandlersWarnThenBringTheWorkerDown) {
    worker_config config = default_config();
    config.max_stuck = 2;
    group_rig rig{3, config};
    rig.register_all();
    rig.receive(0, assign_frame({.id = "a", .timeout_ms = 1000}));
    rig.keep_alive(40s);
    EXPECT_EQ(rig.group.stuck(), 1U);
    EXPECT_EQ(rig.health.back(), worker_health::warn);
    EXPECT_THAT(rig.stopped, IsEmpty());
    rig.receive(1, assign_frame({.id = "b", .timeout_ms = 1000}));
    rig.keep_alive(30s);
    EXPECT_THAT(rig.stopped, ElementsAre(end_reason::stuck_handlers));
}

TEST(WorkerGroup, TheDeadlineIsTheEarliestOfAllSlots) {
    group_rig rig{50};
    rig.register_all();
    rig.receive(17, assign_frame({.id = "x", .timeout_ms = 2000}));
    EXPECT_EQ(rig.last_idle.deadline, rig.now.monotonic + 2s);
    EXPECT_EQ(rig.last_idle.reason, deadline_reason::task_timeout);
}

} // namespace
} // namespace distworker::testing
