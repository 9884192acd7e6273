// Asking handlers to stop: at their timeout, at the end of the worker, at the loss of their connection.
#include "sdk/fake_controller.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>

namespace distworker::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

/// As long as a test may take.
constexpr auto long_time = 1min;

void stops_at_once(config& settings) {
    settings.drain_timeout = settings.stop_grace;
}

TEST(Stop, ATimeoutIsSeenByEveryMeansAndAnswered) {
    stage on;
    std::optional<stop_reason> reason;
    std::atomic<bool> called_back = false;
    bool waited = true;
    bool requested = false;
    on.it().on("q", [&](task& t) {
        EXPECT_EQ(t.timeout(), 50ms);
        EXPECT_FALSE(t.stop_requested());
        EXPECT_FALSE(t.stop_reason());
        const std::stop_callback callback{t.stop_token(), [&] {
                                              called_back = true;
                                              called_back.notify_one();
                                          }};
        waited = t.wait_for(long_time);
        reason = t.stop_reason();
        requested = t.stop_requested();
        called_back.wait(false);
        return "too late";
    });
    on.start();
    const auto got = on.run({.timeout_ms = 50});
    EXPECT_EQ(got.code, "TIMEOUT");
    EXPECT_FALSE(waited);
    EXPECT_TRUE(requested);
    EXPECT_EQ(reason, stop_reason::timeout);
    on.stop();
}

TEST(Stop, AStopTokenTakenAfterTheRequestIsStopped) {
    stage on;
    bool stopped = false;
    on.it().on("q", [&](task& t) {
        EXPECT_FALSE(t.wait_for(long_time));
        stopped = t.stop_token().stop_requested();
    });
    on.start();
    EXPECT_EQ(on.run({.timeout_ms = 20}).code, "TIMEOUT");
    EXPECT_TRUE(stopped);
    on.stop();
}

TEST(Stop, AHandlerMayLetItselfBeThrownOut) {
    stage on{stops_at_once};
    on.it().on("q", [&](task& t) {
        t.throw_if_stopped();
        while (t.wait_for(long_time)) {
        }
        t.throw_if_stopped();
    });
    on.start();
    EXPECT_EQ(on.run({.timeout_ms = 20}).code, "TIMEOUT");
    on.session().assign({.id = "task-2"});
    on.log().await("assigned task=task-2");
    on.it().stop();
    const auto got = on.session().next_answer();
    EXPECT_EQ(got.id, "task-2");
    EXPECT_EQ(got.code, "WORKER_SHUTDOWN");
    on.session().await_end();
    EXPECT_EQ(on.end().code(), exit_code::ok);
}

TEST(Stop, WhatAHandlerReturnsInTimeAtTheEndStillCounts) {
    stage on{stops_at_once};
    std::optional<stop_reason> reason;
    on.it().on("q", [&](task& t) {
        t.wait_for(long_time);
        reason = t.stop_reason();
        return "partial";
    });
    on.start().assign({});
    on.log().await("assigned task=task-1");
    on.it().stop();
    const auto got = on.session().next_answer();
    EXPECT_TRUE(got.completed);
    EXPECT_EQ(got.result, (value{{"result", "partial"}}));
    EXPECT_EQ(reason, stop_reason::shutdown);
    on.session().await_end();
    EXPECT_EQ(on.end().text(), to_string(end_reason::stop_requested));
}

TEST(Stop, ADrainFinishesWhatRuns) {
    stage on;
    std::promise<void> finish;
    on.it().on("q", [&](task& t) {
        finish.get_future().wait();
        EXPECT_FALSE(t.stop_requested());
    });
    on.start().assign({});
    on.log().await("assigned task=task-1");
    on.it().stop();
    on.log().await("state=draining");
    finish.set_value();
    EXPECT_TRUE(on.session().next_answer().completed);
    on.session().await_end();
    EXPECT_EQ(on.end().code(), exit_code::ok);
}

TEST(Stop, ALostConnectionIsTheReasonAndTheOutcomeIsHandedBack) {
    stage on;
    std::promise<std::optional<stop_reason>> reason;
    std::promise<std::string> lost;
    on.it().on("q", [&](task& t) {
        t.wait_for(long_time);
        reason.set_value(t.stop_reason());
        return "for nobody";
    });
    on.it().on_undeliverable([&](const undeliverable_outcome& outcome) {
        EXPECT_TRUE(outcome.completed);
        EXPECT_EQ(outcome.how_sure, certainty::not_sent);
        const auto frame = outcome.answer.read();
        lost.set_value(*std::get<task_complete_view>(frame).result.find("result")->string() == "for nobody"
                           ? outcome.task_id
                           : "another result");
    });
    on.start().assign({});
    on.log().await("assigned task=task-1");
    on.session().peer().reset();
    EXPECT_EQ(reason.get_future().get(), stop_reason::connection_lost);
    EXPECT_EQ(lost.get_future().get(), "task-1");
    on.log().await("undeliverable outcome task=task-1 completed");
    on.next_session();
    EXPECT_EQ(on.stop().code(), exit_code::ok);
}

TEST(Stop, AHandlerThatIgnoresItLeavesItsThreadToTheNextTask) {
    stage on{[](config& settings) { settings.stop_grace = 50ms; }};
    std::promise<void> give_up;
    on.it().on("stubborn", [&, wait = give_up.get_future().share()](task&) { wait.wait(); });
    on.it().on("next", [](task&) {});
    on.start();
    EXPECT_EQ(on.run({.queue = "stubborn", .timeout_ms = 20}).code, "TIMEOUT");
    EXPECT_TRUE(on.run({.queue = "next", .id = "task-2"}).completed);
    give_up.set_value();
    on.stop();
}

TEST(Stop, TooManyStuckHandlersEndTheWorker) {
    stage on{[](config& settings) {
        settings.stop_grace = 10ms;
        settings.max_stuck = 2;
        settings.drain_timeout = 1s;
    }};
    std::promise<void> give_up;
    on.it().on("q", [wait = give_up.get_future().share()](task&) { wait.wait(); });
    on.start();
    EXPECT_EQ(on.run({.id = "1", .timeout_ms = 10}).code, "TIMEOUT");
    EXPECT_EQ(on.run({.id = "2", .timeout_ms = 10}).code, "TIMEOUT");
    on.session().await_end();
    EXPECT_EQ(on.end().code(), exit_code::stuck_handlers);
    give_up.set_value();
}

TEST(Stop, AHandlerThatIgnoresTheEndIsAnsweredForAndLeftToItself) {
    stage on{[](config& settings) {
        settings.stop_grace = 10ms;
        settings.drain_timeout = 1500ms;
    }};
    std::promise<void> give_up;
    std::promise<void> returned;
    on.it().on("q", [&, wait = give_up.get_future().share()](task& t) {
        wait.wait();
        EXPECT_FALSE(t.stream({{"n", 1}})); // the worker may be gone by now
        t.progress(percent(1));
        returned.set_value();
    });
    on.start().assign({});
    on.log().await("assigned task=task-1");
    on.it().stop();
    EXPECT_EQ(on.session().next_answer().code, "WORKER_SHUTDOWN");
    on.session().await_end();
    EXPECT_EQ(on.end().code(), exit_code::ok);
    EXPECT_THAT(on.log().text(), HasSubstr("left to themselves"));
    give_up.set_value();
    returned.get_future().get();
}

} // namespace
} // namespace distworker::testing
