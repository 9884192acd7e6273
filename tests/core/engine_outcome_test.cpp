// What becomes of outcomes: receipts, the outbox, connections that end first.
#include "engine_rig.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace distworker::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST(EngineOutcome, RunsATaskAndGetsItsReceipt) {
    engine_rig rig;
    rig.become_ready();
    rig.assign();
    ASSERT_THAT(rig.tasks, SizeIs(1));
    EXPECT_EQ(rig.tasks[0].id(), "task-1");
    EXPECT_EQ(rig.tasks[0].queue(), "math.add");
    EXPECT_EQ(rig.tasks[0].input().find("b")->number(), 2.0);
    EXPECT_EQ(rig.tasks[0].deadline(), never);
    EXPECT_EQ(rig.engine.state(), engine_state::busy);
    ASSERT_TRUE(rig.complete());
    EXPECT_EQ(rig.engine.state(), engine_state::ready);
    const auto done = rig.all<task_complete_view>();
    ASSERT_THAT(done, SizeIs(1));
    EXPECT_EQ(done[0].task_id, "task-1");
    EXPECT_EQ(done[0].result.find("result")->number(), 3.0);
    EXPECT_THAT(rig.pings, IsEmpty());
    rig.pass(100ms);
    ASSERT_THAT(rig.pings, SizeIs(1));
    EXPECT_EQ(rig.engine.counters().receipted, 0U);
    rig.pong();
    EXPECT_EQ(rig.engine.counters().receipted, 1U);
    EXPECT_EQ(rig.engine.outbox_bytes(), 0U);
}

TEST(EngineOutcome, OnePingCoversEveryOutcomeWrittenBeforeIt) {
    engine_rig rig;
    rig.become_ready();
    for (int i = 0; i < 50; ++i) {
        rig.assign({.id = "task-" + std::to_string(i)});
        ASSERT_TRUE(rig.complete());
        rig.pass(1ms);
    }
    rig.pass(100ms);
    EXPECT_THAT(rig.pings, SizeIs(1));
    rig.pong();
    EXPECT_EQ(rig.engine.counters().receipted, 50U);
}

TEST(EngineOutcome, APongReceiptsOnlyWhatWasWrittenBeforeItsPing) {
    engine_rig rig;
    rig.become_ready();
    rig.assign({.id = "first"});
    ASSERT_TRUE(rig.complete());
    rig.pass(100ms);
    ASSERT_THAT(rig.pings, SizeIs(1));
    rig.assign({.id = "second"});
    ASSERT_TRUE(rig.complete());
    rig.pong();
    EXPECT_EQ(rig.engine.counters().receipted, 1U);
    rig.pass(100ms);
    ASSERT_THAT(rig.pings, SizeIs(2));
    rig.pong();
    EXPECT_EQ(rig.engine.counters().receipted, 2U);
}

TEST(EngineOutcome, AReceiptPingNeverOvertakesTheOutcomeThatIsBeingWritten) {
    engine_rig rig;
    rig.become_ready();
    rig.hold_writes = true;
    rig.assign({.id = "first"});
    ASSERT_TRUE(rig.complete());
    ASSERT_TRUE(rig.write_held);
    rig.engine.flush(rig.now);
    for (int i = 0; i < 10; ++i) {
        rig.peer_ping();
        rig.pass(2s);
    }
    EXPECT_THAT(rig.pings, IsEmpty());
    rig.write_done();
    rig.pass(100ms);
    EXPECT_FALSE(rig.pings.empty());
}

TEST(EngineOutcome, AReceiptThatFallsDueWaitsForTheOutcomeThatIsBeingWritten) {
    engine_rig rig;
    rig.become_ready();
    rig.assign({.id = "first"});
    ASSERT_TRUE(rig.complete());
    rig.hold_writes = true;
    rig.assign({.id = "second"});
    ASSERT_TRUE(rig.complete());
    ASSERT_TRUE(rig.write_held);
    rig.pass(1s);
    EXPECT_THAT(rig.pings, IsEmpty())
        << "the first one's receipt is due, but between fragments no ping may go";
    rig.write_done();
    ASSERT_THAT(rig.pings, SizeIs(1));
    rig.pong();
    EXPECT_EQ(rig.engine.counters().receipted, 2U);
}

TEST(EngineOutcome, ALostPongIsAskedForAgainAndCostsNoConnectionUntilTheDeadline) {
    engine_rig rig;
    rig.become_ready();
    rig.assign();
    ASSERT_TRUE(rig.complete());
    rig.pass(100ms);
    for (int i = 0; i < 5; ++i) {
        rig.peer_ping();
        rig.pass(5s);
        EXPECT_THAT(rig.pings, SizeIs(static_cast<std::size_t>(i) + 2));
    }
    EXPECT_THAT(rig.closes, IsEmpty());
    rig.peer_ping();
    rig.pass(5s);
    ASSERT_THAT(rig.closes, SizeIs(1));
    rig.lose(link_end::kind::closed);
    EXPECT_EQ(rig.ends[0].end.cause, end_cause::timed_out);
    EXPECT_THAT(rig.ends[0].end.detail, HasSubstr("receipt"));
    ASSERT_THAT(rig.returned, SizeIs(1));
    EXPECT_EQ(rig.returned[0].how_sure, certainty::maybe_processed);
}

TEST(EngineOutcome, PongsOfNobodysPingsReceiptNothing) {
    engine_rig rig;
    rig.become_ready();
    rig.assign();
    ASSERT_TRUE(rig.complete());
    rig.pass(100ms);
    auto wrong_nonce = rig.pings.back();
    wrong_nonce[0] ^= std::byte{1};
    auto future_serial = rig.pings.back();
    future_serial[8] ^= std::byte{4};
    rig.engine.pong(rig.generation(), wrong_nonce, rig.now);
    rig.engine.pong(rig.generation(), future_serial, rig.now);
    rig.engine.pong(rig.generation(), {}, rig.now);
    rig.drain();
    EXPECT_EQ(rig.engine.counters().receipted, 0U);
    rig.pong();
    EXPECT_EQ(rig.engine.counters().receipted, 1U);
}

TEST(EngineOutcome, ADropAsksTheTaskToStopAndHandsItsOutcomeBack) {
    engine_rig rig;
    rig.become_ready();
    rig.assign();
    rig.lose();
    ASSERT_THAT(rig.stops, SizeIs(1));
    EXPECT_EQ(rig.stops[0].reason, stop_reason::connection_lost);
    rig.frames.clear();
    rig.pass(2s);
    if (rig.connects.size() < 2) {
        rig.pass(3s);
    }
    rig.engine.opened(rig.generation(), rig.now);
    rig.drain();
    EXPECT_THAT(rig.complete(), ::testing::Truly([](const auto& done) { return done.has_value(); }));
    ASSERT_THAT(rig.returned, SizeIs(1));
    EXPECT_EQ(rig.returned[0].how_sure, certainty::not_sent);
    EXPECT_EQ(rig.returned[0].task, rig.tasks[0].name());
    EXPECT_THAT(rig.all<task_complete_view>(), IsEmpty()) << "never on another connection";
    EXPECT_EQ(rig.complete().error(), misuse::stale_delivery) << "once only";
}

TEST(EngineOutcome, TheNextRegistrationWaitsForTheLostTasksHandlerButNotForEver) {
    worker_config config = default_config();
    config.reconnect = reconnect_policy::fixed;
    config.reconnect_interval = 1s;
    for (const bool returns : {true, false}) {
        engine_rig rig{config};
        rig.become_ready();
        rig.assign();
        rig.lose();
        rig.pass(1s);
        rig.engine.opened(rig.generation(), rig.now);
        rig.drain();
        EXPECT_THAT(rig.frames, IsEmpty());
        if (returns) {
            ASSERT_TRUE(rig.complete());
        } else {
            rig.pass(3999ms);
            EXPECT_THAT(rig.frames, IsEmpty());
            rig.pass(1ms);
        }
        EXPECT_THAT(rig.kinds(), ElementsAre("register"));
    }
}

TEST(EngineOutcome, ATaskThatNobodyHasSeenIsNotAskedToStopWhenItsConnectionEnds) {
    engine_rig rig;
    rig.become_ready();
    // Between two polls: assigned, timed out, and the connection is gone.
    const auto frame = assign_frame({.timeout_ms = 100});
    rig.engine.received(rig.generation(), message_kind::binary, frame, true, frame.size(), rig.now);
    rig.leap(200ms);
    rig.engine.tick(rig.now);
    rig.lose();
    EXPECT_THAT(rig.tasks, IsEmpty());
    EXPECT_THAT(rig.stops, IsEmpty());
    EXPECT_EQ(rig.engine.counters().lost_assignments, 1U);
}

TEST(EngineOutcome, OutcomesWithoutReceiptComeBackWithTheirCertainty) {
    engine_rig rig;
    rig.become_ready();
    rig.assign({.id = "written"});
    ASSERT_TRUE(rig.complete());
    rig.hold_writes = true;
    rig.assign({.id = "partly"});
    ASSERT_TRUE(rig.complete());
    rig.assign({.id = "queued"});
    ASSERT_TRUE(rig.complete());
    rig.lose();
    ASSERT_THAT(rig.returned, SizeIs(3));
    EXPECT_EQ(rig.returned[0].how_sure, certainty::maybe_processed);
    EXPECT_EQ(rig.returned[1].how_sure, certainty::maybe_processed);
    EXPECT_EQ(rig.returned[2].how_sure, certainty::not_sent);
    const auto frame = rig.returned[2].answer.read();
    EXPECT_EQ(std::get<task_complete_view>(frame).task_id, "queued");
    EXPECT_EQ(rig.engine.outbox_bytes(), 0U);
}

TEST(EngineOutcome, AStableSessionSendsUnreceiptedOutcomesAgainAndGoesOnWithItsTask) {
    worker_config config = default_config();
    config.worker_id = "w";
    config.session = session_policy::stable;
    engine_rig rig{config};
    rig.become_ready();
    rig.assign({.id = "done"});
    ASSERT_TRUE(rig.complete());
    rig.assign({.id = "running"});
    rig.lose();
    EXPECT_THAT(rig.stops, IsEmpty());
    EXPECT_THAT(rig.returned, IsEmpty());
    rig.frames.clear();
    rig.pass(250ms);
    rig.connect();
    rig.respond();
    EXPECT_THAT(rig.kinds(), ElementsAre("register", "heartbeat", "complete"));
    EXPECT_EQ(rig.engine.state(), engine_state::busy);
    ASSERT_TRUE(rig.complete());
    rig.pass(100ms);
    rig.pong();
    EXPECT_EQ(rig.engine.counters().receipted, 2U);
}

TEST(EngineOutcome, AStableSessionSendsAgainInTheOldOrder) {
    worker_config config = default_config();
    config.worker_id = "w";
    config.session = session_policy::stable;
    engine_rig rig{config};
    rig.become_ready();
    for (const char* id : {"first", "second", "third", "partly", "queued"}) {
        rig.hold_writes = std::string_view{id} == "partly";
        rig.assign({.id = id});
        ASSERT_TRUE(rig.complete());
    }
    rig.lose();
    rig.hold_writes = false;
    rig.frames.clear();
    rig.pass_backoff();
    rig.connect();
    rig.respond();
    std::vector<std::string> sent;
    for (const task_complete_view& done : rig.all<task_complete_view>()) {
        sent.emplace_back(done.task_id);
    }
    EXPECT_THAT(sent, ElementsAre("first", "second", "third", "partly", "queued"));
}

TEST(EngineOutcome, AStableSessionThatEndsWhileAwayHandsBackWhatItKept) {
    worker_config config = default_config();
    config.worker_id = "w-1";
    config.session = session_policy::stable;
    engine_rig rig{config};
    rig.become_ready();
    rig.assign({.id = "first"});
    ASSERT_TRUE(rig.complete());
    rig.assign({.id = "second"});
    rig.lose();
    EXPECT_TRUE(rig.returned.empty()) << "it is kept, to be sent again";
    ASSERT_TRUE(rig.engine.stop(end_reason::stop_requested, 5s, rig.now));
    rig.drain();
    ASSERT_EQ(rig.returned.size(), 1U);
    EXPECT_EQ(rig.returned[0].how_sure, certainty::maybe_processed) << "it was written, long ago";
    ASSERT_EQ(rig.stops.size(), 1U);
    EXPECT_EQ(rig.stops[0].reason, stop_reason::connection_lost);
    EXPECT_THAT(rig.stopped, ElementsAre(end_reason::stop_requested));
    EXPECT_EQ(rig.complete().error(), misuse::stale_delivery) << "nothing could be told of it any more";
    EXPECT_EQ(rig.engine.outbox_bytes(), 0U);
}

TEST(EngineOutcome, AHeldAssignmentThatIsOneRefusalTooManyAtAStopClosesAtOnce) {
    worker_config config = default_config();
    config.outbox_bytes = 64 * 1024;
    engine_rig rig{config};
    rig.become_ready();
    rig.assign({.id = "big"});
    outcome_writer answer{rig.tasks[0]};
    answer.result().member("text", std::string(100'000, 'x'));
    ASSERT_TRUE(rig.engine.complete(rig.tasks[0].name(), std::move(answer).complete(), rig.now));
    rig.drain();
    rig.assign({.id = "held"});
    for (int i = 0; i < 64; ++i) {
        rig.assign({.id = "refused-" + std::to_string(i)});
    }
    ASSERT_THAT(rig.closes, IsEmpty());
    ASSERT_TRUE(rig.engine.stop(end_reason::stop_requested, 5s, rig.now));
    rig.drain();
    EXPECT_THAT(rig.closes, ElementsAre(1008));
    rig.lose(link_end::kind::closed);
    EXPECT_THAT(rig.returned, SizeIs(65));
    EXPECT_THAT(rig.stopped, ElementsAre(end_reason::stop_requested));
}

TEST(EngineOutcome, HoldsAnAssignmentWhileTheOutboxIsFull) {
    worker_config config = default_config();
    config.outbox_bytes = 64 * 1024;
    engine_rig rig{config};
    rig.become_ready();
    rig.assign({.id = "big"});
    outcome_writer answer{rig.tasks[0]};
    answer.result().member("text", std::string(100'000, 'x'));
    ASSERT_TRUE(rig.engine.complete(rig.tasks[0].name(), std::move(answer).complete(), rig.now));
    rig.drain();
    EXPECT_THAT(rig.pings, SizeIs(1)) << "half the outbox asks for receipts at once";
    rig.assign({.id = "next"});
    EXPECT_THAT(rig.tasks, SizeIs(1));
    rig.pong();
    EXPECT_THAT(rig.tasks, SizeIs(2));
}

} // namespace
} // namespace distworker::testing
