// A session that outlives its connections: a stable worker and the ideal controller, in memory.
#include "core/engine_pair.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <map>

namespace distworker::testing {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

worker_config stable_config() {
    worker_config config = pair_config();
    config.worker_id = "w1";
    config.session = session_policy::stable;
    return config;
}

const controller_config ideal{.mode = controller_mode::ideal};

TEST(EnginePairStable, AConnectionCutAtAnyMomentCostsATaskNothing) {
    for (std::chrono::milliseconds at = 0ms; at < 40ms; at += 1ms) {
        engine_pair pair{stable_config(), ideal};
        pair.start();
        pair.pass(10s);
        const std::string id = pair.submit();
        pair.pass(at);
        pair.cut(0);
        pair.pass(30s);
        EXPECT_TRUE(pair.finished(id)) << at.count();
        EXPECT_EQ(pair.error_of(id), "") << at.count();
        EXPECT_THAT(pair.assigned, SizeIs(1)) << at.count();
        EXPECT_THAT(pair.returned, IsEmpty()) << at.count();
        EXPECT_EQ(pair.worker.counters().receipted, 1U) << at.count();
    }
}

TEST(EnginePairStable, AHandlerGoesOnWhileItsConnectionIsAway) {
    engine_pair pair{stable_config(), ideal};
    pair.handler = [&](const assigned_task& task) { pair.after(20s, [&, task] { pair.complete(task); }); };
    pair.start();
    pair.pass(1s);
    const std::string id = pair.submit();
    pair.pass(1s);
    pair.reachable = false;
    pair.cut(0);
    pair.pass(10s);
    EXPECT_THAT(pair.stops, IsEmpty());
    pair.reachable = true;
    pair.pass(60s);
    EXPECT_TRUE(pair.finished(id));
    EXPECT_THAT(pair.assigned, SizeIs(1));
}

TEST(EnginePairStable, AResultThatComesAfterItsTaskWasGivenAwayIsTaken) {
    engine_pair pair{stable_config(), ideal};
    pair.handler = [&](const assigned_task& task) { pair.after(100s, [&, task] { pair.complete(task); }); };
    pair.start();
    pair.pass(1s);
    const std::string id = pair.submit();
    pair.pass(1s);
    pair.reachable = false;
    pair.cut(0);
    pair.pass(110s);
    EXPECT_EQ(pair.task(id).status, task_status::pending) << "it did not return in time";
    pair.reachable = true;
    pair.pass(60s);
    EXPECT_TRUE(pair.finished(id));
    EXPECT_EQ(pair.error_of(id), "");
}

TEST(EnginePairStable, ASilentLinkIsReplacedAndTheOldConnectionEnds) {
    engine_pair pair{stable_config(), ideal};
    pair.handler = [&](const assigned_task& task) { pair.after(60s, [&, task] { pair.complete(task); }); };
    pair.start();
    pair.pass(1s);
    const std::string id = pair.submit();
    pair.pass(1s);
    pair.silence(0);
    pair.pass(2min);
    EXPECT_TRUE(pair.finished(id));
    EXPECT_THAT(pair.assigned, SizeIs(1));
    EXPECT_THAT(pair.controller.workers(), SizeIs(1));
}

// Whatever the network does: every task ends as its handler ended it, and runs twice only after a cut.
RC_GTEST_PROP(EnginePairStable, WhateverIsCutNothingIsLost, ()) {
    engine_pair pair{stable_config(), ideal, "token", *rc::gen::arbitrary<std::uint64_t>()};
    const auto work = std::chrono::milliseconds{*rc::gen::inRange(0, 3000)};
    pair.latency = std::chrono::milliseconds{*rc::gen::inRange(1, 200)};
    pair.handler = [&](const assigned_task& task) { pair.after(work, [&, task] { pair.complete(task); }); };
    pair.start();
    std::vector<std::string> ids;
    bool disturbed = false;
    const int steps = *rc::gen::inRange(1, 30);
    for (int i = 0; i < steps; ++i) {
        switch (*rc::gen::weightedElement<int>({{6, 0}, {3, 1}, {1, 2}, {1, 3}, {2, 4}})) {
        case 0:
            ids.push_back(pair.submit());
            break;
        case 1:
            pair.cut(0);
            disturbed = true;
            break;
        case 2:
            pair.silence(0);
            disturbed = true;
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
    const auto all_done = [&] {
        return std::ranges::all_of(ids, [&](const std::string& id) { return pair.finished(id); });
    };
    RC_ASSERT(pair.pass_until(all_done, 20min));
    pair.pass(1min);
    std::map<std::string, int> ran;
    for (const assigned_task& task : pair.assigned) {
        ++ran[std::string{task.id()}];
    }
    for (const std::string& id : ids) {
        RC_ASSERT(pair.error_of(id) == "");
        RC_ASSERT(ran[id] >= 1);
        const bool once_or_cut = ran[id] == 1 || disturbed;
        RC_ASSERT(once_or_cut);
    }
    RC_ASSERT(pair.returned.empty());
}

} // namespace
} // namespace distworker::testing
