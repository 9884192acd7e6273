// What happens at an awkward moment: between two polls, before an answer, while a ping is on its way.
#include "engine_rig.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace distworker::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

void receive_unseen(engine_rig& rig, const std::vector<std::byte>& message) {
    rig.engine.received(rig.generation(), message_kind::binary, message, true, message.size(), rig.now);
}

// --- The connection ---

TEST(EngineMoments, AConnectionThatNobodyAskedForYetIsOfNoGeneration) {
    engine_rig rig;
    ASSERT_TRUE(rig.engine.start(rig.now));
    rig.engine.opened(rig.generation(), rig.now); // `connect` was not taken
    EXPECT_EQ(rig.engine.state(), engine_state::connecting);
    EXPECT_EQ(rig.engine.counters().stale_events, 1U);
}

TEST(EngineMoments, WhatComesBeforeRegisterGoesOutMeansNothing) {
    engine_rig rig;
    ASSERT_TRUE(rig.engine.start(rig.now));
    rig.drain();
    rig.engine.opened(rig.generation(), rig.now);
    receive_unseen(rig, response_frame());
    receive_unseen(rig, assign_frame({}));
    receive_unseen(rig, assign_frame({.queue = "\xFF"})); // unusable, and its id can be read
    EXPECT_EQ(rig.engine.counters().strikes, 3U);
    rig.drain();
    EXPECT_THAT(rig.kinds(), ElementsAre("register"));
    rig.respond();
    EXPECT_THAT(rig.tasks, IsEmpty());
    EXPECT_THAT(rig.all<task_failed_view>(), IsEmpty());
}

TEST(EngineMoments, TheEndOfTimeIsAMomentLikeAnyOther) {
    engine_rig rig;
    rig.become_ready();
    rig.now.monotonic = monotonic_time::max();
    rig.engine.tick(rig.now);
    rig.drain();
    rig.assign();
    EXPECT_TRUE(rig.complete());
    EXPECT_EQ(rig.last_idle.deadline, never);
}

TEST(EngineMoments, AWriteThatEndsWhileADeafConnectionClosesEndsNothingElse) {
    engine_rig rig;
    rig.become_ready();
    rig.peer_ping();
    rig.assign();
    rig.hold_writes = true;
    ASSERT_TRUE(rig.complete());
    for (int i = 0; i < 16; ++i) { // heard, but by no ping
        rig.engine.alive(rig.generation(), rig.now);
        rig.pass(1s);
    }
    ASSERT_TRUE(rig.engine.snapshot().deaf);
    rig.engine.received(rig.generation(), message_kind::binary, {}, false, 0, rig.now);
    for (int i = 0; i < 60; ++i) { // of that message nothing further comes
        rig.engine.alive(rig.generation(), rig.now);
        rig.pass(1s);
    }
    ASSERT_EQ(rig.engine.state(), engine_state::closing);
    rig.write_done();
    EXPECT_EQ(rig.engine.state(), engine_state::closing);
    EXPECT_THAT(rig.closes, ElementsAre(1008));
}

TEST(EngineMoments, ADeafConnectionIsKeptUntilEverythingThatLeftIsReceipted) {
    engine_rig rig;
    rig.become_ready();
    rig.peer_ping();
    rig.assign({.id = "first"});
    for (int i = 0; i < 16; ++i) {
        rig.engine.alive(rig.generation(), rig.now);
        rig.pass(1s);
    }
    ASSERT_TRUE(rig.engine.snapshot().deaf);
    rig.hold_writes = true;
    rig.assign({.id = "other"}); // refused
    ASSERT_TRUE(rig.complete());
    rig.write_done(); // of the refusal; the outcome waits behind it
    EXPECT_THAT(rig.pings, IsEmpty());
    rig.engine.flush(rig.now);
    rig.write_done();
    EXPECT_THAT(rig.pings, SizeIs(1)) << "one ping for both who want it";
    rig.assign({.id = "third"});
    ASSERT_TRUE(rig.complete());
    rig.write_done();
    EXPECT_THAT(rig.closes, IsEmpty());
    rig.pong();
    rig.pass(100ms);
    rig.pong();
    EXPECT_THAT(rig.closes, ElementsAre(1000));
    EXPECT_EQ(rig.engine.counters().receipted, 3U);
}

// --- Tasks ---

TEST(EngineMoments, ATaskIsToldBeforeItIsAskedToStop) {
    engine_rig rig;
    rig.become_ready();
    receive_unseen(rig, assign_frame({.timeout_ms = 10}));
    rig.leap(20ms);
    engine_output first = rig.engine.poll(rig.now);
    while (!std::holds_alternative<output::assigned>(first)) {
        ASSERT_TRUE(std::holds_alternative<output::state_changed>(first));
        first = rig.engine.poll(rig.now);
    }
    const engine_output second = rig.engine.poll(rig.now);
    ASSERT_TRUE(std::holds_alternative<output::stop_task>(second));
    EXPECT_EQ(std::get<output::stop_task>(second).reason, stop_reason::timeout);
}

TEST(EngineMoments, AHandlerThatWasAnsweredForIsAskedToStopBeforeTheNextTaskIsTold) {
    worker_config config = default_config();
    config.stop_grace = 0ms;
    engine_rig rig{config};
    rig.become_ready();
    rig.assign({.id = "first", .timeout_ms = 10});
    rig.leap(20ms);
    rig.engine.tick(rig.now); // timed out, and answered for at once
    receive_unseen(rig, assign_frame({.id = "next"}));
    std::vector<std::string> told;
    for (engine_output out = rig.engine.poll(rig.now); !std::holds_alternative<output::idle>(out);
         out = rig.engine.poll(rig.now)) {
        if (const auto* stop = std::get_if<output::stop_task>(&out)) {
            EXPECT_EQ(stop->task, rig.tasks[0].name());
            told.emplace_back("stop");
        } else if (const auto* next = std::get_if<output::assigned>(&out)) {
            EXPECT_EQ(next->task.id(), "next");
            told.emplace_back("assigned");
        } else if (const auto* send = std::get_if<output::send>(&out)) {
            rig.engine.sent(send->generation, rig.now);
        }
    }
    EXPECT_THAT(told, ElementsAre("stop", "assigned"));
}

TEST(EngineMoments, ProgressAndDataOfAnotherDeliveryAreStale) {
    engine_rig rig;
    rig.become_ready();
    rig.assign({.id = "first"});
    ASSERT_TRUE(rig.complete());
    rig.assign({.id = "second"});
    const assigned_task& first = rig.tasks[0];
    EXPECT_EQ(rig.engine.progress(first.name(), 0.5, "", rig.now).error(), misuse::stale_delivery);
    EXPECT_EQ(rig.engine.stream(first.name(), stream_item_writer{first, 0}.finish().value(), rig.now).error(),
              misuse::stale_delivery);
    EXPECT_EQ(rig.engine.stream(rig.tasks[1].name(), {}, rig.now).error(), misuse::invalid_value);
}

TEST(EngineMoments, AnUnusableCopyOfTheHeldAssignmentIsAStrike) {
    engine_rig rig;
    rig.connect();
    rig.assign({.id = "held"});
    rig.assign({.id = "held", .queue = "\xFF"});
    EXPECT_EQ(rig.engine.counters().strikes, 1U);
    rig.respond();
    EXPECT_THAT(rig.tasks, SizeIs(1));
    EXPECT_THAT(rig.all<task_failed_view>(), IsEmpty());
}

TEST(EngineMoments, AHundredStrikesWhileAnOutcomeIsOnItsWayEndNothing) {
    engine_rig rig;
    rig.become_ready();
    rig.assign();
    rig.hold_writes = true;
    ASSERT_TRUE(rig.complete());
    const auto strike = [&] { rig.receive({}, message_kind::text); };
    for (int i = 0; i < 150; ++i) {
        strike();
    }
    EXPECT_THAT(rig.closes, IsEmpty()) << "it is being written";
    rig.write_done();
    strike();
    EXPECT_THAT(rig.closes, IsEmpty()) << "it has no receipt";
    rig.pass(100ms);
    rig.pong();
    strike();
    EXPECT_THAT(rig.closes, ElementsAre(1003));
}

TEST(EngineMoments, AHeldAssignmentKeepsASlotFromLeavingForIdleness) {
    worker_config config = default_config();
    config.outbox_bytes = 1024;
    engine_rig rig{config};
    rig.become_ready(5);
    rig.assign({.id = "big"});
    outcome_writer answer{rig.tasks[0]};
    answer.result().member("text", std::string(2000, 'x'));
    ASSERT_TRUE(rig.engine.complete(rig.tasks[0].name(), std::move(answer).complete(), rig.now));
    rig.drain();
    rig.assign({.id = "held"});
    EXPECT_EQ(rig.engine.snapshot().held_task, "held");
    EXPECT_EQ(rig.engine.idle_exit_at(), never);
}

// --- Receipts ---

TEST(EngineMoments, AFlushAsksForTheReceiptAtOnce) {
    engine_rig rig;
    rig.become_ready();
    rig.engine.flush(rig.now);
    rig.drain();
    EXPECT_THAT(rig.pings, IsEmpty()) << "there is nothing to be receipted";
    rig.assign();
    ASSERT_TRUE(rig.complete());
    rig.engine.flush(rig.now);
    rig.drain();
    EXPECT_THAT(rig.pings, SizeIs(1));
}

TEST(EngineMoments, EachPongReceiptsWhatWasWrittenBeforeItsPingOnce) {
    engine_rig rig;
    rig.become_ready();
    for (const char* id : {"first", "second"}) {
        rig.assign({.id = id});
        ASSERT_TRUE(rig.complete());
        rig.engine.flush(rig.now);
        rig.drain();
    }
    ASSERT_THAT(rig.pings, SizeIs(2));
    const auto pong = [&](std::size_t ping) {
        rig.engine.pong(rig.generation(), rig.pings[ping], rig.now);
        rig.drain();
        return rig.engine.counters().receipted;
    };
    EXPECT_EQ(pong(0), 1U);
    EXPECT_EQ(pong(0), 1U) << "the same again proves nothing new";
    EXPECT_EQ(rig.engine.snapshot().deadline(deadline_reason::receipt_deadline), rig.now.monotonic + 30s)
        << "the second ping gets its own time";
    EXPECT_EQ(rig.engine.snapshot().deadline(deadline_reason::receipt_due), never)
        << "nothing is left to ask for";
    EXPECT_EQ(pong(1), 2U);
    EXPECT_EQ(rig.engine.snapshot().deadline(deadline_reason::receipt_deadline), never);
}

TEST(EngineMoments, APingThatNothingWaitsForIsNotAskedForAgain) {
    engine_rig rig;
    rig.become_ready();
    rig.assign();
    ASSERT_TRUE(rig.complete());
    rig.pass(100ms);
    rig.pass(5s); // lost, asked again
    ASSERT_THAT(rig.pings, SizeIs(2));
    rig.engine.pong(rig.generation(), rig.pings[0], rig.now); // late, but it proves the outcome
    rig.drain();
    EXPECT_EQ(rig.engine.counters().receipted, 1U);
    rig.peer_ping();
    rig.pass(5s);
    EXPECT_THAT(rig.pings, SizeIs(2));
}

// --- The end ---

TEST(EngineMoments, ADrainWaitsForThePongOfItsOwnLastPing) {
    engine_rig rig;
    rig.become_ready();
    rig.assign();
    ASSERT_TRUE(rig.complete());
    rig.pass(100ms);
    ASSERT_THAT(rig.pings, SizeIs(1));
    ASSERT_TRUE(rig.engine.stop(end_reason::stop_requested, 20s, rig.now));
    ASSERT_TRUE(rig.engine.stop(end_reason::stop_requested, 10s, rig.now)); // before it is polled
    rig.drain();
    ASSERT_THAT(rig.pings, SizeIs(2));
    rig.engine.pong(rig.generation(), rig.pings[0], rig.now);
    rig.drain();
    EXPECT_EQ(rig.engine.counters().receipted, 1U);
    EXPECT_THAT(rig.closes, IsEmpty()) << "an assignment may have been on its way until the last ping";
    rig.pong();
    EXPECT_THAT(rig.closes, ElementsAre(1000));
}

TEST(EngineMoments, ARefusalDuringADrainGetsItsReceiptTooBeforeTheEnd) {
    engine_rig rig;
    rig.become_ready();
    rig.assign();
    ASSERT_TRUE(rig.complete());
    ASSERT_TRUE(rig.engine.stop(end_reason::stop_requested, 20s, rig.now));
    receive_unseen(rig, assign_frame({.id = "late"}));
    rig.drain();
    EXPECT_THAT(rig.kinds(), ElementsAre("complete", "failed"));
    ASSERT_FALSE(rig.pings.empty());
    rig.engine.pong(rig.generation(), rig.pings[0], rig.now);
    rig.drain();
    EXPECT_THAT(rig.closes, IsEmpty()) << "the refusal went out behind that ping";
    for (int i = 0; i < 3 && rig.closes.empty(); ++i) {
        rig.pong();
    }
    EXPECT_THAT(rig.closes, ElementsAre(1000));
    EXPECT_EQ(rig.engine.counters().receipted, 2U);
    EXPECT_THAT(rig.returned, IsEmpty());
}

TEST(EngineMoments, ATaskThatWasAskedToStopIsNotAskedAgainByADrain) {
    engine_rig rig;
    rig.become_ready();
    rig.assign({.timeout_ms = 1000});
    rig.pass(1s);
    ASSERT_THAT(rig.stops, SizeIs(1));
    ASSERT_TRUE(rig.engine.stop(end_reason::signal, 5s, rig.now));
    rig.pass(1s);
    EXPECT_THAT(rig.stops, SizeIs(1));
    EXPECT_EQ(rig.stops[0].reason, stop_reason::timeout);
}

TEST(EngineMoments, AStopWhoseRefusalIsOneTooManyClosesAllTheSame) {
    worker_config config = default_config();
    config.outbox_bytes = 1024;
    engine_rig rig{config};
    rig.become_ready();
    rig.assign({.id = "big"});
    outcome_writer answer{rig.tasks[0]};
    answer.result().member("text", std::string(2000, 'x'));
    ASSERT_TRUE(rig.engine.complete(rig.tasks[0].name(), std::move(answer).complete(), rig.now));
    rig.drain();
    rig.assign({.id = "held"});
    for (int i = 0; i < 64; ++i) {
        rig.assign({.id = "refused-" + std::to_string(i)});
    }
    ASSERT_THAT(rig.closes, IsEmpty());
    ASSERT_TRUE(rig.engine.stop(end_reason::signal, 0s, rig.now));
    rig.pass(1s);
    EXPECT_THAT(rig.closes, ElementsAre(1008)) << "the peer has sent more than it reads";
    rig.lose(link_end::kind::closed);
    EXPECT_THAT(rig.stopped, ElementsAre(end_reason::signal));
}

TEST(EngineMoments, AnEndHasBothItsLimits) {
    engine_rig rig;
    rig.become_ready();
    std::chrono::nanoseconds drain = 2s;
    std::optional<std::chrono::nanoseconds> close = 1s;
    rig.assign();
    ASSERT_TRUE(rig.engine.stop(end_reason::signal, stop_limits{drain, close}, rig.now));
    rig.pass(2s);
    ASSERT_THAT(rig.closes, ElementsAre(1001));
    rig.pass(1s);
    EXPECT_THAT(rig.stopped, ElementsAre(end_reason::signal));
}

} // namespace
} // namespace distworker::testing
