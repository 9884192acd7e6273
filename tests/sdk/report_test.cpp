// What a handler reports while it works: progress, and the data stream with its back-pressure.
#include "sdk/fake_controller.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <limits>

namespace distworker::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;

void without_pause(config& settings) {
    settings.progress_interval = std::chrono::milliseconds{0};
}

class Report : public ::testing::TestWithParam<run_on> {
protected:
    template <typename Call>
    task_answer answer(Call call) {
        return answer_of(std::move(call), {}, GetParam());
    }
};
INSTANTIATE_TEST_SUITE_P(Where, Report, ::testing::Values(run_on::pool, run_on::inline_),
                         [](const auto& each) { return each.param == run_on::pool ? "pool" : "inline"; });

TEST_P(Report, TheLatestProgressComesBeforeTheOutcome) {
    const auto got = answer([](task& t) {
        for (int i = 0; i <= 100; ++i) {
            t.progress(percent(i), "at " + std::to_string(i));
        }
    });
    EXPECT_TRUE(got.completed);
    ASSERT_FALSE(got.progress.empty());
    EXPECT_THAT(got.progress.back(), Pair(1.0F, "at 100"));
    EXPECT_LT(got.progress.size(), 50U) << "not every one is sent";
}

TEST_P(Report, ProgressIsClampedAndNonsenseIsIgnored) {
    for (const auto& [told, expected] :
         {std::pair{-3.0, 0.0F}, std::pair{7.0, 1.0F}, std::pair{0.25, 0.25F}}) {
        const auto got = answer([told](task& t) {
            t.progress(fraction(told), "text");
            t.progress(fraction(std::numeric_limits<double>::quiet_NaN()), "nonsense");
        });
        ASSERT_FALSE(got.progress.empty());
        EXPECT_THAT(got.progress.back(), Pair(expected, "text"));
    }
}

TEST_P(Report, ProgressTextThatIsNoUtf8IsMended) {
    const auto got = answer([](task& t) { t.progress(fraction(0.5), "caf\xE9"); });
    EXPECT_TRUE(got.completed);
    ASSERT_FALSE(got.progress.empty());
    EXPECT_THAT(got.progress.back().second, HasSubstr("caf"));
}

TEST_P(Report, StreamedItemsComeInOrderAndBeforeTheOutcome) {
    const auto got = answer([](task& t) {
        for (int i = 0; i < 100; ++i) {
            EXPECT_TRUE(t.stream({{"n", i}}));
        }
    });
    EXPECT_TRUE(got.completed);
    ASSERT_THAT(got.items, SizeIs(100));
    for (std::size_t i = 0; i < got.items.size(); ++i) {
        EXPECT_EQ(got.items[i], (value{{"n", i}}));
    }
}

TEST_P(Report, ItemsThatCannotBeSentFailTheTaskWithTheirPath) {
    const auto got =
        answer([](task& t) { t.stream({{"n", value::of({1, std::numeric_limits<double>::infinity()})}}); });
    EXPECT_EQ(got.code, "HANDLER_ERROR");
    EXPECT_THAT(got.message, HasSubstr("n[1]"));
    EXPECT_THAT(got.items, IsEmpty());
}

TEST_P(Report, AnItemThatIsNoObjectFailsTheTask) {
    const auto got = answer([](task& t) { t.stream(3); });
    EXPECT_FALSE(got.completed);
    EXPECT_EQ(got.code, "HANDLER_ERROR");
    EXPECT_THAT(got.items, IsEmpty());
}

TEST(Reports, ProgressIsSeenWhileTheHandlerWorks) {
    stage on{without_pause};
    std::atomic<bool> seen = false;
    on.it().on("q", [&](task& t) {
        t.progress(fraction(0.5), "half");
        seen.wait(false); // until the controller has it
    });
    on.start().assign({});
    auto& session = on.session();
    const auto told = session.next_progress();
    EXPECT_THAT(told, Pair(0.5F, "half"));
    seen = true;
    seen.notify_one();
    EXPECT_TRUE(session.next_answer().completed);
    on.stop();
}

// Back-pressure. The items are larger than all buffers between here and there, until somebody reads.

constexpr int many = 2'000;
value large_item(int number) {
    return {{"n", number}, {"data", std::string(16'384, 'x')}};
}
void small_queue(config& settings) {
    settings.stream_bytes = 64U << 10U;
}

TEST(StreamPressure, AHandlerOnThePoolWaitsForTheConnection) {
    stage on{small_queue};
    std::atomic<int> accepted = 0;
    on.it().on("q", [&](task& t) {
        for (int i = 0; i < many; ++i) {
            EXPECT_TRUE(t.stream(large_item(i)));
            ++accepted;
        }
    });
    on.start().assign({});
    auto& session = on.session();
    EXPECT_LT(accepted, many) << "32 MiB were taken although nobody reads";
    const auto got = session.next_answer();
    EXPECT_TRUE(got.completed);
    EXPECT_EQ(accepted, many);
    ASSERT_THAT(got.items, SizeIs(many));
    for (int i = 0; i < many; ++i) {
        EXPECT_EQ(*got.items[static_cast<std::size_t>(i)].find("n")->number(), i);
    }
    on.stop();
}

TEST(StreamPressure, AnInlineHandlerIsToldThatTheQueueIsFull) {
    stage on{small_queue};
    int accepted = 0;
    on.it().on(
        "q",
        [&](task& t) {
            while (accepted < many && t.stream(large_item(accepted))) {
                ++accepted;
            }
            return accepted;
        },
        run_on::inline_);
    on.start();
    const auto got = on.run({});
    EXPECT_LT(accepted, many);
    EXPECT_GT(accepted, 0);
    EXPECT_THAT(got.items, SizeIs(accepted)) << "what was taken arrives, and nothing else";
    EXPECT_EQ(got.result, (value{{"result", accepted}}));
    on.stop();
}

/// A handler that streams until nobody takes it any more, to a controller that does not read.
class BlockedStream : public ::testing::Test {
protected:
    explicit BlockedStream(const stage::settings_change& change = small_queue) : on{change} {
        on.it().on("q", [this](task& t) {
            blocked = true;
            blocked.notify_one();
            while (t.stream(large_item(0))) {
            }
            reason = t.stop_reason();
            released = true;
            released.notify_one();
        });
        on.it().on("next", [](task&) {});
    }

    std::atomic<bool> blocked = false;
    std::atomic<bool> released = false;
    std::optional<stop_reason> reason;
    stage on;
};

TEST_F(BlockedStream, IsReleasedWhenTheConnectionIsLost) {
    on.start().assign({});
    blocked.wait(false);
    on.session().peer().reset();
    released.wait(false);
    EXPECT_EQ(reason, stop_reason::connection_lost);
    on.next_session();
    on.stop();
}

TEST_F(BlockedStream, IsReleasedWhenItsTimeIsUp) {
    on.start().assign({.timeout_ms = 50});
    released.wait(false);
    EXPECT_EQ(reason, stop_reason::timeout);
    EXPECT_EQ(on.session().next_answer().code, "TIMEOUT");
    EXPECT_TRUE(on.run({.queue = "next", .id = "task-2"}).completed);
    on.stop();
}

class BlockedStreamAtTheEnd : public BlockedStream {
protected:
    BlockedStreamAtTheEnd()
        : BlockedStream{[](config& settings) {
              small_queue(settings);
              settings.drain_timeout = settings.stop_grace; // handlers are asked to stop at once
          }} {}
};

TEST_F(BlockedStreamAtTheEnd, IsReleasedWhenTheConnectionIsLostAfterItsStopRequest) {
    on.start().assign({});
    blocked.wait(false);
    on.it().stop();
    on.log().await("asking task=task-1 to stop: shutdown");
    on.session().peer().reset();
    released.wait(false);
    EXPECT_EQ(reason, stop_reason::shutdown);
    EXPECT_EQ(on.end().code(), exit_code::ok);
}

/// A handler that has returned while its last item waits behind one that nobody reads. Another slot shares
/// its thread: once that one has worked, the loop has the first one's answer.
class AnswerBehindAStream : public ::testing::Test {
protected:
    AnswerBehindAStream() {
        on.it().on("q", [](task& t) {
            for (int i = 0; i < 2; ++i) { // each larger than what the sockets take
                EXPECT_TRUE(t.stream({{"data", std::string(std::size_t{2} << 20U, 'x')}}));
            }
        });
        on.it().on("next", [](task&) {});
        on.it().on_undeliverable([this](const undeliverable_outcome& lost) {
            EXPECT_EQ(lost.task_id, "task-1");
            EXPECT_EQ(lost.how_sure, certainty::not_sent);
            told = true;
            told.notify_one();
        });
    }
    void let_it_return(std::int64_t timeout_ms) {
        first = &on.start();
        second = &on.next_session();
        first->assign({.timeout_ms = timeout_ms});
        on.log().await("assigned task=task-1");
        EXPECT_TRUE(second->run({.queue = "next", .id = "task-2"}).completed);
    }

    stage on{[](config& settings) {
        settings.slots = 2;
        settings.handler_threads = 1;
        settings.max_stuck = 1; // one handler taken for stuck ends the worker
        settings.stop_grace = std::chrono::milliseconds{100};
    }};
    std::atomic<bool> told = false;
    controller_session* first = nullptr;
    controller_session* second = nullptr;
};

TEST_F(AnswerBehindAStream, IsHandedBackWhenTheConnectionIsLost) {
    let_it_return(0);
    first->peer().reset();
    told.wait(false);
    on.it().stop();
    second->await_end();
    EXPECT_EQ(on.end().code(), exit_code::ok);
}

TEST_F(AnswerBehindAStream, IsTheAnswerOfAHandlerThatIsNotStuckWhenTheTimeIsUp) {
    let_it_return(1000);
    on.log().await("asking task=task-1 to stop: timeout");
    const auto got = first->next_answer();
    EXPECT_EQ(got.code, "TIMEOUT");
    for (auto* session : {first, second}) {
        EXPECT_TRUE(session->run({.queue = "next", .id = "task-3"}).completed);
    }
    on.it().stop();
    first->await_end();
    second->await_end();
    EXPECT_EQ(on.end().code(), exit_code::ok);
}

} // namespace
} // namespace distworker::testing
