// The engine's tasks on virtual time: assignments, answers, receipts, timeouts, progress, drains.
#include "engine_rig.hpp"
#include "support/vectors.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace distworker::testing {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST(EngineTask, RunsATaskAndGetsItsReceipt) {
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

TEST(EngineTask, OnePingCoversEveryOutcomeWrittenBeforeIt) {
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

TEST(EngineTask, APongReceiptsOnlyWhatWasWrittenBeforeItsPing) {
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

TEST(EngineTask, AReceiptPingNeverOvertakesTheOutcomeThatIsBeingWritten) {
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

TEST(EngineTask, ALostPongIsAskedForAgainAndCostsNoConnectionUntilTheDeadline) {
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

TEST(EngineTask, PongsOfNobodysPingsReceiptNothing) {
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

TEST(EngineTask, ADropAsksTheTaskToStopAndHandsItsOutcomeBack) {
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

TEST(EngineTask, TheNextRegistrationWaitsForTheLostTasksHandlerButNotForEver) {
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

TEST(EngineTask, OutcomesWithoutReceiptComeBackWithTheirCertainty) {
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

TEST(EngineTask, AStableSessionSendsUnreceiptedOutcomesAgainAndGoesOnWithItsTask) {
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

TEST(EngineTask, AStableSessionThatEndsWhileAwayHandsBackWhatItKept) {
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

TEST(EngineTask, ATaskThatNobodyHasSeenWhenTheDrainBeginsIsRefused) {
    engine_rig rig;
    rig.become_ready();
    rig.engine.received(1, message_kind::binary, assign_frame({}), true, 0, rig.now);
    ASSERT_TRUE(rig.engine.stop(end_reason::stop_requested, 5s, rig.now));
    rig.drain();
    EXPECT_THAT(rig.tasks, IsEmpty());
    ASSERT_THAT(rig.kinds(), ElementsAre("failed"));
    EXPECT_EQ(rig.all<task_failed_view>()[0].error_code, "WORKER_SHUTDOWN");
}

TEST(EngineTask, ATaskHeldForAFullOutboxWhenTheDrainBeginsIsRefused) {
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

TEST(EngineTask, ProgressBetweenStreamItemsIsBoundedWithThem) {
    engine_rig rig;
    rig.become_ready();
    rig.assign();
    const delivery task = rig.tasks[0].name();
    rig.hold_writes = true;
    std::size_t queued = 0;
    for (bool room = true; room; ++queued) {
        ASSERT_LT(queued, 1000U);
        ASSERT_TRUE(rig.engine.progress(task, 0.5, std::string(4000, 'x'), rig.now));
        stream_item_writer item{rig.tasks[0], 0.5F};
        item.data().member("n", 1);
        room = rig.engine.stream(task, *std::move(item).finish(), rig.now).has_value();
    }
    EXPECT_LE(rig.engine.outbox_bytes(), default_config().stream_bytes + 8192);
}

TEST(EngineTask, ProgressIsCoalescedLimitedInRateAndFlushedBeforeTheOutcome) {
    engine_rig rig;
    rig.become_ready();
    rig.assign();
    const delivery task = rig.tasks[0].name();
    for (int i = 0; i <= 100; ++i) {
        ASSERT_TRUE(rig.engine.progress(task, i / 100.0, "step " + std::to_string(i), rig.now));
        rig.drain();
    }
    auto updates = rig.all<task_progress_view>();
    ASSERT_THAT(updates, SizeIs(1));
    EXPECT_EQ(updates[0].progress, 0.0F);
    rig.pass(250ms);
    updates = rig.all<task_progress_view>();
    ASSERT_THAT(updates, SizeIs(2));
    EXPECT_EQ(updates[1].progress, 1.0F);
    EXPECT_EQ(updates[1].message, "step 100");
    ASSERT_TRUE(rig.engine.progress(task, 0.5, "last", rig.now));
    ASSERT_TRUE(rig.complete());
    EXPECT_THAT(rig.kinds(), ElementsAre("progress", "progress", "progress", "complete"));
    EXPECT_EQ(rig.engine.progress(task, 0.5, "late", rig.now).error(), misuse::stale_delivery);
}

TEST(EngineTask, ProgressIsClampedAndNotANumberIsRejected) {
    engine_rig rig;
    rig.become_ready();
    rig.assign();
    const delivery task = rig.tasks[0].name();
    EXPECT_EQ(rig.engine.progress(task, std::nan(""), "", rig.now).error(), misuse::invalid_value);
    ASSERT_TRUE(rig.engine.progress(task, 7.0, "bad \xFF text", rig.now));
    rig.drain();
    ASSERT_THAT(rig.all<task_progress_view>(), SizeIs(1));
    EXPECT_EQ(rig.all<task_progress_view>()[0].progress, 1.0F);
    EXPECT_EQ(rig.all<task_progress_view>()[0].message, "bad \xEF\xBF\xBD text");
}

stream_item item_of(const assigned_task& task, int number, std::size_t padding = 0) {
    stream_item_writer item{task, 0.5F};
    item.data().member("n", number).member("pad", std::string(padding, 'x'));
    return std::move(item).finish().value();
}

TEST(EngineTask, TheStreamIsOrderedLosslessAndBeforeTheOutcome) {
    engine_rig rig;
    rig.become_ready();
    rig.assign();
    for (int i = 0; i < 20; ++i) {
        ASSERT_TRUE(rig.engine.stream(rig.tasks[0].name(), item_of(rig.tasks[0], i), rig.now));
    }
    ASSERT_TRUE(rig.complete());
    const auto items = rig.all<task_progress_view>();
    ASSERT_THAT(items, SizeIs(20));
    for (std::size_t i = 0; i < items.size(); ++i) {
        EXPECT_EQ(items[i].data.find("n")->number(), static_cast<double>(i));
    }
    EXPECT_EQ(rig.kinds().back(), "complete");
}

TEST(EngineTask, AFullStreamSaysWouldBlockAndWritableLater) {
    engine_rig rig;
    rig.become_ready();
    rig.assign();
    rig.hold_writes = true;
    int queued = 0;
    std::expected<void, misuse> result;
    stream_item refused;
    while (true) {
        stream_item item = item_of(rig.tasks[0], queued, 16 * 1024);
        result = rig.engine.stream(rig.tasks[0].name(), std::move(item), rig.now);
        if (!result) {
            refused = std::move(item);
            break;
        }
        ++queued;
        rig.drain();
        ASSERT_LT(queued, 1000);
    }
    EXPECT_EQ(result.error(), misuse::would_block);
    EXPECT_FALSE(refused.empty()) << "the item stays the caller's";
    EXPECT_EQ(queued, 15); // 256 KiB
    for (int i = 0; i < 8; ++i) {
        EXPECT_EQ(rig.writables, 0);
        rig.write_done();
    }
    EXPECT_EQ(rig.writables, 1);
    EXPECT_TRUE(rig.engine.stream(rig.tasks[0].name(), std::move(refused), rig.now));
}

TEST(EngineTask, ADrainFinishesTheTaskGetsItsReceiptAndClosesWith1001) {
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

TEST(EngineTask, ADrainAsksTheTaskToStopAndAnswersForItOneSecondBeforeTheEnd) {
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

TEST(EngineTask, AShortDrainAsksAtOnce) {
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

TEST(EngineTask, ADrainEndsAtItsDeadlineAndHandsBackWhatHasNoReceipt) {
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

TEST(EngineTask, AnIdleSlotAsksOnceMoreBeforeItLeavesAndWaitsAtMostASecond) {
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

TEST(EngineTask, ADrainIsOverAfterItsTimeAndTheCloseTimeoutWhateverThePeerDoes) {
    engine_rig rig;
    rig.become_ready();
    rig.assign();
    ASSERT_TRUE(rig.engine.stop(end_reason::signal, 25s, rig.now));
    rig.pass(30s);
    EXPECT_THAT(rig.stopped, ElementsAre(end_reason::signal));
}

TEST(EngineTask, HoldsAnAssignmentWhileTheOutboxIsFull) {
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
    if (rig.pings.size() == 1) { // the ping went out before the outcome was written
        rig.pong();
        rig.pass(100ms);
    }
    rig.pong();
    EXPECT_THAT(rig.tasks, SizeIs(2));
}

TEST(EngineMessages, TheMalformedFramesGetTheVerdictsOfTheVectors) {
    for (const auto& vector : load_vectors("malformed_frames.json")) {
        const std::string name = vector["name"];
        const std::string expected = vector["expect"];
        const auto bytes = from_hex(vector["hex"].get<std::string>());
        for (const std::size_t chunk : {bytes.size() + 1, std::size_t{7}, std::size_t{1}}) {
            if (chunk == 1 && bytes.size() > 2000) {
                continue; // covered by the chunks of 7
            }
            engine_rig rig;
            rig.become_ready();
            std::span<const std::byte> left = bytes;
            do {
                const auto part = left.first(std::min(chunk, left.size()));
                left = left.subspan(part.size());
                rig.engine.received(rig.generation(), message_kind::binary, part, left.empty(), 0, rig.now);
            } while (!left.empty());
            rig.drain();
            const auto refused = rig.all<task_failed_view>();
            const std::string verdict = !rig.tasks.empty()                    ? "accept"
                                        : !refused.empty()                    ? "refuse"
                                        : rig.engine.counters().strikes == 1U ? "strike"
                                                                              : "nothing";
            EXPECT_EQ(verdict, expected) << name << " in chunks of " << chunk;
            EXPECT_LE(refused.size() + rig.tasks.size(), 1U) << name;
            for (const auto& failure : refused) {
                EXPECT_EQ(failure.error_code, error_code::invalid_task) << name;
                EXPECT_FALSE(failure.task_id.empty()) << name;
            }
            EXPECT_THAT(rig.closes, IsEmpty()) << name;
        }
    }
}

TEST(EngineMessages, AnUnusableAssignmentOfTheRunningTaskIsAStrike) {
    engine_rig rig;
    rig.become_ready();
    rig.assign();
    auto damaged = assign_frame({});
    damaged.pop_back();
    rig.receive(damaged);
    EXPECT_EQ(rig.engine.counters().strikes, 1U);
    EXPECT_THAT(rig.frames, IsEmpty());
    ASSERT_TRUE(rig.complete());
}

TEST(EngineMessages, AnOversizedAssignmentIsRefusedFromItsFirstBytesAndTheLinkGoesOn) {
    worker_config config = default_config();
    config.max_message_bytes = 64 * 1024;
    engine_rig rig{config};
    rig.become_ready();
    const auto large = assign_frame({.id = "huge", .input = value{{"text", std::string(200'000, 'x')}}});
    std::span<const std::byte> left = large;
    while (!left.empty()) {
        const auto part = left.first(std::min<std::size_t>(16 * 1024, left.size()));
        left = left.subspan(part.size());
        rig.engine.received(rig.generation(), message_kind::binary, part, left.empty(), large.size(),
                            rig.now);
    }
    rig.drain();
    const auto refused = rig.all<task_failed_view>();
    ASSERT_THAT(refused, SizeIs(1));
    EXPECT_EQ(refused[0].task_id, "huge");
    EXPECT_EQ(refused[0].error_code, error_code::invalid_task);
    rig.assign();
    EXPECT_THAT(rig.tasks, SizeIs(1));
}

TEST(EngineMessages, AHundredStrikesWhileIdleAreAViolationButNeverWhileATaskRuns) {
    engine_rig idle;
    idle.become_ready();
    const std::vector<std::byte> junk(3, std::byte{0});
    for (int i = 0; i < 99; ++i) {
        idle.receive(junk);
    }
    EXPECT_THAT(idle.closes, IsEmpty());
    idle.receive(junk);
    EXPECT_THAT(idle.closes, ElementsAre(1008));

    engine_rig busy;
    busy.become_ready();
    busy.assign();
    for (int i = 0; i < 1000; ++i) {
        busy.receive(junk, i % 2 == 0 ? message_kind::binary : message_kind::text);
    }
    EXPECT_THAT(busy.closes, IsEmpty());
    EXPECT_TRUE(busy.complete());
}

TEST(EngineMessages, RepeatedTextMessagesWhileIdleCloseWith1003) {
    engine_rig rig;
    rig.become_ready();
    for (int i = 0; i < 100; ++i) {
        rig.receive(as_byte_span("hello"), message_kind::text);
    }
    EXPECT_THAT(rig.closes, ElementsAre(1003));
}

TEST(EngineMessages, AnUnfinishedMessageWithoutFurtherBytesStalls) {
    engine_rig rig;
    rig.become_ready();
    const auto frame = assign_frame({});
    rig.engine.received(rig.generation(), message_kind::binary, std::span{frame}.first(5), false, 0, rig.now);
    for (int i = 0; i < 20; ++i) {
        EXPECT_THAT(rig.closes, IsEmpty());
        rig.peer_ping();
        rig.pass(3s);
    }
    EXPECT_THAT(rig.closes, ElementsAre(1008));
}

TEST(EngineMessages, ManyEmptyFragmentsAreBounded) {
    engine_rig rig;
    rig.become_ready();
    for (int i = 0; i < 70'000 && rig.closes.empty(); ++i) {
        rig.engine.received(rig.generation(), message_kind::binary, {}, false, 0, rig.now);
        if (i % 1000 == 0) {
            rig.drain();
        }
    }
    rig.drain();
    EXPECT_THAT(rig.closes, ElementsAre(1008));
}

TEST(EngineMessages, ASecondResponseAndResponsesBeforeRegisterAreStrikes) {
    engine_rig rig;
    rig.become_ready(60);
    rig.receive(response_frame(1));
    EXPECT_EQ(rig.engine.counters().strikes, 1U);
    rig.pass(5s);
    EXPECT_THAT(rig.closes, IsEmpty()) << "the first answer is kept";
}

TEST(EngineMessages, ATaskOutlivesItsEngineAndItsMessageIsSharedAcrossCopies) {
    assigned_task kept;
    {
        engine_rig rig;
        rig.become_ready();
        rig.assign({.id = "kept", .input = value{{"text", "still here"}}});
        kept = rig.tasks[0];
    }
    EXPECT_EQ(kept.id(), "kept");
    EXPECT_EQ(kept.input().find("text")->string(), "still here");
}

} // namespace
} // namespace distworker::testing
