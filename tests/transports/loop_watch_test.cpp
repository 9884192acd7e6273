// What `loop.hpp` promises of watched descriptors and of the end, each loop keeps.
#include "loop_conformance.hpp"
#include "sockets.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <set>
#include <vector>

namespace distworker::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;

template <typename Kind>
class LoopWatch : public loop_conformance<Kind> {};
TYPED_TEST_SUITE(LoopWatch, all_loops, loop_names);

// Descriptors

TYPED_TEST(LoopWatch, ReadinessIsReportedAsLongAsItHolds) {
    const pipe_ends pipe;
    pipe.put("abc");
    std::string got;
    std::ignore = this->on().watch(pipe.reading(), {.readable = true}, [&](io_interest ready) {
        EXPECT_TRUE(ready.readable);
        got += pipe.take(1); // one byte a time: the rest has to be reported again
        if (got.size() == 3) {
            this->stop();
        }
    });
    EXPECT_TRUE(got.empty());
    this->run();
    EXPECT_EQ(got, "abc");
}

TYPED_TEST(LoopWatch, ADescriptorThatBecomesReadyLaterIsReportedThen) {
    const pipe_ends pipe;
    std::string got;
    std::ignore = this->on().watch(pipe.reading(), {.readable = true}, [&](io_interest) {
        got += pipe.take(100);
        if (got.size() >= 20) {
            this->stop();
        } else {
            this->on().post([&] { pipe.put("y"); });
        }
    });
    this->on().post([&] { pipe.put("y"); });
    this->run();
    EXPECT_EQ(got, std::string(20, 'y'));
}

TYPED_TEST(LoopWatch, InterestInWritingComesAndGoes) {
    const socket_pair sockets;
    std::vector<std::string> events;
    loop::watch_id watch{};
    watch = this->on().watch(sockets.ours(), {.readable = true}, [&](io_interest ready) {
        if (ready.writable) {
            events.emplace_back("write");
            this->on().set_interest(watch, {.readable = true});
            sockets.put_theirs("z");
        }
        if (ready.readable) {
            events.emplace_back("read");
            sockets.take_ours();
            if (events.size() < 4) {
                this->on().set_interest(watch, {.readable = true, .writable = true});
            } else {
                this->stop();
            }
        }
    });
    this->on().post([&] {
        EXPECT_TRUE(events.empty()); // writable all the time, but nobody asked
        this->on().set_interest(watch, {.readable = true, .writable = true});
    });
    this->run();
    EXPECT_THAT(events, ElementsAre("write", "read", "write", "read"));
}

TYPED_TEST(LoopWatch, ADescriptorOfNoInterestIsLeftAlone) {
    const pipe_ends pipe;
    pipe.put("x");
    const auto watch = this->on().watch(pipe.reading(), {.readable = true}, this->never_called());
    this->on().set_interest(watch, {});
    this->settle();
    this->on().unwatch(watch);
    const auto other = this->on().watch(pipe.reading(), {}, [&](io_interest) { this->stop(); });
    this->settle();
    this->on().set_interest(other, {.readable = true});
    this->run();
}

TYPED_TEST(LoopWatch, InterestThatAnotherCallbackDroppedIsNotServedAnyMore) {
    const pipe_ends first;
    const pipe_ends second;
    first.put("x");
    second.put("x");
    loop::watch_id watches[2] = {};
    int calls = 0;
    const auto drop_other = [&](int other) {
        return [this, &watches, &calls, other](io_interest) {
            ++calls;
            this->on().set_interest(watches[other], {}); // it has been noticed as ready already
            this->on().set_interest(watches[1 - other], {});
            this->stop();
        };
    };
    watches[0] = this->on().watch(first.reading(), {.readable = true}, drop_other(1));
    watches[1] = this->on().watch(second.reading(), {.readable = true}, drop_other(0));
    this->run();
    this->settle();
    EXPECT_EQ(calls, 1);
}

TYPED_TEST(LoopWatch, AWatchMayEndItselfInItsCallback) {
    const pipe_ends pipe;
    pipe.put("x");
    int calls = 0;
    auto held = std::make_shared<int>(0);
    loop::watch_id watch{};
    watch = this->on().watch(pipe.reading(), {.readable = true}, [&, held](io_interest) {
        ++calls;
        this->on().unwatch(watch);
        *held = 7; // what the callback holds must not have gone yet
        this->stop();
    });
    this->run();
    this->settle();
    EXPECT_EQ(calls, 1);
    EXPECT_EQ(*held, 7);
    EXPECT_EQ(held.use_count(), 1);
}

TYPED_TEST(LoopWatch, AWatchThatAnotherCallbackEndedIsNotCalledForWhatWasNoticed) {
    std::vector<pipe_ends> pipes(8);
    std::vector<loop::watch_id> watches(pipes.size());
    int calls = 0;
    for (std::size_t i = 0; i < pipes.size(); ++i) {
        pipes[i].put("x");
        watches[i] = this->on().watch(pipes[i].reading(), {.readable = true}, [&](io_interest) {
            ++calls;
            for (const auto watch : watches) {
                this->on().unwatch(watch);
            }
            this->stop();
        });
    }
    this->run();
    this->settle();
    EXPECT_EQ(calls, 1);
}

TYPED_TEST(LoopWatch, ADescriptorCanBeWatchedAgain) {
    const pipe_ends pipe;
    pipe.put("x");
    int first_calls = 0;
    loop::watch_id watch{};
    watch = this->on().watch(pipe.reading(), {.readable = true}, [&](io_interest) {
        ++first_calls;
        this->on().unwatch(watch);
        std::ignore =
            this->on().watch(pipe.reading(), {.readable = true}, [&](io_interest) { this->stop(); });
    });
    this->run();
    EXPECT_EQ(first_calls, 1);
}

TYPED_TEST(LoopWatch, ANewDescriptorOfTheSameNumberIsAnotherOne) {
    auto old = std::make_unique<pipe_ends>();
    old->put("x");
    const int number = old->reading();
    const auto watch = this->on().watch(number, {.readable = true}, this->never_called());
    this->on().unwatch(watch);
    old.reset();
    const pipe_ends fresh;
    ASSERT_EQ(fresh.reading(), number); // the lowest free number is taken
    std::ignore = this->on().watch(fresh.reading(), {.readable = true}, [&](io_interest) { this->stop(); });
    fresh.put("x");
    this->run();
}

TYPED_TEST(LoopWatch, AHangUpCountsAsReadableAndAsWritable) {
    for (const bool reading : {true, false}) {
        pipe_ends pipe;
        pipe.close_reading(); // an error on the writing end
        loop::watch_id watch{};
        watch = this->on().watch(pipe.writing(), {.readable = reading, .writable = !reading},
                                 [&](io_interest ready) {
                                     EXPECT_TRUE(reading ? ready.readable : ready.writable);
                                     this->on().unwatch(watch);
                                     this->stop();
                                 });
        this->run();
    }
}

TYPED_TEST(LoopWatch, AHangUpOfADescriptorOfNoInterestIsNotReported) {
    pipe_ends pipe;
    const auto watch = this->on().watch(pipe.writing(), {}, [&](io_interest ready) {
        EXPECT_TRUE(ready.writable);
        this->stop();
    });
    pipe.close_reading();
    bool asked = false;
    this->on().set_timer(this->on().now() + 1ms, [&] {
        asked = true;
        this->on().set_interest(watch, {.writable = true});
    });
    this->run();
    EXPECT_TRUE(asked);
}

TYPED_TEST(LoopWatch, MoreReadyDescriptorsThanFitIntoOneTurnAreAllServed) {
    std::vector<pipe_ends> pipes(150);
    std::vector<loop::watch_id> watches(pipes.size());
    std::set<std::size_t> served;
    for (std::size_t i = 0; i < pipes.size(); ++i) {
        pipes[i].put("x");
        watches[i] = this->on().watch(pipes[i].reading(), {.readable = true}, [&, i](io_interest) {
            EXPECT_TRUE(served.insert(i).second);
            this->on().unwatch(watches[i]);
            if (served.size() == pipes.size()) {
                this->stop();
            }
        });
    }
    this->run();
    EXPECT_EQ(served.size(), pipes.size());
}

TYPED_TEST(LoopWatch, IdsAreNotReusedAndUnknownOnesAreIgnored) {
    const pipe_ends pipe;
    pipe.put("x");
    std::set<loop::watch_id> ids;
    for (int i = 0; i < 100; ++i) {
        const auto watch = this->on().watch(pipe.reading(), {.readable = true}, this->never_called());
        EXPECT_TRUE(ids.insert(watch).second);
        this->on().unwatch(watch);
    }
    std::ignore = this->on().watch(pipe.reading(), {.readable = true}, [&](io_interest) { this->stop(); });
    for (const auto gone : ids) {
        this->on().unwatch(gone);
        this->on().set_interest(gone, {.readable = true, .writable = true});
    }
    this->run();
}

TYPED_TEST(LoopWatch, TheDescriptorStaysItsOwners) {
    const pipe_ends pipe;
    this->on().unwatch(this->on().watch(pipe.reading(), {.readable = true}, this->never_called()));
    std::ignore = this->on().watch(pipe.reading(), {.readable = true}, this->never_called());
    this->kind_.reset();
    pipe.put("still open");
    EXPECT_EQ(pipe.take(100), "still open");
}

// The end

TYPED_TEST(LoopWatch, AStopBeforeTheRunEndsItAtOnceAndItCanRunAgain) {
    this->on().set_timer(this->on().now() + 1h, [] { FAIL() << "an hour too early"; });
    this->stop();
    this->run();
    this->on().post([&] { this->stop(); });
    this->run();
}

TYPED_TEST(LoopWatch, AnotherThreadStopsIt) {
    std::atomic<bool> running = false;
    this->on().post([&] {
        running = true;
        running.notify_one();
    });
    const std::jthread other{[&] {
        running.wait(false);
        this->stop();
    }};
    this->run();
}

TYPED_TEST(LoopWatch, WhatPendsWhenItGoesIsDestroyedAndNotCalled) {
    const pipe_ends pipe;
    pipe.put("x");
    auto held = std::make_shared<int>(0);
    std::ignore = this->on().watch(pipe.reading(), {.readable = true, .writable = true},
                                   [held](io_interest) { ++*held; });
    this->on().set_timer(this->on().now(), [held] { ++*held; });
    for (int i = 0; i < 10; ++i) {
        this->on().post([held] { ++*held; });
    }
    EXPECT_GT(held.use_count(), 1);
    this->kind_.reset();
    EXPECT_EQ(held.use_count(), 1);
    EXPECT_EQ(*held, 0);
}

TYPED_TEST(LoopWatch, ItGoesCleanlyInTheMiddleOfItsWork) {
    const pipe_ends pipe;
    pipe.put("x");
    auto held = std::make_shared<int>(0);
    std::ignore = this->on().watch(pipe.reading(), {.readable = true}, [this, held](io_interest) {
        this->on().post([held] {});
        this->on().set_timer(this->on().now() + 1h, [held] {});
        this->stop();
    });
    this->run();
    this->kind_.reset();
    EXPECT_EQ(held.use_count(), 1);
}

// A loop on a context that goes on living must fall silent when it goes.
TEST(AsioLoop, LeavesNothingBehindOnAContextThatGoesOn) {
    boost::asio::io_context context{1};
    const pipe_ends pipe;
    pipe.put("x");
    auto held = std::make_shared<int>(0);
    {
        asio_loop gone{context.get_executor()};
        std::ignore = gone.watch(pipe.reading(), {.readable = true}, [held](io_interest) { ++*held; });
        gone.set_timer(gone.now(), [held] { ++*held; });
    }
    context.run(); // ends: nothing keeps it busy
    EXPECT_EQ(*held, 0);
    EXPECT_EQ(held.use_count(), 1);
}

} // namespace
} // namespace distworker::testing
