// What `loop.hpp` promises of the timer and of posts, each loop keeps.
#include "loop_rig.hpp"
#include "sockets.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <vector>

namespace distworker::testing {
namespace {

using namespace std::chrono_literals;

class LoopTimer : public loop_rig {};
DISTWORKER_ON_EACH_LOOP(LoopTimer);

// The timer

TEST_P(LoopTimer, TheTimerExpiresAtItsDeadlineAndNotBefore) {
    const monotonic_time deadline = on().now() + 20ms;
    monotonic_time expired{};
    on().set_timer(deadline, [&] {
        expired = on().now();
        stop();
    });
    run();
    EXPECT_GE(expired, deadline);
}

TEST_P(LoopTimer, ADeadlineThatHasPassedIsServedSoonButNotInsideTheCall) {
    for (const monotonic_time past : {on().now() - 1h, monotonic_time{}, monotonic_time::min()}) {
        bool inside = true;
        int calls = 0;
        on().set_timer(past, [&] {
            EXPECT_FALSE(inside);
            ++calls;
            stop();
        });
        inside = false;
        run();
        EXPECT_EQ(calls, 1);
    }
}

TEST_P(LoopTimer, ALaterDeadlineReplacesAnEarlierOne) {
    const monotonic_time deadline = on().now() + 30ms;
    monotonic_time expired{};
    on().set_timer(on().now() + 1ms, [] { FAIL() << "it was replaced"; });
    on().set_timer(deadline, [&] {
        expired = on().now();
        stop();
    });
    run();
    EXPECT_GE(expired, deadline);
}

TEST_P(LoopTimer, AnEarlierDeadlineReplacesALaterOne) {
    on().set_timer(on().now() + 1h, [] { FAIL() << "it was replaced"; });
    on().set_timer(on().now() + 1ms, [&] { stop(); });
    run();
}

TEST_P(LoopTimer, AnEarlierDeadlineReplacesALaterOneWhileTheLoopRuns) {
    on().set_timer(on().now() + 1h, [] { FAIL() << "it was replaced"; });
    on().post([&] { on().set_timer(on().now() + 1ms, [&] { stop(); }); });
    run();
}

TEST_P(LoopTimer, AClearedTimerStaysSilentAndLetsGoOfItsCallback) {
    auto held = std::make_shared<int>(1);
    on().set_timer(on().now() - 1s, [held] { FAIL() << "it was cleared"; });
    on().set_timer(never, nullptr);
    EXPECT_EQ(held.use_count(), 1);
    settle();
}

TEST_P(LoopTimer, AFarDeadlineIsNotMistakenForOneThatIsDue) {
    on().set_timer(monotonic_time{never.time_since_epoch() - 1ns}, [] { FAIL() << "far too early"; });
    settle();
    on().set_timer(on().now() + 24h * 365 * 100, [] { FAIL() << "a century too early"; });
    settle();
}

TEST_P(LoopTimer, ATimerCanBeSetAgainFromItsOwnCallback) {
    int calls = 0;
    std::function<void()> expired = [&] {
        if (++calls == 5) {
            stop();
        } else {
            on().set_timer(on().now() + 1ms, [&] { expired(); });
        }
    };
    on().set_timer(on().now(), [&] { expired(); });
    run();
    EXPECT_EQ(calls, 5);
    settle();
    EXPECT_EQ(calls, 5);
}

TEST_P(LoopTimer, ATimerSetAgainAfterItWasClearedExpires) {
    on().set_timer(on().now() + 1h, [] { FAIL() << "it was cleared"; });
    on().post([&] {
        on().set_timer(never, nullptr);
        on().post([&] { on().set_timer(on().now() + 10ms, [&] { stop(); }); });
    });
    run();
}

// Posting

TEST_P(LoopTimer, PostedTasksRunInOrderAndNeverInsideThePost) {
    std::vector<int> order;
    for (int i = 0; i < 1000; ++i) {
        on().post([&order, i] { order.push_back(i); });
    }
    EXPECT_TRUE(order.empty());
    bool inside = false;
    on().post([&] {
        inside = true;
        on().post([&] {
            EXPECT_FALSE(inside);
            stop();
        });
        inside = false;
    });
    run();
    ASSERT_EQ(order.size(), 1000U);
    EXPECT_TRUE(std::ranges::is_sorted(order));
}

TEST_P(LoopTimer, ManyThreadsPostAndEachKeepsItsOrder) {
    constexpr int threads = 4;
    constexpr int each = 2'000;
    std::vector<std::vector<int>> seen(threads); // of the loop's thread alone
    int total = 0;
    std::vector<std::jthread> posters;
    for (int thread = 0; thread < threads; ++thread) {
        posters.emplace_back([&, thread] {
            for (int i = 0; i < each; ++i) {
                on().post([&, thread, i] {
                    seen[static_cast<std::size_t>(thread)].push_back(i);
                    if (++total == threads * each) {
                        stop();
                    }
                });
            }
        });
    }
    run();
    EXPECT_EQ(total, threads * each);
    for (const auto& of_one : seen) {
        EXPECT_TRUE(std::ranges::is_sorted(of_one));
    }
}

TEST_P(LoopTimer, APostWakesALoopThatHasNothingToDo) {
    // Each post is made only after the one before was served: by then the loop is waiting, or about to.
    std::atomic<int> served = 0;
    std::jthread poster{[&] {
        for (int i = 0; i < 200; ++i) {
            on().post([&] {
                ++served;
                served.notify_one();
            });
            served.wait(i);
        }
        stop();
    }};
    run();
    poster.join();
    EXPECT_EQ(served, 200);
}

TEST_P(LoopTimer, APostComesThroughBesideADescriptorThatIsAlwaysReady) {
    const pipe_ends pipe;
    pipe.put("x");
    int calls = 0;
    std::ignore = on().watch(pipe.reading(), {.readable = true}, [&](io_interest) {
        if (++calls == 10) { // still ready, never read
            on().post([&] { stop(); });
        }
    });
    run();
    EXPECT_GE(calls, 10);
}

TEST_P(LoopTimer, TheTimerComesThroughBesidePostsThatNeverEnd) {
    bool over = false;
    std::function<void()> again = [&] {
        if (!over) {
            on().post([&] { again(); });
        }
    };
    again();
    on().set_timer(on().now() + 5ms, [&] {
        over = true;
        stop();
    });
    run();
    EXPECT_TRUE(over);
}

} // namespace
} // namespace distworker::testing
