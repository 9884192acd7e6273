// How an engine ends in order.
#include "engine_rig.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace distworker::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST(EngineDrain, ATaskThatNobodyHasSeenWhenTheDrainBeginsIsRefused) {
    engine_rig rig;
    rig.become_ready();
    rig.engine.received(1, message_kind::binary, assign_frame({}), true, 0, rig.now);
    ASSERT_TRUE(rig.engine.stop(end_reason::stop_requested, 5s, rig.now));
    rig.drain();
    EXPECT_THAT(rig.tasks, IsEmpty());
    ASSERT_THAT(rig.kinds(), ElementsAre("failed"));
    EXPECT_EQ(rig.all<task_failed_view>()[0].error_code, "WORKER_SHUTDOWN");
}

TEST(EngineDrain, ATaskHeldForAFullOutboxWhenTheDrainBeginsIsRefused) {
    worker_config config = default_config();
    config.outbox_bytes = 64 << 10;
    engine_rig rig{config};
    rig.become_ready();
    rig.assign({.id = "large"});
    outcome_writer large{rig.tasks[0]};
    large.result().member("text", std::string(100'000, 'x'));
    ASSERT_TRUE(rig.engine.complete(rig.tasks[0].name(), std::move(large).complete(), rig.now));
    rig.drain();
    rig.assign({.id = "held"});
    EXPECT_EQ(rig.tasks.size(), 1U);
    ASSERT_TRUE(rig.engine.stop(end_reason::stop_requested, 5s, rig.now));
    rig.drain();
    ASSERT_EQ(rig.all<task_failed_view>().size(), 1U);
    EXPECT_EQ(rig.all<task_failed_view>()[0].task_id, "held");
    EXPECT_EQ(rig.all<task_failed_view>()[0].error_code, "WORKER_SHUTDOWN");
    EXPECT_EQ(rig.tasks.size(), 1U);
}

TEST(EngineDrain, ADrainAsksTheTaskToStopAndAnswersForItOneSecondBeforeTheEnd) {
    engine_rig rig;
    rig.answer_pings = true;
    rig.become_ready();
    rig.assign();
    ASSERT_TRUE(rig.engine.stop(end_reason::signal, 25s, rig.now));
    rig.pass(19'999ms);
    EXPECT_THAT(rig.stops, IsEmpty());
    rig.pass(1ms);
    ASSERT_THAT(rig.stops, SizeIs(1));
    EXPECT_EQ(rig.stops[0].reason, stop_reason::shutdown);
    rig.pass(3999ms);
    EXPECT_THAT(rig.all<task_failed_view>(), IsEmpty());
    rig.pass(1ms);
    ASSERT_THAT(rig.all<task_failed_view>(), SizeIs(1));
    EXPECT_EQ(rig.all<task_failed_view>()[0].error_code, error_code::worker_shutdown);
    EXPECT_THAT(rig.closes, ElementsAre(1001));
}

TEST(EngineDrain, WhoseTimeHasPassedIsAnsweredTimeoutHoweverTheDrainEnds) {
    engine_rig rig;
    rig.answer_pings = true;
    rig.become_ready();
    rig.assign({.timeout_ms = 1000});
    ASSERT_TRUE(rig.engine.stop(end_reason::signal, 4s, rig.now));
    rig.pass(3s);
    ASSERT_THAT(rig.all<task_failed_view>(), SizeIs(1));
    EXPECT_EQ(rig.all<task_failed_view>()[0].error_code, error_code::timeout);
}

TEST(EngineDrain, AShortDrainAsksAtOnce) {
    engine_rig rig;
    rig.answer_pings = true;
    rig.become_ready();
    rig.assign();
    ASSERT_TRUE(rig.engine.stop(end_reason::signal, 4s, rig.now));
    rig.pass(1ms);
    EXPECT_THAT(rig.stops, SizeIs(1));
    rig.pass(3s);
    EXPECT_THAT(rig.all<task_failed_view>(), SizeIs(1));
}

TEST(EngineDrain, AnIdleSlotAsksOnceMoreBeforeItLeavesAndWaitsAtMostASecond) {
    engine_rig rig;
    rig.become_ready();
    ASSERT_TRUE(rig.engine.stop(end_reason::stop_requested, 25s, rig.now));
    rig.drain();
    EXPECT_THAT(rig.pings, SizeIs(1));
    EXPECT_THAT(rig.closes, IsEmpty());
    rig.pass(999ms);
    EXPECT_THAT(rig.closes, IsEmpty());
    rig.pass(1ms);
    EXPECT_THAT(rig.closes, ElementsAre(1000));
}

TEST(EngineDrain, ADrainIsOverAfterItsTimeAndTheCloseTimeoutWhateverThePeerDoes) {
    engine_rig rig;
    rig.become_ready();
    rig.assign();
    ASSERT_TRUE(rig.engine.stop(end_reason::signal, 25s, rig.now));
    rig.pass(30s);
    EXPECT_THAT(rig.stopped, ElementsAre(end_reason::signal));
}

TEST(EngineDrain, ADrainFinishesTheTaskGetsItsReceiptAndClosesWith1001) {
    engine_rig rig;
    rig.become_ready();
    rig.assign();
    ASSERT_TRUE(rig.engine.stop(end_reason::signal, 25s, rig.now));
    rig.drain();
    EXPECT_EQ(rig.engine.state(), engine_state::draining);
    rig.assign({.id = "late"});
    ASSERT_THAT(rig.all<task_failed_view>(), SizeIs(1));
    EXPECT_EQ(rig.all<task_failed_view>()[0].error_code, error_code::worker_shutdown);
    rig.peer_ping();
    rig.pass(5s);
    EXPECT_THAT(rig.stops, IsEmpty());
    ASSERT_TRUE(rig.complete());
    ASSERT_FALSE(rig.pings.empty());
    EXPECT_THAT(rig.closes, IsEmpty());
    rig.pong();
    EXPECT_THAT(rig.closes, ElementsAre(1001));
    rig.lose(link_end::kind::closed);
    EXPECT_THAT(rig.stopped, ElementsAre(end_reason::signal));
    EXPECT_THAT(rig.returned, IsEmpty());
}

TEST(EngineDrain, ADrainEndsAtItsDeadlineAndHandsBackWhatHasNoReceipt) {
    engine_rig rig;
    rig.become_ready();
    rig.assign();
    ASSERT_TRUE(rig.complete());
    ASSERT_TRUE(rig.engine.stop(end_reason::stop_requested, 25s, rig.now));
    rig.drain();
    for (int i = 0; i < 5; ++i) {
        rig.peer_ping();
        rig.pass(5s);
    }
    EXPECT_THAT(rig.closes, ElementsAre(1000));
    rig.lose(link_end::kind::closed);
    EXPECT_THAT(rig.returned, SizeIs(1));
    EXPECT_THAT(rig.stopped, ElementsAre(end_reason::stop_requested));
}

// Found by the simulator: the second that an idle slot waits cut the wait for the refusal's receipt short.
TEST(EngineDrain, ARefusalInTheLastSecondGetsTheRestOfTheDrainForItsReceipt) {
    engine_rig rig;
    rig.become_ready();
    ASSERT_TRUE(rig.engine.stop(end_reason::stop_requested, 25s, rig.now));
    rig.pass(500ms);
    rig.assign({.id = "late"});
    ASSERT_THAT(rig.all<task_failed_view>(), SizeIs(1));
    rig.pass(5s);
    EXPECT_THAT(rig.closes, IsEmpty());
    rig.pong();
    EXPECT_THAT(rig.closes, ElementsAre(1000));
    rig.lose(link_end::kind::closed);
    EXPECT_THAT(rig.returned, IsEmpty());
}

TEST(EngineDrain, ARefusalWithoutAReceiptIsHandedBackAtTheEndOfTheDrain) {
    engine_rig rig;
    rig.become_ready();
    ASSERT_TRUE(rig.engine.stop(end_reason::stop_requested, 9s, rig.now));
    rig.pass(500ms);
    rig.assign({.id = "late"});
    rig.pass(8'499ms);
    EXPECT_THAT(rig.closes, IsEmpty());
    rig.pass(1ms);
    EXPECT_THAT(rig.closes, ElementsAre(1000));
    rig.lose(link_end::kind::closed);
    EXPECT_THAT(rig.returned, SizeIs(1));
}

TEST(EngineDrain, EndsInOrderAlsoUnderADeafController) {
    engine_rig rig;
    rig.answer_pings = true;
    rig.become_ready();
    rig.peer_ping();
    rig.assign();
    rig.pass(1min); // its own pings have stopped, and it still answers ours
    ASSERT_THAT(rig.closes, IsEmpty());
    ASSERT_TRUE(rig.engine.stop(end_reason::signal, 25s, rig.now));
    ASSERT_TRUE(rig.complete());
    rig.pass(1s);
    ASSERT_THAT(rig.closes, ElementsAre(1001));
    rig.lose(link_end::kind::closed);
    EXPECT_EQ(rig.ends.back().end.cause, end_cause::local);
    EXPECT_THAT(rig.stopped, ElementsAre(end_reason::signal));
}

} // namespace
} // namespace distworker::testing
