// Logic and outages of one's own, as docs/simulation.md shows them.
#include <distworker/sim/minimise.hpp>
#include <distworker/sim/simulation.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>

namespace distworker::sim {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// A render job: three frames, each of them streamed; when it is asked to stop it gives up at once.
void render(virtual_task& task, unsigned frame) {
    if (task.stopped()) {
        return;
    }
    if (frame == 3) {
        static_cast<void>(task.complete(value{{"frames", frame}}));
        return;
    }
    static_cast<void>(task.stream(value{{"frame", frame}}));
    task.after(2s, [frame](virtual_task& same) { render(same, frame + 1); });
}

run_options rendering() {
    run_options options{.seed = 1, .workers = 2, .mode = mode::ideal, .faulty_time = 10min};
    options.seeded_faults = false;
    options.between_tasks = 5s;
    options.handler = [](virtual_task& task) {
        task.on_stop([](virtual_task& same) { static_cast<void>(same.fail("GAVE_UP", "asked to stop")); });
        render(task, 0);
    };
    return options;
}

TEST(OwnLogic, RunsOnVirtualTime) {
    run_options options = rendering();
    std::uint64_t finished = 0;
    options.finished = [&](const task_record& task) {
        ASSERT_TRUE(task.result);
        EXPECT_EQ(*value{task.result->view()}.find("frames")->number(), 3);
        ++finished;
    };
    const run_result result = simulate(options);
    EXPECT_THAT(result.accusations, IsEmpty());
    EXPECT_EQ(finished, result.tasks.submitted);
    EXPECT_GT(finished, 50U);
}

TEST(OwnLogic, SurvivesAnOutageOfItsOwn) {
    run_options options = rendering();
    options.outages.push_back({1min, "the controller is replaced", [](world& w) { w.end_controller(45s); }});
    options.outages.push_back({3min, "a switch dies", [](world& w) {
                                   for (std::uint32_t worker = 0; worker < w.workers(); ++worker) {
                                       w.silence(worker);
                                   }
                               }});
    options.outages.push_back({5min, "a machine is suspended", [](world& w) { w.freeze(0, 2min); }});
    options.outages.push_back({7min, "a machine is lost", [](world& w) { w.kill(1); }});
    options.outages.push_back({8min, "a deployment", [](world& w) {
                                   w.stop(0);
                                   w.after(20s, [](world& later) { later.stop(1); });
                               }});
    const run_result result = simulate(options);
    EXPECT_THAT(result.accusations, IsEmpty());
    EXPECT_EQ(result.tasks.finished, result.tasks.submitted) << "an ideal controller loses nothing";
    EXPECT_GT(result.tasks.duplicated, 0U) << "what a killed machine worked on runs again";
}

TEST(OwnLogic, MeetsEveryCutAndStall) {
    run_options options = rendering();
    for (int i = 0; i < 20; ++i) {
        options.outages.push_back({20s * (i + 1), "a bad line", [i](world& w) {
                                       if (i % 3 == 0) {
                                           w.cut(0, world::cut_kind::rst);
                                       } else if (i % 3 == 1) {
                                           w.cut(1, world::cut_kind::fin);
                                       } else {
                                           w.stall(0, 8s);
                                       }
                                       w.set_wall_clock(1, i % 2 == 0 ? 200s : 0s);
                                   }});
    }
    const run_result result = simulate(options);
    EXPECT_THAT(result.accusations, IsEmpty());
    EXPECT_EQ(result.tasks.finished, result.tasks.submitted);
}

TEST(OwnLogic, HearsOfWhatComesBack) {
    run_options options = rendering();
    options.mode = mode::faithful;
    options.outages.push_back({1min, "cut", [](world& w) { w.cut(0, world::cut_kind::rst); }});
    options.handler = [](virtual_task& task) { // deaf: it answers although its connection is gone
        task.after(3s, [](virtual_task& same) { static_cast<void>(same.complete(value{{"late", true}})); });
    };
    options.between_tasks = 200ms; // more than they can do, so both always have one
    std::uint64_t returned = 0;
    options.undeliverable = [&](std::uint32_t worker, const output::undeliverable& lost) {
        EXPECT_EQ(worker, 0U);
        EXPECT_EQ(lost.how_sure, certainty::not_sent);
        ++returned;
    };
    const run_result result = simulate(options);
    EXPECT_THAT(result.accusations, IsEmpty());
    EXPECT_GT(returned, 0U);
    EXPECT_EQ(returned, result.tasks.undeliverable);
    EXPECT_EQ(result.tasks.finished + result.tasks.reported + result.tasks.stranded, result.tasks.submitted);
}

TEST(OwnLogic, ConfiguresItsWorkersAndMakesItsTasks) {
    run_options options = rendering();
    options.configure = [](worker_config& config) { config.heartbeat_interval = 1h; };
    options.make_task = [](std::uint64_t number, seeded_random&) {
        return task_spec{.queue = std::string{queue_name},
                         .metadata = {},
                         .input = {{"number", number}},
                         .timeout_ms = 1'000};
    };
    std::map<std::string, int> codes;
    options.finished = [&](const task_record& task) { ++codes[task.error ? task.error->code : ""]; };
    const run_result result = simulate(options);
    EXPECT_THAT(result.accusations, IsEmpty());
    EXPECT_THAT(codes, SizeIs(1));
    EXPECT_GT(codes["TIMEOUT"], 50);
}

// What must never be is said by the logic itself; the failure is then made small.
TEST(OwnLogic, AFailureIsMadeSmall) {
    run_options options{.seed = 2, .mode = mode::faithful, .faulty_time = 3h};
    options.between_tasks = 5s;
    options.handler = [](virtual_task& task) {
        task.on_stop([](virtual_task& same) {
            if (same.stopped() == stop_reason::connection_lost) {
                same.accuse("mine: a connection must never be lost");
            }
        });
        task.after(10s, [](virtual_task& same) { static_cast<void>(same.complete({})); });
    };
    const run_result result = simulate(options);
    ASSERT_FALSE(result.good());
    EXPECT_THAT(result.accusations.front(), HasSubstr("mine"));
    const small_failure small = minimise(options, result);
    EXPECT_GT(small.from, 5U);
    EXPECT_LE(small.result.happened.size(), 2U) << "one event is enough, or none";
    ASSERT_FALSE(small.result.good());
    EXPECT_EQ(invariant_of(small.result.accusations.front()), "mine");
    // And it can be played again.
    EXPECT_EQ(simulate(small.options).accusations, small.result.accusations);
}

TEST(OwnLogic, AnAccusationNamesItsInvariant) {
    EXPECT_EQ(invariant_of("worker 3: I10: slot 0: something"), "I10");
    EXPECT_EQ(invariant_of("verdict: task x is lost"), "verdict");
    EXPECT_EQ(invariant_of("nothing"), "nothing");
}

} // namespace
} // namespace distworker::sim
