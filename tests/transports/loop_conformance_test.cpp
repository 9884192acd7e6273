// What `loop.hpp` promises of the timer and of posts, each loop keeps.
#include "loop_conformance.hpp"
#include "sockets.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <vector>

namespace distworker::testing {
namespace {

using namespace std::chrono_literals;

template <typename Kind>
class LoopConformance : public loop_conformance<Kind> {};
TYPED_TEST_SUITE(LoopConformance, all_loops, loop_names);

// The timer

TYPED_TEST(LoopConformance, TheTimerExpiresAtItsDeadlineAndNotBefore) {
    const monotonic_time deadline = this->on().now() + 20ms;
    monotonic_time expired{};
    this->on().set_timer(deadline, [&] {
        expired = this->on().now();
        this->stop();
    });
    this->run();
    EXPECT_GE(expired, deadline);
}

TYPED_TEST(LoopConformance, ADeadlineThatHasPassedIsServedSoonButNotInsideTheCall) {
    for (const monotonic_time past : {this->on().now() - 1h, monotonic_time{}, monotonic_time::min()}) {
        bool inside = true;
        int calls = 0;
        this->on().set_timer(past, [&] {
            EXPECT_FALSE(inside);
            ++calls;
            this->stop();
        });
        inside = false;
        this->run();
        EXPECT_EQ(calls, 1);
    }
}

TYPED_TEST(LoopConformance, ALaterDeadlineReplacesAnEarlierOne) {
    const monotonic_time deadline = this->on().now() + 30ms;
    monotonic_time expired{};
    this->on().set_timer(this->on().now() + 1ms, [] { FAIL() << "it was replaced"; });
    this->on().set_timer(deadline, [&] {
        expired = this->on().now();
        this->stop();
    });
    this->run();
    EXPECT_GE(expired, deadline);
}

TYPED_TEST(LoopConformance, AnEarlierDeadlineReplacesALaterOne) {
    this->on().set_timer(this->on().now() + 1h, [] { FAIL() << "it was replaced"; });
    this->on().set_timer(this->on().now() + 1ms, [&] { this->stop(); });
    this->run();
}

TYPED_TEST(LoopConformance, AnEarlierDeadlineReplacesALaterOneWhileTheLoopRuns) {
    this->on().set_timer(this->on().now() + 1h, [] { FAIL() << "it was replaced"; });
    this->on().post([&] { this->on().set_timer(this->on().now() + 1ms, [&] { this->stop(); }); });
    this->run();
}

TYPED_TEST(LoopConformance, AClearedTimerStaysSilentAndLetsGoOfItsCallback) {
    auto held = std::make_shared<int>(1);
    this->on().set_timer(this->on().now() - 1s, [held] { FAIL() << "it was cleared"; });
    this->on().set_timer(never, nullptr);
    EXPECT_EQ(held.use_count(), 1);
    this->settle();
}

TYPED_TEST(LoopConformance, AFarDeadlineIsNotMistakenForOneThatIsDue) {
    this->on().set_timer(monotonic_time{never.time_since_epoch() - 1ns}, [] { FAIL() << "far too early"; });
    this->settle();
    this->on().set_timer(this->on().now() + 24h * 365 * 100, [] { FAIL() << "a century too early"; });
    this->settle();
}

TYPED_TEST(LoopConformance, ATimerCanBeSetAgainFromItsOwnCallback) {
    int calls = 0;
    std::function<void()> expired = [&] {
        if (++calls == 5) {
            this->stop();
        } else {
            this->on().set_timer(this->on().now() + 1ms, [&] { expired(); });
        }
    };
    this->on().set_timer(this->on().now(), [&] { expired(); });
    this->run();
    EXPECT_EQ(calls, 5);
    this->settle();
    EXPECT_EQ(calls, 5);
}

TYPED_TEST(LoopConformance, ATimerSetAgainAfterItWasClearedExpires) {
    this->on().set_timer(this->on().now() + 5ms, [] { FAIL() << "it was cleared"; });
    this->on().post([&] {
        this->on().set_timer(never, nullptr);
        this->on().post([&] { this->on().set_timer(this->on().now() + 10ms, [&] { this->stop(); }); });
    });
    this->run();
}

// Posting

TYPED_TEST(LoopConformance, PostedTasksRunInOrderAndNeverInsideThePost) {
    std::vector<int> order;
    for (int i = 0; i < 1000; ++i) {
        this->on().post([&order, i] { order.push_back(i); });
    }
    EXPECT_TRUE(order.empty());
    bool inside = false;
    this->on().post([&] {
        inside = true;
        this->on().post([&] {
            EXPECT_FALSE(inside);
            this->stop();
        });
        inside = false;
    });
    this->run();
    ASSERT_EQ(order.size(), 1000U);
    EXPECT_TRUE(std::ranges::is_sorted(order));
}

TYPED_TEST(LoopConformance, ManyThreadsPostAndEachKeepsItsOrder) {
    constexpr int threads = 4;
    constexpr int each = 2'000;
    std::vector<std::vector<int>> seen(threads); // of the loop's thread alone
    int total = 0;
    std::vector<std::jthread> posters;
    for (int thread = 0; thread < threads; ++thread) {
        posters.emplace_back([&, thread] {
            for (int i = 0; i < each; ++i) {
                this->on().post([&, thread, i] {
                    seen[static_cast<std::size_t>(thread)].push_back(i);
                    if (++total == threads * each) {
                        this->stop();
                    }
                });
            }
        });
    }
    this->run();
    EXPECT_EQ(total, threads * each);
    for (const auto& of_one : seen) {
        EXPECT_TRUE(std::ranges::is_sorted(of_one));
    }
}

TYPED_TEST(LoopConformance, APostWakesALoopThatHasNothingToDo) {
    // Each post is made only after the one before was served: by then the loop is waiting, or about to.
    std::atomic<int> served = 0;
    std::jthread poster{[&] {
        for (int i = 0; i < 200; ++i) {
            this->on().post([&] {
                ++served;
                served.notify_one();
            });
            served.wait(i);
        }
        this->stop();
    }};
    this->run();
    poster.join();
    EXPECT_EQ(served, 200);
}

TYPED_TEST(LoopConformance, APostComesThroughBesideADescriptorThatIsAlwaysReady) {
    const pipe_ends pipe;
    pipe.put("x");
    int calls = 0;
    std::ignore = this->on().watch(pipe.reading(), {.readable = true}, [&](io_interest) {
        if (++calls == 10) { // still ready, never read
            this->on().post([&] { this->stop(); });
        }
    });
    this->run();
    EXPECT_GE(calls, 10);
}

TYPED_TEST(LoopConformance, TheTimerComesThroughBesidePostsThatNeverEnd) {
    bool over = false;
    std::function<void()> again = [&] {
        if (!over) {
            this->on().post([&] { again(); });
        }
    };
    again();
    this->on().set_timer(this->on().now() + 5ms, [&] {
        over = true;
        this->stop();
    });
    this->run();
    EXPECT_TRUE(over);
}

} // namespace
} // namespace distworker::testing
