// The engine's tasks on virtual time: assignments, copies, refusals, timeouts.
#include "engine_rig.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace distworker::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST(EngineTask, AnEarlyAssignmentIsHeldAndOthersAreRefusedAfterTheAnswer) {
    engine_rig rig;
    rig.connect();
    rig.assign({.id = "early"});
    rig.assign({.id = "early"});
    rig.assign({.id = "other"});
    EXPECT_THAT(rig.kinds(), ElementsAre("register"));
    EXPECT_THAT(rig.tasks, IsEmpty());
    rig.respond();
    ASSERT_THAT(rig.tasks, SizeIs(1));
    EXPECT_EQ(rig.tasks[0].id(), "early");
    EXPECT_THAT(rig.kinds(), ElementsAre("register", "heartbeat", "failed"));
    const auto refused = rig.all<task_failed_view>();
    EXPECT_EQ(refused[0].task_id, "other");
    EXPECT_EQ(refused[0].error_code, error_code::worker_busy);
    EXPECT_EQ(rig.engine.counters().coalesced, 1U);
}

TEST(EngineTask, HasAllThatWasAssigned) {
    engine_rig rig;
    rig.become_ready();
    const auto metadata = struct_bytes({{"tenant", "acme"}});
    const auto input = struct_bytes({{"a", 1}});
    task_assign_view said;
    said.task_id = "t";
    said.queue = "q";
    said.metadata = object_view{metadata};
    said.input = object_view{input};
    said.timeout_ms = 1500;
    byte_buffer frame;
    write_task_assign(frame, said, std::vector<file_view>{{.file_id = "f", .size = 7}});
    rig.receive(frame.bytes());
    ASSERT_THAT(rig.tasks, SizeIs(1));
    const assigned_task& task = rig.tasks[0];
    EXPECT_EQ(task.id(), "t");
    EXPECT_EQ(task.queue(), "q");
    EXPECT_EQ(task.metadata().find("tenant")->string(), "acme");
    EXPECT_EQ(task.input().find("a")->number(), 1.0);
    EXPECT_EQ(task.timeout_ms(), 1500);
    EXPECT_EQ(task.deadline(), rig.now.monotonic + 1500ms);
    EXPECT_EQ((*task.files().begin()).file_id, "f");
    EXPECT_EQ(task.document_bytes(), *check_payload(metadata) + *check_payload(input));
}

TEST(EngineTask, AHeldAssignmentProvesTheRegistrationWhenItsAnswerNeverComes) {
    engine_rig rig;
    rig.connect();
    rig.assign({.id = "early"});
    for (int i = 0; i < 5; ++i) {
        rig.peer_ping();
        rig.pass(3s);
    }
    ASSERT_THAT(rig.tasks, SizeIs(1));
    EXPECT_EQ(rig.engine.counters().unanswered_starts, 1U);
    EXPECT_EQ(rig.engine.state(), engine_state::busy);
    rig.answer_pings = true;
    ASSERT_TRUE(rig.complete());
    for (int i = 0; i < 5; ++i) {
        rig.peer_ping();
        rig.pass(3s);
    }
    EXPECT_EQ(rig.engine.state(), engine_state::ready) << "nobody has set a time for an idle worker";
}

TEST(EngineTask, ACopyOfTheRunningTaskIsTheSameDelivery) {
    engine_rig rig;
    rig.become_ready();
    rig.assign();
    rig.assign();
    EXPECT_THAT(rig.tasks, SizeIs(1));
    EXPECT_EQ(rig.engine.counters().coalesced, 1U);
    ASSERT_TRUE(rig.complete());
    EXPECT_THAT(rig.kinds(), ElementsAre("complete"));
}

TEST(EngineTask, ACopyCoalescesAsLongAsTheOutcomeIsNotWritten) {
    engine_rig rig;
    rig.become_ready();
    rig.hold_writes = true;
    rig.assign();
    ASSERT_TRUE(rig.complete());
    rig.assign();
    EXPECT_THAT(rig.tasks, SizeIs(1));
    rig.hold_writes = false;
    rig.write_done();
    rig.assign();
    EXPECT_THAT(rig.tasks, SizeIs(2)) << "after its terminal frame the same id is a new delivery";
}

TEST(EngineTask, ACopyCoalescesAlsoWhenALaterTaskHasEnded) {
    engine_rig rig;
    rig.become_ready();
    rig.hold_writes = true;
    for (const char* id : {"first", "second"}) {
        rig.assign({.id = id});
        ASSERT_TRUE(rig.complete());
    }
    rig.assign({.id = "first"});
    rig.assign({.id = "second"});
    EXPECT_THAT(rig.tasks, SizeIs(2));
    EXPECT_EQ(rig.engine.counters().coalesced, 2U);
}

TEST(EngineTask, ADifferentTaskWhileBusyIsRefusedAtOnce) {
    engine_rig rig;
    rig.become_ready();
    rig.assign({.id = "first"});
    rig.assign({.id = "second"});
    EXPECT_THAT(rig.tasks, SizeIs(1));
    const auto refused = rig.all<task_failed_view>();
    ASSERT_THAT(refused, SizeIs(1));
    EXPECT_EQ(refused[0].task_id, "second");
    EXPECT_EQ(refused[0].error_code, error_code::worker_busy);
    ASSERT_TRUE(rig.complete());
}

TEST(EngineTask, AStormFromAPeerThatReadsIsAnsweredForEver) {
    engine_rig rig;
    rig.answer_pings = true;
    rig.become_ready();
    rig.assign({.id = "first"});
    for (int i = 0; i < 10'000; ++i) {
        rig.assign({.id = "storm-" + std::to_string(i)});
        rig.pass(2ms);
    }
    EXPECT_THAT(rig.closes, IsEmpty());
    EXPECT_THAT(rig.all<task_failed_view>(), SizeIs(10'000));
}

TEST(EngineTask, AnAnswerToAnOlderDeliveryIsStaleAndEndsNothing) {
    engine_rig rig;
    rig.become_ready();
    rig.assign();
    ASSERT_TRUE(rig.complete(rig.tasks[0]));
    rig.assign(); // retried under the same id
    ASSERT_THAT(rig.tasks, SizeIs(2));
    EXPECT_EQ(rig.complete(rig.tasks[0]).error(), misuse::stale_delivery);
    EXPECT_EQ(rig.engine.state(), engine_state::busy);
    ASSERT_TRUE(rig.complete(rig.tasks[1]));
    EXPECT_THAT(rig.kinds(), ElementsAre("complete", "complete"));
    EXPECT_EQ(rig.engine.counters().stale, 1U);
}

TEST(EngineTask, ATimeoutAsksToStopAndAnswersWhenTheHandlerReturns) {
    engine_rig rig;
    rig.become_ready();
    rig.assign({.timeout_ms = 1000});
    EXPECT_EQ(rig.tasks[0].deadline(), rig.now.monotonic + 1s);
    rig.pass(1s);
    ASSERT_THAT(rig.stops, SizeIs(1));
    EXPECT_EQ(rig.stops[0].reason, stop_reason::timeout);
    EXPECT_THAT(rig.frames, IsEmpty());
    rig.pass(2s);
    ASSERT_TRUE(rig.complete()) << "the late result counts as the end, not as the answer";
    const auto failed = rig.all<task_failed_view>();
    ASSERT_THAT(failed, SizeIs(1));
    EXPECT_EQ(failed[0].error_code, error_code::timeout);
    EXPECT_THAT(rig.all<task_complete_view>(), IsEmpty());
    EXPECT_EQ(rig.engine.counters().abandoned, 0U);
}

TEST(EngineTask, AHandlerThatIgnoresItsTimeoutIsAbandonedAfterTheGrace) {
    engine_rig rig;
    rig.become_ready();
    rig.answer_pings = true;
    rig.assign({.timeout_ms = 1000});
    rig.pass(6s);
    const auto failed = rig.all<task_failed_view>();
    ASSERT_THAT(failed, SizeIs(1));
    EXPECT_EQ(failed[0].error_code, error_code::timeout);
    EXPECT_EQ(rig.engine.counters().abandoned, 1U);
    EXPECT_EQ(rig.engine.stuck(), 1U);
    rig.assign({.id = "next"});
    ASSERT_THAT(rig.tasks, SizeIs(2)) << "the slot goes on";
    EXPECT_EQ(rig.complete(rig.tasks[0]).error(), misuse::stale_delivery);
    EXPECT_EQ(rig.engine.stuck(), 0U);
    EXPECT_TRUE(rig.complete(rig.tasks[1]));
}

TEST(EngineTask, AHandlerWithoutGraceIsStillAskedToStop) {
    worker_config config = default_config();
    config.stop_grace = 0ms;
    engine_rig rig{config};
    rig.become_ready();
    rig.assign({.timeout_ms = 2'000});
    rig.pass(2s);
    ASSERT_THAT(rig.stops, SizeIs(1));
    EXPECT_EQ(rig.stops[0].reason, stop_reason::timeout);
    ASSERT_THAT(rig.all<task_failed_view>(), SizeIs(1));
    EXPECT_EQ(rig.all<task_failed_view>()[0].error_code, error_code::timeout);
    EXPECT_EQ(rig.engine.stuck(), 1U);
}

TEST(EngineTask, ATaskThatNobodyHasSeenHasNoStuckHandlerWhenItsTimeIsUp) {
    worker_config config = default_config();
    config.stop_grace = 0ms;
    engine_rig rig{config};
    rig.become_ready();
    const auto frame = assign_frame({.timeout_ms = 1});
    rig.engine.received(rig.generation(), message_kind::binary, frame, true, frame.size(), rig.now);
    rig.leap(10ms);
    rig.drain();
    EXPECT_THAT(rig.kinds(), ElementsAre("failed"));
    EXPECT_THAT(rig.tasks, IsEmpty());
    EXPECT_THAT(rig.stops, IsEmpty());
    EXPECT_EQ(rig.engine.stuck(), 0U);
}

TEST(EngineTask, WhatEndsWhileItsConnectionIsAwayTakesItsDeadlinesAlong) {
    worker_config config = default_config();
    config.worker_id = "w-1";
    config.session = session_policy::stable;
    engine_rig rig{config};
    rig.become_ready();
    rig.assign({.id = "timed", .timeout_ms = 3'000});
    rig.lose();
    ASSERT_TRUE(rig.complete());
    rig.pass_backoff();
    rig.connect();
    rig.respond();
    rig.assign({.id = "untimed"});
    rig.pass(4s);
    EXPECT_THAT(rig.stops, IsEmpty());
    EXPECT_EQ(rig.engine.counters().timed_out, 0U);
}

TEST(EngineTask, NothingBeginsAfterAStopDuringTheClosingHandshake) {
    engine_rig rig;
    rig.become_ready();
    const auto frame = assign_frame({});
    rig.engine.received(rig.generation(), message_kind::binary, frame, true, 0, rig.now);
    for (int parts = 0; parts <= 65'536; ++parts) {
        rig.engine.received(rig.generation(), message_kind::binary, {}, false, 0, rig.now);
    }
    ASSERT_EQ(rig.engine.state(), engine_state::closing);
    ASSERT_TRUE(rig.engine.stop(end_reason::signal, 5s, rig.now));
    rig.drain();
    EXPECT_THAT(rig.tasks, IsEmpty());
    rig.lose(link_end::kind::closed);
    EXPECT_THAT(rig.stops, IsEmpty());
    EXPECT_EQ(rig.engine.counters().lost_assignments, 1U);
    EXPECT_THAT(rig.stopped, ElementsAre(end_reason::signal));
}

TEST(EngineTask, TimeoutsOfNoneAndForEver) {
    for (const std::int64_t ms : {std::int64_t{0}, std::int64_t{-1}, INT64_MIN, INT64_MAX}) {
        engine_rig rig;
        rig.become_ready();
        rig.answer_pings = true;
        rig.assign({.timeout_ms = ms});
        rig.pass(1h);
        EXPECT_THAT(rig.stops, IsEmpty()) << ms;
        EXPECT_TRUE(rig.complete());
    }
}

TEST(EngineTask, AStormOfAssignmentsIsAViolationAtTheSixtyFifthRefusalWithoutReceipt) {
    engine_rig rig;
    rig.become_ready();
    rig.assign({.id = "first"});
    for (int i = 0; i < 64; ++i) {
        rig.assign({.id = "storm-" + std::to_string(i)});
    }
    EXPECT_THAT(rig.closes, IsEmpty());
    rig.assign({.id = "one too many"});
    EXPECT_THAT(rig.closes, ElementsAre(1008));
    rig.lose(link_end::kind::closed);
    EXPECT_EQ(rig.ends[0].end.cause, end_cause::peer_violation);
    EXPECT_THAT(rig.returned, SizeIs(64));
}

} // namespace
} // namespace distworker::testing
