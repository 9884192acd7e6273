// Pausing and resuming one slot, and keeping it from connecting.
#include "engine_rig.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace distworker::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST(EnginePause, FinishesTheTaskHoweverLongItTakesAndClosesWith1000) {
    engine_rig rig;
    rig.answer_pings = true;
    rig.become_ready();
    rig.assign();
    ASSERT_TRUE(rig.engine.pause(rig.now));
    for (int minute = 0; minute < 60; ++minute) {
        rig.pass(1min - 1s);
        rig.peer_ping();
        rig.pass(1s);
    }
    EXPECT_EQ(rig.engine.state(), engine_state::draining);
    EXPECT_THAT(rig.stops, IsEmpty());
    ASSERT_TRUE(rig.complete());
    rig.pass(2s);
    EXPECT_THAT(rig.closes, ElementsAre(1000));
    rig.lose(link_end::kind::closed);
    EXPECT_EQ(rig.engine.state(), engine_state::paused);
    EXPECT_EQ(rig.engine.counters().receipted, 1U);
    EXPECT_THAT(rig.stopped, IsEmpty());
    EXPECT_EQ(rig.last_idle.deadline, never);
    rig.pass(24h);
    EXPECT_THAT(rig.connects, SizeIs(1));
}

TEST(EnginePause, RefusesWhatIsAssignedMeanwhile) {
    engine_rig rig;
    rig.become_ready();
    rig.assign();
    ASSERT_TRUE(rig.engine.pause(rig.now));
    rig.assign({.id = "task-2"});
    const auto failed = rig.all<task_failed_view>();
    ASSERT_THAT(failed, SizeIs(1));
    EXPECT_EQ(failed[0].task_id, "task-2");
    EXPECT_EQ(failed[0].error_code, error_code::worker_shutdown);
    EXPECT_THAT(failed[0].error_message, HasSubstr("pauses"));
}

TEST(EnginePause, ATaskThatTheApplicationHasNotSeenStillRuns) {
    engine_rig rig;
    rig.become_ready();
    rig.engine.received(rig.generation(), message_kind::binary, assign_frame({}), true, 0, rig.now);
    ASSERT_TRUE(rig.engine.pause(rig.now));
    rig.drain();
    ASSERT_THAT(rig.tasks, SizeIs(1));
    EXPECT_TRUE(rig.complete());
}

TEST(EnginePause, ResumeConnectsAgainAndRegistersAnew) {
    engine_rig rig;
    rig.answer_pings = true;
    rig.become_ready();
    ASSERT_TRUE(rig.engine.pause(rig.now));
    rig.pass(2s);
    rig.lose(link_end::kind::closed);
    rig.pass(1h);
    ASSERT_TRUE(rig.engine.resume(rig.now));
    rig.drain();
    EXPECT_THAT(rig.connects, ElementsAre(1U, 2U));
    rig.become_ready();
    EXPECT_EQ(rig.engine.state(), engine_state::ready);
}

TEST(EnginePause, ResumeWithinTheDrainGoesOnInTheSameConnection) {
    for (const bool with_task : {false, true}) {
        engine_rig rig;
        rig.become_ready();
        if (with_task) {
            rig.assign();
        }
        ASSERT_TRUE(rig.engine.pause(rig.now));
        rig.drain();
        ASSERT_TRUE(rig.engine.resume(rig.now));
        rig.drain();
        EXPECT_EQ(rig.engine.state(), with_task ? engine_state::busy : engine_state::ready);
        for (int i = 0; i < 5; ++i) { // the deadlines of the drain are gone
            rig.pass(3s);
            rig.peer_ping();
        }
        EXPECT_THAT(rig.closes, IsEmpty());
        if (with_task) {
            EXPECT_TRUE(rig.complete());
        }
        rig.assign({.id = "next"});
        EXPECT_EQ(rig.tasks.back().id(), "next");
    }
}

TEST(EnginePause, ResumeWhileItClosesConnectsAgain) {
    engine_rig rig;
    rig.answer_pings = true;
    rig.become_ready();
    ASSERT_TRUE(rig.engine.pause(rig.now));
    rig.pass(2s);
    ASSERT_EQ(rig.engine.state(), engine_state::closing);
    ASSERT_TRUE(rig.engine.resume(rig.now));
    rig.lose(link_end::kind::closed);
    EXPECT_EQ(rig.engine.state(), engine_state::backoff);
    rig.pass(6s);
    EXPECT_THAT(rig.connects, SizeIs(2));
}

TEST(EnginePause, NoTwoAttemptsAreCloserThanTheLimit) {
    engine_rig rig;
    ASSERT_TRUE(rig.engine.start(rig.now));
    rig.drain();
    const monotonic_time begin = rig.now.monotonic;
    for (int i = 0; i < 100; ++i) {
        ASSERT_TRUE(rig.engine.pause(rig.now));
        rig.drain();
        ASSERT_TRUE(rig.engine.resume(rig.now));
        rig.pass(10ms);
    }
    const auto most = (rig.now.monotonic - begin) / min_reconnect_delay + 1;
    EXPECT_LE(static_cast<std::int64_t>(rig.connects.size()), most);
    EXPECT_GT(rig.connects.size(), 1U);
}

TEST(EnginePause, ARefusalIsNotForgottenByPausing) {
    engine_rig rig;
    rig.connect();
    rig.lose();
    rig.pass_backoff();
    rig.connect();
    rig.lose(); // the second end before an answer: refused, 30 s at least
    const monotonic_time retry_at = rig.ends.back().end.retry_at;
    ASSERT_TRUE(rig.engine.pause(rig.now));
    ASSERT_TRUE(rig.engine.resume(rig.now));
    rig.drain();
    EXPECT_EQ(rig.last_idle.reason, deadline_reason::reconnect);
    EXPECT_EQ(rig.last_idle.deadline, retry_at);
}

TEST(EnginePause, IsMisuseWhereItMeansNothing) {
    engine_rig rig;
    EXPECT_EQ(rig.engine.pause(rig.now).error(), misuse::not_in_state);
    EXPECT_EQ(rig.engine.resume(rig.now).error(), misuse::not_in_state);
    rig.become_ready();
    EXPECT_TRUE(rig.engine.resume(rig.now)) << "nothing to resume";
    EXPECT_TRUE(rig.engine.pause(rig.now));
    EXPECT_TRUE(rig.engine.pause(rig.now)) << "paused already";
    ASSERT_TRUE(rig.engine.stop(end_reason::signal, 1s, rig.now));
    EXPECT_EQ(rig.engine.pause(rig.now).error(), misuse::not_in_state);
    EXPECT_EQ(rig.engine.resume(rig.now).error(), misuse::not_in_state);

    worker_config one_shot = default_config();
    one_shot.worker_id = "w-1";
    engine_rig provisioned{one_shot};
    provisioned.become_ready();
    EXPECT_EQ(provisioned.engine.pause(provisioned.now).error(), misuse::not_in_state);
}

TEST(EnginePause, StopEndsAPausedOne) {
    engine_rig rig;
    rig.become_ready();
    rig.lose();
    ASSERT_TRUE(rig.engine.pause(rig.now));
    ASSERT_TRUE(rig.engine.stop(end_reason::signal, 1s, rig.now));
    rig.drain();
    EXPECT_THAT(rig.stopped, ElementsAre(end_reason::signal));
}

TEST(EngineHold, KeepsFromConnectingUntilReleased) {
    engine_rig rig;
    rig.become_ready();
    rig.engine.hold_connects(rig.now);
    rig.assign();
    EXPECT_TRUE(rig.complete()) << "a connection that is there goes on";
    rig.lose();
    rig.pass(1h);
    EXPECT_THAT(rig.connects, SizeIs(1));
    EXPECT_EQ(rig.last_idle.deadline, never);
    rig.engine.release_connects(3s, rig.now);
    rig.pass(2s);
    EXPECT_THAT(rig.connects, SizeIs(1));
    rig.pass(1s);
    EXPECT_THAT(rig.connects, SizeIs(2));
}

TEST(EngineHold, LeavesAWaitThatIsNotOverAlone) {
    engine_rig rig;
    rig.become_ready();
    rig.lose();
    rig.engine.hold_connects(rig.now);
    rig.engine.release_connects(0s, rig.now);
    rig.drain();
    EXPECT_EQ(rig.last_idle.deadline, rig.ends.back().end.retry_at);
}

TEST(EngineHold, HoldsTheFirstAttemptToo) {
    engine_rig rig;
    rig.engine.hold_connects(rig.now);
    ASSERT_TRUE(rig.engine.start(rig.now));
    rig.pass(1h);
    EXPECT_THAT(rig.connects, IsEmpty());
    rig.engine.release_connects(0s, rig.now);
    rig.drain();
    EXPECT_THAT(rig.connects, SizeIs(1));
}

TEST(EngineHold, ThatMadeAnAttemptWaitOutlastsAPause) {
    engine_rig rig;
    rig.become_ready();
    rig.engine.hold_connects(rig.now);
    rig.lose();
    rig.pass(1h); // an attempt is due, and held
    ASSERT_TRUE(rig.engine.pause(rig.now));
    rig.pass(1h);
    ASSERT_TRUE(rig.engine.resume(rig.now));
    rig.pass(1h);
    EXPECT_THAT(rig.connects, SizeIs(1));
    rig.engine.release_connects(0s, rig.now);
    rig.drain();
    EXPECT_THAT(rig.connects, SizeIs(2));
}

TEST(EngineStop, AnInterruptOfAProvisionedWorkerFitsIntoFiveSeconds) {
    worker_config config = default_config();
    config.worker_id = "w-1";
    engine_rig rig{config};
    rig.become_ready();
    rig.assign();
    const monotonic_time begin = rig.now.monotonic;
    ASSERT_TRUE(rig.engine.stop(end_reason::signal, provisioned_interrupt, rig.now));
    rig.pass(10s); // the handler does not end, the peer does not answer
    ASSERT_THAT(rig.stopped, ElementsAre(end_reason::signal));
    const auto failed = rig.all<task_failed_view>();
    ASSERT_THAT(failed, SizeIs(1));
    EXPECT_EQ(failed[0].error_code, error_code::worker_shutdown);
    EXPECT_EQ(rig.frames.back().at - begin, 3s);
    EXPECT_THAT(rig.closes, ElementsAre(1001));
    EXPECT_THAT(rig.aborts, SizeIs(1));
    EXPECT_EQ(rig.engine.snapshot().at - begin, 10s);
    EXPECT_EQ(rig.returned.size(), 1U);
}

} // namespace
} // namespace distworker::testing
