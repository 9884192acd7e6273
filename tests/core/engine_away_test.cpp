// A task that outlives its connection: in a stable session it goes on, in the others it is asked to stop.
#include "engine_rig.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace distworker::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

worker_config stable() {
    worker_config config = default_config();
    config.worker_id = "w";
    config.session = session_policy::stable;
    return config;
}

// Lost, and registered again, whatever holds that up.
void come_back(engine_rig& rig) {
    rig.pass_backoff();
    rig.connect();
    rig.pass(5s);
    rig.respond();
}

void pass_heard(engine_rig& rig, std::chrono::seconds time) {
    for (; time > 0s; time -= 1s) {
        rig.peer_ping();
        rig.pass(1s);
    }
}

TEST(EngineAway, TheTimeoutOfATaskThatEndedMeanwhileIsNotTheNextOnes) {
    engine_rig rig{stable()};
    rig.become_ready();
    rig.assign({.id = "first", .timeout_ms = 30'000});
    rig.lose();
    ASSERT_TRUE(rig.complete());
    come_back(rig);
    rig.assign({.id = "next"});
    ASSERT_THAT(rig.tasks, SizeIs(2));
    rig.answer_pings = true;
    pass_heard(rig, 60s);
    EXPECT_THAT(rig.stops, IsEmpty());
    EXPECT_EQ(rig.engine.counters().timed_out, 0U);
    EXPECT_TRUE(rig.complete());
}

TEST(EngineAway, TheGraceOfATaskThatEndedMeanwhileIsNotTheNextOnes) {
    engine_rig rig{stable()};
    rig.become_ready();
    rig.assign({.id = "first", .timeout_ms = 1'000});
    rig.pass(1s);
    ASSERT_THAT(rig.stops, SizeIs(1));
    rig.lose();
    ASSERT_TRUE(rig.complete());
    rig.pass_backoff();
    rig.connect();
    rig.respond();
    rig.assign({.id = "next"});
    ASSERT_THAT(rig.tasks, SizeIs(2));
    rig.answer_pings = true;
    pass_heard(rig, 10s);
    EXPECT_EQ(rig.engine.counters().abandoned, 0U);
    EXPECT_TRUE(rig.complete());
}

TEST(EngineAway, ATimeoutIsNotForgottenMeanwhile) {
    worker_config config = stable();
    config.reconnect = reconnect_policy::fixed;
    config.reconnect_interval = config.reconnect_cap = 60s;
    engine_rig rig{config};
    rig.become_ready();
    rig.assign({.timeout_ms = 1'000});
    rig.lose();
    rig.pass(250ms);
    rig.lose(link_end::kind::connect); // the next attempt is a minute away
    rig.pass(1s);
    ASSERT_THAT(rig.stops, SizeIs(1));
    EXPECT_EQ(rig.stops[0].reason, stop_reason::timeout);
    rig.frames.clear();
    rig.pass(5s); // and the grace
    EXPECT_EQ(rig.engine.counters().abandoned, 1U);
    rig.pass_backoff();
    rig.connect();
    rig.respond();
    EXPECT_THAT(rig.kinds(), ElementsAre("register", "heartbeat", "failed"));
}

TEST(EngineAway, TheRegistrationWaitsForEveryHandlerOfALostConnection) {
    engine_rig rig;
    rig.become_ready();
    for (const char* id : {"first", "second"}) {
        rig.assign({.id = id});
        rig.lose();
        if (rig.tasks.size() == 1) {
            come_back(rig);
        }
    }
    rig.pass_backoff();
    rig.frames.clear();
    rig.connect();
    ASSERT_THAT(rig.frames, IsEmpty());
    ASSERT_TRUE(rig.complete(rig.tasks[0]));
    EXPECT_THAT(rig.frames, IsEmpty()) << "the second still runs";
    ASSERT_TRUE(rig.complete(rig.tasks[1]));
    EXPECT_THAT(rig.kinds(), ElementsAre("register"));
    EXPECT_THAT(rig.returned, SizeIs(2));
}

TEST(EngineAway, OfManyLostHandlersTheOldestIsForgotten) {
    engine_rig rig;
    rig.become_ready();
    for (int i = 0; i < 65; ++i) {
        rig.assign({.id = "task-" + std::to_string(i)});
        rig.lose();
        come_back(rig);
    }
    ASSERT_THAT(rig.tasks, SizeIs(65));
    EXPECT_EQ(rig.engine.snapshot().orphans, 64U) << "bounded";
    EXPECT_EQ(rig.complete(rig.tasks[0]).error(), misuse::stale_delivery);
    EXPECT_TRUE(rig.complete(rig.tasks[1]));
}

TEST(EngineAway, WhatWasStreamedAndNotWrittenIsNoOutcomeToHandBack) {
    engine_rig rig;
    rig.become_ready();
    rig.assign();
    rig.hold_writes = true;
    for (int i = 0; i < 3; ++i) {
        stream_item_writer item{rig.tasks[0], 0.5F};
        item.data().member("n", i);
        ASSERT_TRUE(rig.engine.stream(rig.tasks[0].name(), std::move(item).finish().value(), rig.now));
    }
    ASSERT_TRUE(rig.complete());
    rig.lose();
    EXPECT_THAT(rig.returned, SizeIs(1));
    EXPECT_EQ(rig.engine.outbox_bytes(), 0U);
}

TEST(EngineAway, TenRefusalsInARowEndAStableSession) {
    engine_rig rig{stable()};
    rig.become_ready();
    rig.assign();
    ASSERT_TRUE(rig.complete());
    rig.lose();
    for (int i = 0; i < 10; ++i) {
        EXPECT_THAT(rig.stopped, IsEmpty()) << i;
        rig.pass_backoff();
        rig.engine.closed(rig.generation(),
                          {.what = link_end::kind::upgrade, .detail = {}, .http_status = 403}, rig.now);
        rig.drain();
        EXPECT_EQ(rig.ends.back().end.cause, end_cause::refused);
    }
    EXPECT_THAT(rig.stopped, ElementsAre(end_reason::session_gone));
    EXPECT_THAT(rig.returned, SizeIs(1)) << "what was kept for the session";
}

// --- Ends ---

TEST(EngineEnds, HaveTheirCauseByWhatTheTransportSaw) {
    using enum link_end::kind;
    const std::pair<link_end::kind, end_cause> cases[] = {
        {name_resolution, end_cause::transport},
        {connect, end_cause::transport},
        {tls, end_cause::transport},
        {upgrade, end_cause::transport},
        {protocol, end_cause::peer_violation},
        {peer_close, end_cause::peer_closed},
        {lost, end_cause::peer_closed},
        {closed, end_cause::peer_closed},
        {static_cast<link_end::kind>(99), end_cause::transport},
    };
    for (const auto& [what, cause] : cases) {
        engine_rig rig;
        rig.become_ready();
        rig.lose(what);
        EXPECT_EQ(rig.ends.back().end.cause, cause) << to_string(what);
        EXPECT_EQ(rig.ends.back().end.detail, std::string{to_string(what)} + ": test");
        EXPECT_FALSE(rig.ends.back().end.before_answer);
    }
}

TEST(EngineEnds, BeforeAnAnswerNameTheSkewOfTheClocksWhereItIsKnown) {
    engine_rig rig;
    rig.connect();
    rig.engine.closed(rig.generation(), {.what = link_end::kind::lost, .detail = {}, .clock_skew = 400s},
                      rig.now);
    rig.drain();
    EXPECT_TRUE(rig.ends.back().end.before_answer);
    EXPECT_THAT(rig.ends.back().end.detail,
                ::testing::HasSubstr("the controller's clock is 400 s ahead of this machine's"));
}

} // namespace
} // namespace distworker::testing
