// Several slots as one worker, on virtual time.
#include "group_rig.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

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

TEST(WorkerGroup, TheDeadlineIsTheEarliestOfAllSlots) {
    group_rig rig{50};
    rig.register_all();
    rig.receive(17, assign_frame({.id = "x", .timeout_ms = 2000}));
    EXPECT_EQ(rig.last_idle.deadline, rig.now.monotonic + 2s);
    EXPECT_EQ(rig.last_idle.reason, deadline_reason::task_timeout);
}

} // namespace
} // namespace distworker::testing
