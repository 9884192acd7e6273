// Snapshots of an engine and a group, and their words for people.
#include "engine_rig.hpp"

#include <distworker/worker_group.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace distworker::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(Snapshot, ShowsTheRunningTaskAndWhatWaits) {
    engine_rig rig;
    rig.become_ready(30);
    rig.assign({.id = "t-1", .queue = "math.add", .timeout_ms = 2'000});
    rig.hold_writes = true;
    ASSERT_TRUE(rig.engine.progress(rig.tasks.back().name(), 0.25, "a quarter", rig.now));
    rig.drain();
    engine_snapshot now = rig.engine.snapshot();
    EXPECT_EQ(now.state, engine_state::busy);
    EXPECT_EQ(now.idle_time, 30);
    ASSERT_TRUE(now.running);
    EXPECT_EQ(now.running->id, "t-1");
    EXPECT_EQ(now.running->queue, "math.add");
    EXPECT_EQ(now.running->deadline, rig.now.monotonic + 2s);
    EXPECT_EQ(now.running->fraction, 0.25);
    EXPECT_TRUE(now.running->told);
    EXPECT_EQ(now.deadline(deadline_reason::task_timeout), rig.now.monotonic + 2s);
    EXPECT_EQ(now.queued, 1U);
    EXPECT_GT(now.stream_bytes, 0U);
    ASSERT_TRUE(rig.complete());
    now = rig.engine.snapshot();
    EXPECT_FALSE(now.running);
    EXPECT_EQ(now.queued, 2U);
    EXPECT_GT(now.outbox_bytes, 0U);
    rig.hold_writes = false;
    rig.write_done();
    now = rig.engine.snapshot();
    EXPECT_EQ(now.written, 1U);
    EXPECT_EQ(now.counters.completed, 1U);
}

TEST(Snapshot, ShowsAnAssignmentThatIsHeld) {
    engine_rig rig;
    rig.connect();
    rig.assign({.id = "early"});
    EXPECT_EQ(rig.engine.snapshot().held_task, "early");
}

TEST(WhyNotReady, SaysNothingWhileTasksCanCome) {
    engine_rig rig;
    rig.become_ready();
    EXPECT_THAT(why_not_ready(rig.engine.snapshot()), IsEmpty());
    rig.assign();
    EXPECT_THAT(why_not_ready(rig.engine.snapshot()), IsEmpty());
}

TEST(WhyNotReady, TellsEachObstacleAndWhatComesNext) {
    worker_config config = default_config();
    config.controller = "ws://ctl.example:9000/worker?key=canary";
    engine_rig rig{config};
    const auto words = [&] { return why_not_ready(rig.engine.snapshot()); };
    EXPECT_EQ(words(), "not started");
    ASSERT_TRUE(rig.engine.start(rig.now));
    rig.drain();
    EXPECT_THAT(words(),
                AllOf(HasSubstr("connecting to ws://ctl.example:9000/worker"), HasSubstr("in 10 s")));
    EXPECT_THAT(words(), ::testing::Not(HasSubstr("canary")));
    rig.engine.opened(rig.generation(), rig.now);
    rig.pass(3s);
    EXPECT_THAT(words(), AllOf(HasSubstr("not answered the registration"), HasSubstr("in 12 s")));
    rig.lose();
    EXPECT_THAT(words(), AllOf(HasSubstr("the next attempt is in"), HasSubstr("token")));
    rig.engine.hold_connects(rig.now);
    EXPECT_THAT(words(), HasSubstr("another slot tries first"));
    rig.engine.release_connects(0s, rig.now);
    ASSERT_TRUE(rig.engine.pause(rig.now));
    EXPECT_THAT(words(), HasSubstr("resume()"));
    ASSERT_TRUE(rig.engine.resume(rig.now));
    rig.pass(6s);
    rig.become_ready();
    rig.assign();
    ASSERT_TRUE(rig.engine.pause(rig.now));
    EXPECT_THAT(words(), AllOf(HasSubstr("about to pause"), HasSubstr("a task still runs")));
    ASSERT_TRUE(rig.engine.stop(end_reason::signal, 10s, rig.now));
    EXPECT_THAT(words(), AllOf(HasSubstr("told to end"), HasSubstr("over in at most 10 s")));
    ASSERT_TRUE(rig.complete());
    EXPECT_THAT(words(), HasSubstr("on their way"));
    rig.pass(11s);
    EXPECT_THAT(words(), HasSubstr("closing the connection"));
    rig.pass(6s);
    EXPECT_THAT(words(), HasSubstr("stopped: the process was told to end"));
}

TEST(WhyNotReady, TellsWhyItEnds) {
    using enum end_reason;
    const std::pair<end_reason, const char*> cases[] = {
        {stop_requested, "the application stopped it"},
        {signal, "the process was told to end"},
        {idle, "nothing ran for the controller's idle time"},
        {attempts_exhausted, "max_reconnect_attempts attempts in a row failed"},
        {session_gone, "the controller has no session for this worker id any more"},
        {stuck_handlers, "max_stuck handlers ignored their stop request"},
    };
    for (const auto& [why, words] : cases) {
        engine_rig rig;
        rig.become_ready();
        ASSERT_TRUE(rig.engine.stop(why, 10s, rig.now));
        EXPECT_EQ(why_not_ready(rig.engine.snapshot()),
                  "ending: " + std::string{words} + "; over in at most 1 s");
        rig.lose();
        EXPECT_EQ(why_not_ready(rig.engine.snapshot()),
                  "stopped: " + std::string{words} + "; the last connection ended: peer_closed, lost: test");
    }
}

TEST(WhyNotReady, OfAStateThatDoesNotExistHasNoWords) {
    engine_snapshot odd;
    odd.state = static_cast<engine_state>(99);
    EXPECT_THAT(why_not_ready(odd), IsEmpty());
    odd.state = engine_state::stopped;
    odd.ending = static_cast<end_reason>(99);
    EXPECT_EQ(why_not_ready(odd), "stopped: unknown");
}

TEST(WhyNotReady, TellsOfARegistrationThatIsAboutToGoOut) {
    engine_rig rig;
    ASSERT_TRUE(rig.engine.start(rig.now));
    rig.drain();
    rig.engine.opened(rig.generation(), rig.now);
    EXPECT_EQ(why_not_ready(rig.engine.snapshot()),
              "connected, and the controller has not answered the registration yet");
}

TEST(WhyNotReady, TellsOfHandlersThatHoldTheRegistrationUp) {
    engine_rig rig;
    rig.become_ready();
    rig.assign();
    rig.lose();
    rig.frames.clear();
    rig.pass_backoff();
    rig.connect();
    ASSERT_THAT(rig.frames, IsEmpty());
    EXPECT_THAT(why_not_ready(rig.engine.snapshot()), HasSubstr("waits for 1 handlers"));
}

TEST(WhyNotReady, OfAGroupIsTheSlotsInOne) {
    worker_config config = default_config();
    config.slots = 3;
    worker_group group{config.validate().value(), fake_signer(), 7};
    EXPECT_EQ(why_not_ready(group.snapshot()), "not started");
    const instant now{monotonic_time{1h}, wall_time{}};
    ASSERT_TRUE(group.start(now));
    EXPECT_THAT(why_not_ready(group.snapshot()),
                AllOf(HasSubstr("1 of 3 slots: connecting"), HasSubstr("2 of 3 slots: not connected")));
    EXPECT_EQ(group.snapshot().slots.size(), 3U);
    group_snapshot one_ready = group.snapshot();
    one_ready.slots[1].state = engine_state::ready;
    EXPECT_THAT(why_not_ready(one_ready), IsEmpty()) << "a task can come to that one";
}

} // namespace
} // namespace distworker::testing
