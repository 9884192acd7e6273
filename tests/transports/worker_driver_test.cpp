// The driver between a worker group and a transport that the test plays by hand, on virtual time.
#include "fake_link.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

namespace distworker::testing {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr std::uint16_t normal_closure = 1000;

stream_item item_for(const assigned_task& task, int number) {
    stream_item_writer item{task, 0};
    item.data().member("n", number);
    return std::move(item).finish().value();
}

TEST(WorkerDriver, OpensAConnectionToTheControllerWhenItStarts) {
    driver_rig rig;
    EXPECT_THAT(rig.connector.connections, IsEmpty());
    ASSERT_TRUE(rig.driver->start());
    ASSERT_THAT(rig.connector.connections, SizeIs(1));
    EXPECT_EQ(rig.link().url.to_string(), "ws://localhost:8081/worker/v1/ws");
    EXPECT_EQ(rig.state(), engine_state::connecting);
    EXPECT_EQ(rig.driver->start().error(), misuse::not_in_state);
    EXPECT_THAT(rig.connector.connections, SizeIs(1));
}

TEST(WorkerDriver, SendsOneMessageAtATimeInOrder) {
    driver_rig rig;
    rig.connect();
    EXPECT_THAT(rig.link().kinds(), ElementsAre("register"));
    rig.link().receive(response_frame()); // before the registration is written out
    EXPECT_THAT(rig.link().kinds(), ElementsAre("register"));
    rig.link().sent();
    EXPECT_THAT(rig.link().kinds(), ElementsAre("register", "heartbeat"));
    rig.link().receive(assign_frame({}));
    const assigned_task task = rig.told.tasks.at(0);
    ASSERT_TRUE(rig.driver->progress(task.name(), 0.5, "half"));
    ASSERT_TRUE(rig.driver->stream(task.name(), item_for(task, 1)));
    ASSERT_TRUE(rig.driver->complete(task.name(), engine_rig::result_for(task)));
    EXPECT_THAT(rig.link().kinds(), SizeIs(2));
    rig.write_all();
    EXPECT_THAT(rig.link().kinds(), ElementsAre("register", "heartbeat", "progress", "progress", "complete"));
}

TEST(WorkerDriver, AsksForFreshFiguresBeforeEachHeartbeat) {
    driver_rig rig;
    rig.become_ready();
    EXPECT_EQ(rig.told.samples, 1);
    const auto beat = read_frame(rig.link().messages.back());
    const auto& figures = std::get<heartbeat_view>(beat.value());
    EXPECT_FLOAT_EQ(figures.usage.cpu_percent, 12.5F);
    EXPECT_EQ(figures.usage.memory_used_mb, 34);
    for (int i = 0; i < 30; ++i) {
        rig.on.pass(1s);
        rig.link().events->alive();
    }
    EXPECT_EQ(rig.told.samples, 2);
    EXPECT_EQ(rig.link().kinds().back(), "heartbeat");
}

TEST(WorkerDriver, TakesAnAnswerFromInsideItsOwnEvent) {
    driver_rig rig;
    rig.become_ready();
    rig.told.answers_at_once = rig.driver.get();
    rig.link().receive(assign_frame({}));
    EXPECT_EQ(rig.link().kinds().back(), "complete");
    rig.write_all();
    EXPECT_EQ(rig.state(), engine_state::ready);
    EXPECT_EQ(
        rig.driver->complete(rig.told.tasks[0].name(), engine_rig::result_for(rig.told.tasks[0])).error(),
        misuse::stale_delivery);
}

TEST(WorkerDriver, RecordsALifeThatPlaysAgain) {
    std::string trace;
    trace_writer writer{[&](std::string_view line) {
                            trace += line;
                            return true;
                        },
                        trace_payloads::whole};
    {
        driver_rig rig{default_config(), &writer};
        rig.become_ready();
        rig.told.answers_at_once = rig.driver.get(); // an input between two outputs
        rig.link().receive(assign_frame({}));
        rig.write_all();
        rig.told.answers_at_once = nullptr;
        rig.link().receive(assign_frame({.id = "task-2"}));
        const assigned_task task = rig.told.tasks.at(1);
        EXPECT_TRUE(rig.driver->progress(task.name(), 0.5, "half"));
        EXPECT_TRUE(rig.driver->stream(task.name(), item_for(task, 1)));
        EXPECT_TRUE(rig.driver->set_slots(2));
        EXPECT_FALSE(rig.driver->set_slots(0));
        rig.write_all();
        rig.connector.connections[0]->events->closed({.what = link_end::kind::lost, .detail = "test"});
        rig.on.pass(1min);
        EXPECT_TRUE(rig.driver->stop(end_reason::stop_requested, 10s));
        rig.on.pass(1min);
    }
    const auto report = replay(trace);
    ASSERT_TRUE(report) << report.error().line << ": " << report.error().problem;
    EXPECT_FALSE(report->difference) << report->difference->line << ": " << report->difference->recorded
                                     << " / " << report->difference->replayed;
    EXPECT_THAT(
        trace, AllOf(HasSubstr("out assigned"), HasSubstr("answer invalid_value"), HasSubstr("out stopped")));
}

TEST(WorkerDriver, PutsMessagesTogetherFromTheirPieces) {
    driver_rig rig;
    rig.become_ready();
    const auto message = assign_frame({});
    const auto bytes = std::span<const std::byte>{message};
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        EXPECT_THAT(rig.told.tasks, IsEmpty());
        rig.link().events->received(message_kind::binary, bytes.subspan(i, 1), i + 1 == bytes.size(), 0);
    }
    ASSERT_THAT(rig.told.tasks, SizeIs(1));
    EXPECT_EQ(rig.told.tasks[0].id(), "task-1");
}

TEST(WorkerDriver, PingsForAReceiptAndTakesTheAnswer) {
    driver_rig rig;
    rig.become_busy();
    ASSERT_TRUE(rig.driver->complete(rig.told.tasks[0].name(), engine_rig::result_for(rig.told.tasks[0])));
    rig.write_all();
    EXPECT_THAT(rig.link().pings, IsEmpty());
    rig.on.pass(default_config().receipt_delay);
    ASSERT_THAT(rig.link().pings, SizeIs(1));
    EXPECT_EQ(rig.driver->group().counters().receipted, 0U);
    rig.link().events->pong(rig.link().pings[0]);
    EXPECT_EQ(rig.driver->group().counters().receipted, 1U);
}

TEST(WorkerDriver, ClosesInOrderWhenItIsStopped) {
    driver_rig rig;
    rig.become_ready();
    ASSERT_TRUE(rig.driver->stop(end_reason::stop_requested, 10s));
    rig.write_all();
    while (rig.link().closes.empty() && !rig.link().pings.empty()) {
        rig.link().events->pong(std::exchange(rig.link().pings, {}).back());
    }
    EXPECT_THAT(rig.link().closes, ElementsAre(normal_closure));
    EXPECT_THAT(rig.told.ended, IsEmpty());
    rig.link().events->closed({.what = link_end::kind::closed, .detail = "test"});
    EXPECT_THAT(rig.told.ended, ElementsAre(end_reason::stop_requested));
    ASSERT_THAT(rig.told.ends, SizeIs(1));
    EXPECT_EQ(rig.told.ends[0].second.cause, end_cause::local);
    rig.on.pass(1h);
    EXPECT_THAT(rig.connector.connections, SizeIs(1));
    EXPECT_TRUE(rig.link().destroyed);
}

TEST(WorkerDriver, DropsAConnectionThatIsNotMadeInTimeAndTriesAgain) {
    driver_rig rig;
    ASSERT_TRUE(rig.driver->start());
    const auto first = rig.connector.connections[0];
    rig.on.pass(default_config().connect_timeout);
    EXPECT_TRUE(first->aborted);
    EXPECT_TRUE(first->destroyed);
    ASSERT_THAT(rig.told.ends, SizeIs(1));
    EXPECT_EQ(rig.told.ends[0].second.cause, end_cause::timed_out);
    EXPECT_EQ(rig.state(), engine_state::backoff);
    rig.on.pass(rig.told.ends[0].second.retry_at - virtual_now.monotonic);
    ASSERT_THAT(rig.connector.connections, SizeIs(2));
    rig.link().opened();
    EXPECT_THAT(rig.link().kinds(), ElementsAre("register"));
}

TEST(WorkerDriver, KeepsAConnectionUntilItsOwnCallIsOver) {
    driver_rig rig;
    rig.become_busy();
    const auto link = rig.connector.connections[0];
    link->events->closed({.what = link_end::kind::lost, .detail = "test"});
    EXPECT_FALSE(link->destroyed) << "it may still be on the stack";
    rig.on.turn();
    EXPECT_TRUE(link->destroyed);
    ASSERT_THAT(rig.told.stops, SizeIs(1));
    EXPECT_EQ(rig.told.stops[0].second, stop_reason::connection_lost);
}

TEST(WorkerDriver, IgnoresWhatAnOldConnectionStillSays) {
    driver_rig rig;
    ASSERT_TRUE(rig.driver->start());
    const auto old = rig.connector.connections[0];
    old->events->closed({.what = link_end::kind::connect, .detail = "test"});
    const auto stale_before = rig.driver->group().counters().stale_events;
    const auto message = assign_frame({});
    old->events->opened();
    old->events->received(message_kind::binary, message, true, message.size());
    old->events->pinged();
    old->events->pong(message);
    old->events->alive();
    old->events->sent();
    old->events->closed({.what = link_end::kind::lost, .detail = "again"});
    EXPECT_EQ(rig.driver->group().counters().stale_events, stale_before + 7);
    EXPECT_THAT(rig.told.ends, SizeIs(1));
    EXPECT_THAT(rig.told.tasks, IsEmpty());
    EXPECT_EQ(rig.state(), engine_state::backoff);
}

TEST(WorkerDriver, AnOldConnectionCannotSpeakForANewOne) {
    driver_rig rig;
    rig.become_busy();
    const auto old = rig.connector.connections[0];
    old->events->closed({.what = link_end::kind::lost, .detail = "test"});
    virtual_now.monotonic = rig.told.ends.at(0).second.retry_at;
    const assigned_task task = rig.told.tasks[0];
    ASSERT_TRUE(rig.driver->complete(task.name(), engine_rig::result_for(task))); // a call that sees the time
    ASSERT_THAT(rig.connector.connections, SizeIs(2));
    ASSERT_FALSE(old->destroyed); // the loop was not in control yet
    old->events->opened();
    EXPECT_EQ(rig.state(), engine_state::connecting);
    EXPECT_THAT(rig.link().kinds(), IsEmpty());
    old->events->closed({.what = link_end::kind::lost, .detail = "again"});
    EXPECT_EQ(rig.state(), engine_state::connecting);
    rig.link().opened();
    EXPECT_THAT(rig.link().kinds(), ElementsAre("register"));
    rig.on.turn();
    EXPECT_TRUE(old->destroyed);
    EXPECT_FALSE(rig.link().destroyed);
    ASSERT_THAT(rig.told.returned, SizeIs(1)); // nobody waits for that answer any more
}

TEST(WorkerDriver, RunsTheSlotsOverConnectionsOfTheirOwn) {
    worker_config config = default_config();
    config.slots = 3;
    driver_rig rig{config};
    ASSERT_TRUE(rig.driver->start());
    rig.on.pass(5s);
    ASSERT_THAT(rig.connector.connections, SizeIs(3));
    for (const auto& each : rig.connector.connections) {
        each->opened();
        each->sent();
        each->receive(response_frame());
        each->sent();
        each->receive(assign_frame({}));
    }
    ASSERT_THAT(rig.told.tasks, SizeIs(3));
    std::set<std::uint32_t> slots;
    for (const auto& task : rig.told.tasks) {
        slots.insert(task.name().slot);
        ASSERT_TRUE(rig.driver->complete(task.name(), engine_rig::result_for(task)));
    }
    EXPECT_THAT(slots, SizeIs(3));
    for (const auto& each : rig.connector.connections) {
        EXPECT_EQ(each->kinds().back(), "complete");
    }
}

TEST(WorkerDriver, TellsWhenAFullStreamTakesItemsAgain) {
    worker_config config = default_config();
    config.stream_bytes = 64U << 10U;
    driver_rig rig{config};
    rig.become_busy();
    const assigned_task task = rig.told.tasks[0];
    int queued = 0;
    for (;; ++queued) {
        auto item = item_for(task, queued);
        const auto taken = rig.driver->stream(task.name(), std::move(item));
        if (!taken) {
            EXPECT_EQ(taken.error(), misuse::would_block);
            EXPECT_FALSE(item.empty()) << "a refused item stays its owner's";
            break;
        }
        ASSERT_LT(queued, 100'000);
    }
    EXPECT_EQ(rig.told.writables, 0);
    rig.write_all();
    EXPECT_EQ(rig.told.writables, 1);
    EXPECT_TRUE(rig.driver->stream(task.name(), item_for(task, queued)));
}

// Other threads

TEST(WorkerDriver, RunsWhatOtherThreadsPostInOrderWithOneWakeUp) {
    driver_rig rig;
    rig.become_busy();
    const assigned_task task = rig.told.tasks[0];
    const int posts_before = rig.on.posts;
    const auto remote = rig.driver->remote_access();
    std::thread{[&] {
        for (int i = 0; i < 100; ++i) {
            remote.post([&, item = item_for(task, i)](worker_driver& driver) mutable {
                EXPECT_TRUE(driver.stream(task.name(), std::move(item)));
            });
        }
        remote.post([&](worker_driver& driver) {
            EXPECT_TRUE(driver.complete(task.name(), engine_rig::result_for(task)));
        });
    }}.join();
    EXPECT_EQ(rig.on.posts, posts_before + 1);
    rig.on.turn();
    rig.write_all();
    const auto kinds = rig.link().kinds();
    ASSERT_THAT(kinds, SizeIs(2 + 100 + 1));
    EXPECT_EQ(kinds.back(), "complete");
    for (int i = 0; i < 100; ++i) {
        const auto frame = read_frame(rig.link().messages[static_cast<std::size_t>(2 + i)]);
        EXPECT_EQ(std::get<task_progress_view>(frame.value()).data.find("n")->number(), i);
    }
}

TEST(WorkerDriver, TakesPostsFromManyThreadsWhileItRuns) {
    driver_rig rig;
    rig.become_ready();
    const auto remote = rig.driver->remote_access();
    constexpr int threads = 4;
    constexpr int each = 1'000;
    std::vector<std::vector<int>> seen(threads);
    int total = 0;
    std::vector<std::jthread> posters;
    for (int thread = 0; thread < threads; ++thread) {
        posters.emplace_back([&, thread] {
            for (int i = 0; i < each; ++i) {
                remote.post([&, thread, i](worker_driver&) {
                    seen[static_cast<std::size_t>(thread)].push_back(i);
                    ++total;
                });
            }
        });
    }
    while (total < threads * each) {
        rig.on.turn();
    }
    for (const auto& of_one : seen) {
        EXPECT_TRUE(std::ranges::is_sorted(of_one));
        EXPECT_THAT(of_one, SizeIs(each));
    }
}

TEST(WorkerDriver, APostMayPost) {
    driver_rig rig;
    const auto remote = rig.driver->remote_access();
    int calls = 0;
    remote.post([&](worker_driver&) { remote.post([&](worker_driver&) { ++calls; }); });
    rig.on.turn();
    EXPECT_EQ(calls, 1);
}

TEST(WorkerDriver, DestroysPostsThatItDidNotRunAndIgnoresLaterOnes) {
    driver_rig rig;
    rig.become_ready();
    const auto remote = rig.driver->remote_access();
    auto held = std::make_shared<int>(0);
    remote.post([held](worker_driver&) { ++*held; });
    EXPECT_EQ(held.use_count(), 2);
    rig.driver.reset();
    EXPECT_EQ(held.use_count(), 1);
    remote.post([held](worker_driver&) { ++*held; });
    EXPECT_EQ(held.use_count(), 1);
    rig.on.turn(); // the wake-up is still in the loop
    EXPECT_EQ(*held, 0);
}

TEST(WorkerDriver, APostThatPostsAsItIsDestroyedIsNoTrouble) {
    driver_rig rig;
    const auto remote = rig.driver->remote_access();
    struct poster {
        worker_driver::remote remote;
        bool armed = true;
        explicit poster(worker_driver::remote to) : remote{std::move(to)} {}
        poster(poster&& other) noexcept : remote{other.remote}, armed{std::exchange(other.armed, false)} {}
        poster& operator=(poster&&) = delete;
        ~poster() {
            if (armed) {
                remote.post([](worker_driver&) { FAIL() << "the driver is gone"; });
            }
        }
        void operator()(worker_driver&) { FAIL() << "the driver is gone"; }
    };
    remote.post(poster{remote});
    rig.driver.reset();
    rig.on.turn();
}

// The end, at any time

class DriverEnd : public ::testing::TestWithParam<std::pair<const char*, void (*)(driver_rig&)>> {};

TEST_P(DriverEnd, DropsItsConnectionsAndLeavesNothingBehind) {
    driver_rig rig;
    GetParam().second(rig);
    rig.driver.reset();
    EXPECT_EQ(rig.on.deadline(), never);
    for (const auto& each : rig.connector.connections) {
        EXPECT_TRUE(each->destroyed);
    }
    rig.on.pass(1h);
}

INSTANTIATE_TEST_SUITE_P(
    InEachState, DriverEnd,
    ::testing::Values(std::pair{"not_started", +[](driver_rig&) {}},
                      std::pair{"connecting", +[](driver_rig& rig) { EXPECT_TRUE(rig.driver->start()); }},
                      std::pair{"registering", +[](driver_rig& rig) { rig.connect(); }},
                      std::pair{"ready", +[](driver_rig& rig) { rig.become_ready(); }},
                      std::pair{"busy", +[](driver_rig& rig) { rig.become_busy(); }},
                      std::pair{"draining",
                                +[](driver_rig& rig) {
                                    rig.become_busy();
                                    EXPECT_TRUE(rig.driver->stop(end_reason::stop_requested, 10s));
                                }},
                      std::pair{"closing",
                                +[](driver_rig& rig) {
                                    rig.become_busy();
                                    EXPECT_TRUE(rig.driver->stop(end_reason::stop_requested, 0s));
                                    rig.write_all();
                                }},
                      std::pair{"with_a_connection_to_bury",
                                +[](driver_rig& rig) {
                                    rig.become_ready();
                                    rig.link().events->closed(
                                        {.what = link_end::kind::lost, .detail = "test"});
                                    EXPECT_FALSE(rig.link().destroyed);
                                }},
                      std::pair{"waiting_to_reconnect",
                                +[](driver_rig& rig) {
                                    rig.become_ready();
                                    rig.link().events->closed(
                                        {.what = link_end::kind::lost, .detail = "test"});
                                    rig.on.turn();
                                    EXPECT_EQ(rig.state(), engine_state::backoff);
                                }},
                      std::pair{"stopped",
                                +[](driver_rig& rig) {
                                    rig.become_ready();
                                    EXPECT_TRUE(rig.driver->stop(end_reason::stop_requested, 0s));
                                    rig.on.pass(1h);
                                    EXPECT_THAT(rig.told.ended, ElementsAre(end_reason::stop_requested));
                                }}),
    [](const auto& each) { return each.param.first; });

} // namespace
} // namespace distworker::testing
