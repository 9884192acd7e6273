// Several slots as one worker, on virtual time.
#include "group_rig.hpp"

#include <distworker/deadline_heap.hpp>
#include <distworker/random.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace distworker::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

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

TEST(WorkerGroup, CallsOutOfPlaceAreMisuse) {
    group_rig rig{2};
    EXPECT_EQ(rig.group.stop(end_reason::signal, 1s, rig.now).error(), misuse::not_in_state);
    EXPECT_EQ(rig.group.pause(rig.now).error(), misuse::not_in_state);
    EXPECT_EQ(rig.group.resume(rig.now).error(), misuse::not_in_state);
    rig.register_all();
    EXPECT_EQ(rig.group.start(rig.now).error(), misuse::not_in_state);
    const delivery nowhere{.slot = 2, .generation = 1, .serial = 1};
    EXPECT_EQ(rig.group.complete(nowhere, outcome{}, rig.now).error(), misuse::unknown_slot);
    EXPECT_EQ(rig.group.progress(nowhere, 0.5, "", rig.now).error(), misuse::unknown_slot);
    EXPECT_EQ(rig.group.stream(nowhere, stream_item{}, rig.now).error(), misuse::unknown_slot);

    worker_config one_shot = default_config();
    one_shot.worker_id = "w";
    group_rig provisioned{1, one_shot};
    provisioned.register_all();
    EXPECT_EQ(provisioned.group.pause(provisioned.now).error(), misuse::not_in_state);
}

TEST(WorkerGroup, CallsAfterItsLastSlotHasEndedAreMisuse) {
    worker_config config = default_config();
    config.max_reconnect_attempts = 0;
    group_rig rig{1, config};
    rig.register_all();
    rig.lose(0);
    ASSERT_EQ(rig.stopped.size(), 1U);
    EXPECT_EQ(rig.group.stop(end_reason::signal, 1s, rig.now).error(), misuse::not_in_state);
    EXPECT_EQ(rig.group.pause(rig.now).error(), misuse::not_in_state);
    EXPECT_EQ(rig.group.resume(rig.now).error(), misuse::not_in_state);
    EXPECT_EQ(rig.group.set_slots(2, rig.now).error(), misuse::not_in_state);
}

TEST(WorkerGroup, EverySlotReportsTheUsage) {
    group_rig rig{2};
    rig.group.set_usage({.cpu_percent = 12.5F, .memory_used_mb = 100, .gpu_utilization = 1.5F});
    rig.register_all();
    ASSERT_TRUE(rig.group.set_slots(3, rig.now));
    rig.group.set_usage({.cpu_percent = 50.0F, .memory_used_mb = 200, .gpu_utilization = 0});
    for (std::uint32_t slot = 0; slot < 3; ++slot) {
        EXPECT_EQ(rig.group.slot(slot).snapshot().usage.cpu_percent, 50.0F);
        EXPECT_EQ(rig.group.slot(slot).snapshot().usage.memory_used_mb, 200);
    }
}

TEST(WorkerGroup, CountsTheEventsOfAllSlots) {
    group_rig rig{3};
    rig.register_all();
    for (std::uint32_t slot = 0; slot < 3; ++slot) {
        rig.group.with(slot, [&](worker_engine& e) {
            e.sent(e.generation() + 1, rig.now);
            e.alive(e.generation(), {rig.now.monotonic - 1s, rig.now.wall});
        });
    }
    EXPECT_EQ(rig.group.counters().stale_events, 3U);
    EXPECT_EQ(rig.group.counters().clock_steps_back, 3U);
}

TEST(DeadlineHeap, KnowsTheEarliestOfAny) {
    constexpr std::uint32_t slots = 50;
    deadline_heap heap;
    std::vector<monotonic_time> times(slots, never);
    for (std::uint32_t slot = 0; slot < slots; ++slot) {
        heap.add();
    }
    seeded_random random{7};
    for (int round = 0; round < 5'000; ++round) {
        const auto slot = static_cast<std::uint32_t>(random.next() % slots);
        const auto at =
            random.next() % 8 == 0
                ? never
                : monotonic_time{std::chrono::seconds{static_cast<std::int64_t>(random.next() % 1'000)}};
        times[slot] = at;
        heap.set(slot, at, deadline_reason::heartbeat);
        ASSERT_EQ(heap.first().at, std::ranges::min(times));
        ASSERT_EQ(times[heap.first().slot], heap.first().at);
    }
}

TEST(WorkerGroup, TheDeadlineIsTheEarliestOfAllSlots) {
    group_rig rig{50};
    rig.register_all();
    rig.receive(17, assign_frame({.id = "x", .timeout_ms = 2000}));
    EXPECT_EQ(rig.last_idle.deadline, rig.now.monotonic + 2s);
    EXPECT_EQ(rig.last_idle.reason, deadline_reason::task_timeout);
}

TEST(WorkerGroup, ComesToRestAtTheEndOfTimeToo) {
    group_rig rig{2};
    rig.register_all();
    rig.now.monotonic = never;
    rig.group.tick(rig.now);
    rig.drain();
    EXPECT_EQ(rig.last_idle.deadline, never);
}

} // namespace
} // namespace distworker::testing
