// What `loop.hpp` promises of watched descriptors and of the end, each loop keeps.
#include "loop_rig.hpp"
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

class LoopWatch : public loop_rig {};
DISTWORKER_ON_EACH_LOOP(LoopWatch);

// Descriptors

TEST_P(LoopWatch, ReadinessIsReportedAsLongAsItHolds) {
    const pipe_ends pipe;
    pipe.put("abc");
    std::string got;
    std::ignore = on().watch(pipe.reading(), {.readable = true}, [&](io_interest ready) {
        EXPECT_TRUE(ready.readable);
        got += pipe.take(1); // one byte a time: the rest has to be reported again
        if (got.size() == 3) {
            stop();
        }
    });
    EXPECT_TRUE(got.empty());
    run();
    EXPECT_EQ(got, "abc");
}

TEST_P(LoopWatch, ADescriptorThatBecomesReadyLaterIsReportedThen) {
    const pipe_ends pipe;
    std::string got;
    std::ignore = on().watch(pipe.reading(), {.readable = true}, [&](io_interest) {
        got += pipe.take(100);
        if (got.size() >= 20) {
            stop();
        } else {
            on().post([&] { pipe.put("y"); });
        }
    });
    on().post([&] { pipe.put("y"); });
    run();
    EXPECT_EQ(got, std::string(20, 'y'));
}

TEST_P(LoopWatch, InterestInWritingComesAndGoes) {
    const socket_pair sockets;
    std::vector<std::string> events;
    loop::watch_id watch{};
    watch = on().watch(sockets.ours(), {.readable = true}, [&](io_interest ready) {
        if (ready.writable) {
            events.emplace_back("write");
            on().set_interest(watch, {.readable = true});
            sockets.put_theirs("z");
        }
        if (ready.readable) {
            events.emplace_back("read");
            sockets.take_ours();
            if (events.size() < 4) {
                on().set_interest(watch, {.readable = true, .writable = true});
            } else {
                stop();
            }
        }
    });
    on().post([&] {
        EXPECT_TRUE(events.empty()); // writable all the time, but nobody asked
        on().set_interest(watch, {.readable = true, .writable = true});
    });
    run();
    EXPECT_THAT(events, ElementsAre("write", "read", "write", "read"));
}

TEST_P(LoopWatch, ADescriptorOfNoInterestIsLeftAlone) {
    const pipe_ends pipe;
    pipe.put("x");
    const auto watch = on().watch(pipe.reading(), {.readable = true}, never_called());
    on().set_interest(watch, {});
    settle();
    on().unwatch(watch);
    const auto other = on().watch(pipe.reading(), {}, [&](io_interest) { stop(); });
    settle();
    on().set_interest(other, {.readable = true});
    run();
}

TEST_P(LoopWatch, InterestThatAnotherCallbackDroppedIsNotServedAnyMore) {
    const pipe_ends first;
    const pipe_ends second;
    first.put("x");
    second.put("x");
    loop::watch_id watches[2] = {};
    int calls = 0;
    const auto drop_other = [&](int other) {
        return [this, &watches, &calls, other](io_interest) {
            ++calls;
            on().set_interest(watches[other], {}); // it has been noticed as ready already
            on().set_interest(watches[1 - other], {});
            stop();
        };
    };
    watches[0] = on().watch(first.reading(), {.readable = true}, drop_other(1));
    watches[1] = on().watch(second.reading(), {.readable = true}, drop_other(0));
    run();
    settle();
    EXPECT_EQ(calls, 1);
}

TEST_P(LoopWatch, AWatchMayEndItselfInItsCallback) {
    const pipe_ends pipe;
    pipe.put("x");
    int calls = 0;
    auto held = std::make_shared<int>(0);
    loop::watch_id watch{};
    watch = on().watch(pipe.reading(), {.readable = true}, [&, held](io_interest) {
        ++calls;
        on().unwatch(watch);
        *held = 7; // what the callback holds must not have gone yet
        stop();
    });
    run();
    settle();
    EXPECT_EQ(calls, 1);
    EXPECT_EQ(*held, 7);
    EXPECT_EQ(held.use_count(), 1);
}

TEST_P(LoopWatch, AWatchThatAnotherCallbackEndedIsNotCalledForWhatWasNoticed) {
    std::vector<pipe_ends> pipes(8);
    std::vector<loop::watch_id> watches(pipes.size());
    int calls = 0;
    for (std::size_t i = 0; i < pipes.size(); ++i) {
        pipes[i].put("x");
        watches[i] = on().watch(pipes[i].reading(), {.readable = true}, [&](io_interest) {
            ++calls;
            for (const auto watch : watches) {
                on().unwatch(watch);
            }
            stop();
        });
    }
    run();
    settle();
    EXPECT_EQ(calls, 1);
}

TEST_P(LoopWatch, ADescriptorCanBeWatchedAgain) {
    const pipe_ends pipe;
    pipe.put("x");
    int first_calls = 0;
    loop::watch_id watch{};
    watch = on().watch(pipe.reading(), {.readable = true}, [&](io_interest) {
        ++first_calls;
        on().unwatch(watch);
        std::ignore = on().watch(pipe.reading(), {.readable = true}, [&](io_interest) { stop(); });
    });
    run();
    EXPECT_EQ(first_calls, 1);
}

TEST_P(LoopWatch, ANewDescriptorOfTheSameNumberIsAnotherOne) {
    auto old = std::make_unique<pipe_ends>();
    old->put("x");
    const int number = old->reading();
    const auto watch = on().watch(number, {.readable = true}, never_called());
    on().unwatch(watch);
    old.reset();
    const pipe_ends fresh;
    ASSERT_EQ(fresh.reading(), number); // the lowest free number is taken
    std::ignore = on().watch(fresh.reading(), {.readable = true}, [&](io_interest) { stop(); });
    fresh.put("x");
    run();
}

TEST_P(LoopWatch, AHangUpCountsAsReadableAndAsWritable) {
    for (const bool reading : {true, false}) {
        pipe_ends pipe;
        pipe.close_reading(); // an error on the writing end
        loop::watch_id watch{};
        watch =
            on().watch(pipe.writing(), {.readable = reading, .writable = !reading}, [&](io_interest ready) {
                EXPECT_TRUE(reading ? ready.readable : ready.writable);
                on().unwatch(watch);
                stop();
            });
        run();
    }
}

TEST_P(LoopWatch, AHangUpOfADescriptorOfNoInterestIsNotReported) {
    pipe_ends pipe;
    const auto watch = on().watch(pipe.writing(), {}, [&](io_interest ready) {
        EXPECT_TRUE(ready.writable);
        stop();
    });
    pipe.close_reading();
    bool asked = false;
    on().set_timer(on().now() + 1ms, [&] {
        asked = true;
        on().set_interest(watch, {.writable = true});
    });
    run();
    EXPECT_TRUE(asked);
}

TEST_P(LoopWatch, MoreReadyDescriptorsThanFitIntoOneTurnAreAllServed) {
    std::vector<pipe_ends> pipes(150);
    std::vector<loop::watch_id> watches(pipes.size());
    std::set<std::size_t> served;
    for (std::size_t i = 0; i < pipes.size(); ++i) {
        pipes[i].put("x");
        watches[i] = on().watch(pipes[i].reading(), {.readable = true}, [&, i](io_interest) {
            EXPECT_TRUE(served.insert(i).second);
            on().unwatch(watches[i]);
            if (served.size() == pipes.size()) {
                stop();
            }
        });
    }
    run();
    EXPECT_EQ(served.size(), pipes.size());
}

TEST_P(LoopWatch, IdsAreNotReusedAndUnknownOnesAreIgnored) {
    const pipe_ends pipe;
    pipe.put("x");
    std::set<loop::watch_id> ids;
    for (int i = 0; i < 100; ++i) {
        const auto watch = on().watch(pipe.reading(), {.readable = true}, never_called());
        EXPECT_TRUE(ids.insert(watch).second);
        on().unwatch(watch);
    }
    std::ignore = on().watch(pipe.reading(), {.readable = true}, [&](io_interest) { stop(); });
    for (const auto gone : ids) {
        on().unwatch(gone);
        on().set_interest(gone, {.readable = true, .writable = true});
    }
    run();
}

TEST_P(LoopWatch, TheDescriptorStaysItsOwners) {
    const pipe_ends pipe;
    on().unwatch(on().watch(pipe.reading(), {.readable = true}, never_called()));
    std::ignore = on().watch(pipe.reading(), {.readable = true}, never_called());
    kind_.reset();
    pipe.put("still open");
    EXPECT_EQ(pipe.take(100), "still open");
}

// The end

TEST_P(LoopWatch, AStopBeforeTheRunEndsItAtOnceAndItCanRunAgain) {
    on().set_timer(on().now() + 1h, [] { FAIL() << "an hour too early"; });
    stop();
    run();
    on().post([&] { stop(); });
    run();
}

TEST_P(LoopWatch, AnotherThreadStopsIt) {
    std::atomic<bool> running = false;
    on().post([&] {
        running = true;
        running.notify_one();
    });
    const std::jthread other{[&] {
        running.wait(false);
        stop();
    }};
    run();
}

TEST_P(LoopWatch, WhatPendsWhenItGoesIsDestroyedAndNotCalled) {
    const pipe_ends pipe;
    pipe.put("x");
    auto held = std::make_shared<int>(0);
    std::ignore =
        on().watch(pipe.reading(), {.readable = true, .writable = true}, [held](io_interest) { ++*held; });
    on().set_timer(on().now(), [held] { ++*held; });
    for (int i = 0; i < 10; ++i) {
        on().post([held] { ++*held; });
    }
    EXPECT_GT(held.use_count(), 1);
    kind_.reset();
    EXPECT_EQ(held.use_count(), 1);
    EXPECT_EQ(*held, 0);
}

TEST_P(LoopWatch, ItGoesCleanlyInTheMiddleOfItsWork) {
    const pipe_ends pipe;
    pipe.put("x");
    auto held = std::make_shared<int>(0);
    std::ignore = on().watch(pipe.reading(), {.readable = true}, [this, held](io_interest) {
        on().post([held] {});
        on().set_timer(on().now() + 1h, [held] {});
        stop();
    });
    run();
    kind_.reset();
    EXPECT_EQ(held.use_count(), 1);
}

// A loop on something that goes on running must fall silent when it goes, from wherever.
TEST_P(LoopWatch, NothingIsLeftOfItOnWhatGoesOn) {
    const pipe_ends pipe;
    pipe.put("x");
    auto held = std::make_shared<int>(0);
    std::ignore = on().watch(pipe.reading(), {.readable = true}, [held](io_interest) { ++*held; });
    on().set_timer(on().now(), [held] { ++*held; });
    if (kind_->drop()) {
        stop();
        run();
        kind_.reset();
        EXPECT_EQ(*held, 0);
        EXPECT_EQ(held.use_count(), 1);
    }
}

TEST_P(LoopWatch, ItMayGoInsideACallbackOfAWatch) {
    std::vector<pipe_ends> pipes(3);
    auto calls = std::make_shared<int>(0);
    bool dropped = false;
    for (const pipe_ends& pipe : pipes) {
        pipe.put("x");
        std::ignore = on().watch(pipe.reading(), {.readable = true}, [this, calls, &dropped](io_interest) {
            ++*calls;
            dropped = kind_->drop() || dropped;
            stop();
        });
    }
    run();
    stop();
    run();
    kind_.reset();
    EXPECT_EQ(calls.use_count(), 1);
    EXPECT_TRUE(dropped ? *calls == 1 : *calls >= 1) << *calls;
}

TEST_P(LoopWatch, ItMayGoInsideThePostedTaskOrTheTimer) {
    for (const bool in_timer : {false, true}) {
        kind_ = GetParam().make();
        auto later = std::make_shared<int>(0);
        const auto go = [this] {
            kind_->drop();
            stop();
        };
        if (in_timer) {
            on().set_timer(on().now(), go);
        } else {
            on().post(go);
            on().set_timer(on().now() + 1h, [later] { ++*later; });
        }
        run();
        kind_.reset();
        EXPECT_EQ(*later, 0);
        EXPECT_EQ(later.use_count(), 1);
    }
}

} // namespace
} // namespace distworker::testing
