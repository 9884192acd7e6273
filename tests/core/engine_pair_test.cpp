// The worker's engine and the controller's against each other, in memory and on virtual time.
#include "core/engine_pair.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <map>
#include <set>

namespace distworker::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;

TEST(EnginePair, ASignedRegistrationIsAcceptedAndTasksOfAllKindsRun) {
    engine_pair pair;
    std::vector<value> inputs;
    pair.handler = [&](const assigned_task& task) {
        inputs.emplace_back(task.input());
        pair.complete(task);
    };
    const std::vector<value> given{
        value::empty_object(),
        value{{"a", 1.5}, {"b", -2}},
        value{{"text", "öäü"}, {"none", nullptr}, {"yes", true}},
        value{{"list", value::of({1, "two", nullptr})}, {"nested", value{{"deeper", value{{"x", 1}}}}}},
    };
    std::vector<std::string> ids;
    for (const value& input : given) {
        ids.push_back(pair.submit(input));
    }
    pair.start();
    pair.pass(1s);
    EXPECT_EQ(inputs, given);
    for (const std::string& id : ids) {
        ASSERT_TRUE(pair.finished(id));
        EXPECT_EQ(value{pair.task(id).result->view()}, (value{{"result", 3}}));
    }
    EXPECT_EQ(pair.worker.counters().receipted, given.size());
    EXPECT_EQ(pair.controller.counters()[note_kind::worker_registered], 1U);
}

TEST(EnginePair, AWrongTokenIsRefusedAndNamedAsTheFirstCause) {
    engine_pair pair{pair_config(), {}, "another token"};
    pair.start();
    pair.pass(1min);
    EXPECT_EQ(pair.controller.counters()[note_kind::worker_registered], 0U);
    ASSERT_GE(pair.ends.size(), 2U);
    EXPECT_EQ(pair.ends[1].end.cause, end_cause::refused);
    EXPECT_THAT(pair.ends[0].end.detail, ::testing::HasSubstr("the token is wrong"));
}

TEST(EnginePair, ProgressAndStreamArriveInOrderAndBeforeTheOutcome) {
    engine_pair pair;
    pair.handler = [&](const assigned_task& task) {
        EXPECT_TRUE(pair.worker.progress(task.name(), 0.25, "begun", pair.now));
        for (const char* text : {"one", "two", "three"}) {
            stream_item_writer item{task, 0.5F};
            item.data().member("text", text);
            EXPECT_TRUE(pair.worker.stream(task.name(), *std::move(item).finish(), pair.now));
        }
        EXPECT_TRUE(pair.worker.progress(task.name(), 0.75, "nearly", pair.now));
        pair.complete(task);
    };
    pair.start();
    const std::string id = pair.submit();
    pair.pass(1s);
    EXPECT_THAT(pair.told, ElementsAre("begun", "one", "two", "three", "nearly"));
    ASSERT_FALSE(pair.events.empty());
    EXPECT_THAT(pair.events.back(), Pair(task_event::kind::ended, id));
}

TEST(EnginePair, AStreamLargerThanItsQueueIsHeldBackAndArrivesWhole) {
    worker_config config = pair_config();
    config.stream_bytes = 4096;
    engine_pair pair{config};
    constexpr int items = 200;
    int next = 0;
    int blocked = 0;
    assigned_task running;
    const auto stream_on = [&] {
        while (next < items) {
            stream_item_writer item{running, 0.5F};
            item.data().member("text", std::to_string(next) + std::string(200, '.'));
            const auto done = pair.worker.stream(running.name(), *std::move(item).finish(), pair.now);
            if (!done) {
                EXPECT_EQ(done.error(), misuse::would_block);
                ++blocked;
                return;
            }
            ++next;
        }
        pair.complete(running);
    };
    pair.handler = [&](const assigned_task& task) {
        running = task;
        stream_on();
    };
    pair.on_writable = [&](delivery) { stream_on(); };
    pair.start();
    const std::string id = pair.submit();
    pair.pass(5s);
    EXPECT_TRUE(pair.finished(id));
    EXPECT_GT(blocked, 0);
    ASSERT_THAT(pair.told, SizeIs(items));
    for (std::size_t i = 0; i < items; ++i) {
        EXPECT_EQ(pair.told[i], std::to_string(i) + std::string(200, '.'));
    }
}

TEST(EnginePair, AFailedTaskIsRunAgainAsANewDelivery) {
    engine_pair pair;
    pair.handler = [&](const assigned_task& task) {
        pair.assigned.size() < 3 ? pair.fail(task, "TRY_AGAIN") : pair.complete(task);
    };
    pair.start();
    const std::string id = pair.submit({.queue = "math.add", .max_retry = 5});
    pair.pass(1min);
    EXPECT_TRUE(pair.finished(id));
    EXPECT_EQ(pair.error_of(id), "");
    EXPECT_EQ(pair.task(id).retried, 2U);
    ASSERT_THAT(pair.assigned, SizeIs(3));
    EXPECT_EQ(pair.assigned[0].id(), pair.assigned[2].id());
    EXPECT_NE(pair.assigned[0].name(), pair.assigned[2].name());
}

TEST(EnginePair, ACancelledTaskRunsOnAndItsOutcomeIsRefused) {
    engine_pair pair;
    pair.start();
    pair.pass(1s);
    const std::string id = pair.submit();
    pair.pass(5ms);
    ASSERT_THAT(pair.assigned, SizeIs(1));
    pair.cancel(id);
    const std::string next = pair.submit();
    pair.pass(1s);
    EXPECT_EQ(pair.error_of(id), "CANCELLED");
    EXPECT_EQ(pair.controller.counters()[note_kind::not_owner], 1U);
    EXPECT_THAT(pair.stops, IsEmpty()) << "there is no frame that would tell the worker";
    EXPECT_TRUE(pair.finished(next)) << "the worker goes on";
}

TEST(EnginePair, AHandlerThatMissesItsTimeoutIsAnsweredFor) {
    engine_pair pair;
    pair.handler = [](const assigned_task&) {}; // never returns
    pair.start();
    pair.pass(1s);
    const std::string id = pair.submit({.queue = "math.add", .timeout_ms = 2000});
    pair.pass(1s);
    EXPECT_THAT(pair.stops, IsEmpty());
    pair.pass(2s);
    ASSERT_THAT(pair.stops, SizeIs(1));
    EXPECT_EQ(pair.stops[0].reason, stop_reason::timeout);
    EXPECT_FALSE(pair.finished(id));
    pair.pass(5s);
    EXPECT_EQ(pair.error_of(id), "TIMEOUT");
    EXPECT_EQ(pair.worker.stuck(), 1U);
}

TEST(EnginePair, AnOutcomeOfALostConnectionIsHandedBackAndTheNextTaskRuns) {
    engine_pair pair;
    pair.handler = [&](const assigned_task& task) { pair.after(2s, [&, task] { pair.complete(task); }); };
    pair.start();
    const std::string id = pair.submit();
    pair.pass(1s);
    pair.cut(0);
    ASSERT_THAT(pair.stops, SizeIs(1));
    EXPECT_EQ(pair.stops[0].reason, stop_reason::connection_lost);
    pair.pass(2s);
    EXPECT_THAT(pair.returned, ElementsAre(Pair(id, certainty::not_sent)));
    EXPECT_EQ(pair.task(id).status, task_status::processing) << "the deployed controller strands it";
    const std::string next = pair.submit();
    pair.pass(10s);
    EXPECT_TRUE(pair.finished(next));
}

TEST(EnginePair, AnOutcomeOnItsWayWhenTheConnectionIsCutMayHaveBeenProcessed) {
    engine_pair pair;
    pair.handler = [&](const assigned_task& task) { pair.complete(task); };
    pair.start();
    pair.pass(1s);
    const std::string id = pair.submit();
    pair.pass(1ms); // the assignment arrives, the outcome sets out
    ASSERT_THAT(pair.assigned, SizeIs(1));
    pair.cut(0);
    EXPECT_THAT(pair.returned, ElementsAre(Pair(id, certainty::maybe_processed)));
    EXPECT_FALSE(pair.finished(id));
}

TEST(EnginePair, BothSidesNoticeASilentLink) {
    engine_pair pair;
    pair.start();
    pair.pass(1s);
    pair.silence(0);
    pair.pass(20s);
    ASSERT_THAT(pair.ends, SizeIs(1));
    EXPECT_EQ(pair.ends[0].end.cause, end_cause::timed_out);
    EXPECT_EQ(pair.controller.counters()[note_kind::timed_out], 1U);
    const std::string id = pair.submit();
    pair.pass(10s);
    EXPECT_TRUE(pair.finished(id));
}

TEST(EnginePair, AControllerThatIsLateIsWaitedFor) {
    engine_pair pair;
    pair.reachable = false;
    pair.start();
    pair.pass(10min);
    EXPECT_GT(pair.ends.size(), 10U);
    pair.reachable = true;
    const std::string id = pair.submit();
    pair.pass(31s); // reconnect_cap
    EXPECT_TRUE(pair.finished(id));
}

TEST(EnginePair, ADrainFinishesWhatRunsAndTakesNothingNew) {
    engine_pair pair;
    pair.handler = [&](const assigned_task& task) { pair.after(3s, [&, task] { pair.complete(task); }); };
    pair.start();
    const std::string running = pair.submit();
    pair.pass(1s);
    ASSERT_TRUE(pair.stop(end_reason::signal));
    const std::string late = pair.submit();
    pair.pass(10s);
    EXPECT_TRUE(pair.finished(running));
    EXPECT_EQ(pair.error_of(running), "");
    EXPECT_EQ(pair.error_of(late), "WORKER_SHUTDOWN") << "it was on its way";
    EXPECT_THAT(pair.stopped, ElementsAre(end_reason::signal));
    EXPECT_THAT(pair.returned, IsEmpty());
    EXPECT_EQ(pair.worker.counters().receipted, 2U);
    EXPECT_THAT(pair.controller.workers(), IsEmpty());
}

TEST(EnginePair, AnIdleWorkerLeavesWhenItsTimeIsUp) {
    engine_pair pair{pair_config(2), {.idle_time = 20}};
    pair.start();
    pair.pass(10s);
    const std::string id = pair.submit();
    pair.pass(19s);
    EXPECT_THAT(pair.stopped, IsEmpty()) << "the task has set the time anew";
    pair.pass(5s);
    EXPECT_TRUE(pair.finished(id));
    EXPECT_THAT(pair.stopped, ElementsAre(end_reason::idle));
    EXPECT_THAT(pair.controller.workers(), IsEmpty());
}

TEST(EnginePair, TwoSlotsRunTwoTasksAtOnce) {
    engine_pair pair{pair_config(2)};
    std::size_t most = 0;
    std::size_t running = 0;
    pair.handler = [&](const assigned_task& task) {
        most = std::max(most, ++running);
        pair.after(1s, [&, task] {
            --running;
            pair.complete(task);
        });
    };
    pair.start();
    pair.pass(1s);
    for (int i = 0; i < 4; ++i) {
        pair.submit();
    }
    pair.pass(2500ms);
    EXPECT_EQ(most, 2U);
    EXPECT_EQ(pair.worker.counters().receipted, 4U);
}

TEST(EnginePair, AThousandTasksEachRunOnceAndAreReceipted) {
    constexpr std::size_t tasks = 1000;
    engine_pair pair{pair_config(3)};
    pair.start();
    std::set<std::string> ids;
    for (std::size_t i = 0; i < tasks; ++i) {
        ids.insert(pair.submit(value{{"i", i}}));
    }
    EXPECT_TRUE(pair.pass_until([&] { return pair.worker.counters().receipted == tasks; }, 1min));
    std::set<std::string> ran;
    for (const assigned_task& task : pair.assigned) {
        EXPECT_TRUE(ran.insert(std::string{task.id()}).second);
    }
    EXPECT_EQ(ran, ids);
    EXPECT_TRUE(std::ranges::all_of(ids, [&](const std::string& id) { return pair.finished(id); }));
    EXPECT_THAT(pair.returned, IsEmpty());
}

// --- Whatever the network does ---

// What must be true of each task once the network is well again and all is quiet.
void check_accounts(const engine_pair& pair, const std::vector<std::string>& ids) {
    std::map<std::string, int> ran;
    for (const assigned_task& task : pair.assigned) {
        ++ran[std::string{task.id()}];
    }
    std::multimap<std::string, certainty> returned{pair.returned.begin(), pair.returned.end()};
    for (const std::string& id : ids) {
        const task_record& task = pair.task(id);
        RC_ASSERT(ran[id] <= 1); // nobody asked for it twice
        RC_ASSERT(returned.count(id) <= 1U);
        RC_ASSERT(task.status != task_status::pending); // the worker is back, and idle
        const bool done = task.status == task_status::finished;
        const auto back = returned.find(id);
        // RC_ASSERT evaluates both sides of an || that stands in it, so these stand apart.
        const bool handed_back = back != returned.end();
        const bool was_sent = handed_back && back->second == certainty::maybe_processed;
        const bool known = done || ran[id] == 0 || handed_back;
        RC_ASSERT((!done || !handed_back || was_sent));
        // What the controller strands was lost on the way to the worker, or the worker has handed it back.
        RC_ASSERT(known);
    }
    const engine_counters sum = pair.worker.counters();
    RC_ASSERT(sum.receipted + sum.undeliverable == pair.accepted + sum.abandoned + sum.refused);
    RC_ASSERT(sum.undeliverable == pair.returned.size());
}

RC_GTEST_PROP(EnginePair, WhateverIsCutNothingIsLostUnreportedI10, ()) {
    const auto slots = *rc::gen::inRange<std::uint32_t>(1, 4);
    engine_pair pair{pair_config(slots), {}, "token", *rc::gen::arbitrary<std::uint64_t>()};
    const auto work = std::chrono::milliseconds{*rc::gen::inRange(0, 3000)};
    pair.latency = std::chrono::milliseconds{*rc::gen::inRange(1, 200)};
    pair.handler = [&](const assigned_task& task) { pair.after(work, [&, task] { pair.complete(task); }); };
    pair.start();
    std::vector<std::string> ids;
    const int steps = *rc::gen::inRange(1, 40);
    for (int i = 0; i < steps; ++i) {
        const auto slot = *rc::gen::inRange<std::uint32_t>(0, slots);
        switch (*rc::gen::weightedElement<int>({{6, 0}, {3, 1}, {1, 2}, {1, 3}, {2, 4}})) {
        case 0:
            ids.push_back(pair.submit());
            break;
        case 1:
            pair.cut(slot);
            break;
        case 2:
            pair.silence(slot);
            break;
        case 3:
            pair.reachable = !pair.reachable;
            break;
        default:
            pair.pass(std::chrono::seconds{*rc::gen::inRange(1, 20)});
            break;
        }
        pair.pass(std::chrono::milliseconds{*rc::gen::inRange(0, 2000)});
    }
    pair.reachable = true;
    pair.pass(2min); // silent links are noticed, the worker is back
    const auto quiet = [&] { return pair.controller.queues()[0].pending == 0; };
    RC_ASSERT(pair.pass_until(quiet, 10min));
    pair.pass(1min);
    check_accounts(pair, ids);
}

} // namespace
} // namespace distworker::testing
