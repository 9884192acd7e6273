// What handlers return and throw, and what the controller gets of it.
#include "sdk/fake_controller.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pthread.h>

#include <barrier>
#include <cmath>
#include <limits>
#include <set>
#include <stdexcept>
#include <thread>

namespace distworker::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::SizeIs;

class Handler : public ::testing::TestWithParam<run_on> {
protected:
    template <typename Call>
    task_answer answer(Call call, const given_task& task = {}) {
        return answer_of(std::move(call), task, GetParam());
    }
    template <typename Call>
    value result(Call call) {
        auto got = answer(std::move(call));
        EXPECT_TRUE(got.completed) << got.code << ": " << got.message;
        EXPECT_EQ(got.id, "task-1");
        return std::move(got.result);
    }
    template <typename Call>
    void expect_failed(Call call, const std::string& code, const std::string& part) {
        const auto got = answer(std::move(call));
        EXPECT_FALSE(got.completed);
        EXPECT_EQ(got.code, code);
        EXPECT_THAT(got.message, HasSubstr(part));
    }
};

INSTANTIATE_TEST_SUITE_P(Where, Handler, ::testing::Values(run_on::pool, run_on::inline_),
                         [](const auto& each) { return each.param == run_on::pool ? "pool" : "inline"; });

TEST_P(Handler, ReturnsAnObjectThatBecomesTheResult) {
    const value expected{{"sum", 3}, {"unit", "m"}, {"parts", value::of({1, 2})}};
    EXPECT_EQ(result([&](task&) { return expected; }), expected);
}

TEST_P(Handler, ReturnsSomethingElseThatBecomesAMemberOfTheResult) {
    EXPECT_EQ(result([](task&) { return 42; }), (value{{"result", 42}}));
    EXPECT_EQ(result([](task&) { return true; }), (value{{"result", true}}));
    EXPECT_EQ(result([](task&) { return std::string{"text"}; }), (value{{"result", "text"}}));
    EXPECT_EQ(result([](task&) { return value::of({1, "two", nullptr}); }),
              (value{{"result", value::of({1, "two", nullptr})}}));
}

TEST_P(Handler, ReturnsNothing) {
    EXPECT_EQ(result([](task&) {}), value::empty_object());
    EXPECT_EQ(result([](task&) { return value{}; }), value::empty_object());
}

TEST_P(Handler, ReturnsAnOutcomeOfItsOwn) {
    EXPECT_EQ(result([](task& t) {
                  outcome_writer answer{t.assigned()};
                  answer.result().member("by", "hand");
                  return std::move(answer).complete();
              }),
              (value{{"by", "hand"}}));
    expect_failed([](task&) { return outcome{}; }, "INTERNAL_ERROR", "empty outcome");
}

TEST_P(Handler, ThrowsAnExceptionWhoseTextFailsTheTask) {
    expect_failed([](task&) { throw std::runtime_error{"the disk is full"}; }, "HANDLER_ERROR",
                  "the disk is full");
    expect_failed([](task&) { throw std::bad_alloc{}; }, "HANDLER_ERROR", "bad_alloc");
}

TEST_P(Handler, ThrowsATaskErrorWithACodeAndDetails) {
    const auto got =
        answer([](task&) -> value { throw task_error{"QUOTA_EXCEEDED", "too many", value{{"limit", 3}}}; });
    EXPECT_FALSE(got.completed);
    EXPECT_EQ(got.code, "QUOTA_EXCEEDED");
    EXPECT_EQ(got.message, "too many");
    EXPECT_EQ(got.details, (value{{"limit", 3}}));
}

TEST_P(Handler, ThrowsSomethingThatIsNoException) {
    expect_failed([](task&) { throw 42; }, "HANDLER_ERROR", "no std::exception");
}

TEST_P(Handler, ThrowsTextThatNoControllerCouldKeep) {
    const auto got = answer([](task&) { throw task_error{"BAD\xFF", "caf\xE9 " + std::string(9000, 'x')}; });
    EXPECT_THAT(got.code, HasSubstr("BAD"));
    EXPECT_THAT(got.message, HasSubstr("caf"));
    EXPECT_LE(got.message.size(), max_error_message_bytes);
}

TEST_P(Handler, ThrowsDetailsThatCannotBeKeptWhichAreLeftOut) {
    const auto got = answer([](task&) {
        throw task_error{"CODE", "text", value{{"n", std::numeric_limits<double>::quiet_NaN()}}};
    });
    EXPECT_EQ(got.code, "CODE");
    EXPECT_EQ(got.message, "text");
    EXPECT_EQ(got.details, value::empty_object());
}

TEST_P(Handler, ReturnsWhatCannotBeKeptWhichIsNamed) {
    const double nan = std::numeric_limits<double>::quiet_NaN();
    const double infinite = std::numeric_limits<double>::infinity();
    expect_failed([&](task&) -> value { return {{"list", value::of({1, nan})}}; }, "RESULT_NOT_FINITE",
                  "result.list[1]");
    expect_failed([&](task&) { return -infinite; }, "RESULT_NOT_FINITE", "result.result");
    expect_failed([](task&) -> value { return {{"name", "\xC3\x28"}}; }, "RESULT_NOT_UTF8", "result.name");
    expect_failed([](task&) -> value { return {{"\xFF", 1}}; }, "RESULT_NOT_UTF8", "result");
    expect_failed([](task&) -> value { return {{std::string("a\0b", 3), 1}}; }, "RESULT_BAD_KEY", "result");
    expect_failed([](task&) { return std::string(std::size_t{17} << 20U, 'x'); }, "RESULT_TOO_LARGE", "");
    expect_failed(
        [](task&) {
            value deep;
            for (int i = 0; i < 200; ++i) {
                deep = value::of({std::move(deep)});
            }
            return deep;
        },
        "RESULT_TOO_DEEP", "result");
}

TEST_P(Handler, FailsOneTaskAndDoesTheNext) {
    stage on;
    on.it().on("q", [](task& t) { return t.input<double>("a"); }, GetParam());
    on.start();
    for (int i = 0; i < 20; ++i) {
        given_task task{.id = "task-" + std::to_string(i)};
        if (i % 2 == 0) {
            task.input.set("a", i);
        }
        const auto got = on.run(task);
        EXPECT_EQ(got.id, task.id);
        EXPECT_EQ(got.completed, i % 2 == 0);
    }
    EXPECT_EQ(on.stop().code(), exit_code::ok);
}

TEST(Handlers, AThreadThatEndsUnderItsHandlerFailsTheTask) {
    stage on;
    on.it().on("ends", [](task&) { ::pthread_exit(nullptr); });
    on.it().on("works", [](task&) { return 1; });
    on.start();
    const auto got = on.run({.queue = "ends"});
    EXPECT_EQ(got.code, "HANDLER_ERROR");
    EXPECT_THAT(got.message, HasSubstr("ended its thread"));
    EXPECT_TRUE(on.run({.queue = "works", .id = "task-2"}).completed);
    on.stop();
}

TEST(Handlers, NoHandlerIsAnswered) {
    stage on;
    on.it().on("math.*", [](task&) { return 1; });
    on.start();
    const auto got = on.run({.queue = "text.upper"});
    EXPECT_EQ(got.code, "NO_HANDLER");
    EXPECT_THAT(got.message, HasSubstr("text.upper"));
    EXPECT_TRUE(on.run({.queue = "math.add", .id = "task-2"}).completed);
    on.stop();
}

TEST(Handlers, TheMostSpecificPatternWins) {
    stage on;
    on.it()
        .on("#", [](task&) { return "all"; })
        .on("math.*", [](task&) { return "math"; })
        .on("math.add", [](task&) { return "add"; });
    on.start();
    EXPECT_EQ(on.run({.queue = "math.add", .id = "1"}).result, (value{{"result", "add"}}));
    EXPECT_EQ(on.run({.queue = "math.mul", .id = "2"}).result, (value{{"result", "math"}}));
    EXPECT_EQ(on.run({.queue = "else", .id = "3"}).result, (value{{"result", "all"}}));
    on.stop();
}

TEST(Handlers, FaultyBindingsAreToldTogetherAndNothingStarts) {
    stage on;
    on.it()
        .on("math.add", [](task&) { return 1; })
        .on("math.add", [](task&) { return 2; })
        .on("a.#.b", [](task&) { return 3; });
    EXPECT_FALSE(on.it().start());
    EXPECT_EQ(on.it().wait().code(), exit_code::configuration);
    EXPECT_THAT(on.log().text(),
                AllOf(HasSubstr("2 fault(s)"), HasSubstr("'math.add': is bound twice"), HasSubstr("a.#.b")));
}

TEST(Handlers, InlineOnesRunOnTheLoopsThreadAndOthersDoNot) {
    stage on;
    std::set<std::thread::id> inline_threads;
    std::thread::id pool_thread;
    on.it().on("inline", [&](task&) { inline_threads.insert(std::this_thread::get_id()); }, run_on::inline_);
    on.it().on("pool", [&](task&) { pool_thread = std::this_thread::get_id(); });
    on.start();
    on.run({.queue = "inline", .id = "1"});
    on.run({.queue = "pool", .id = "2"});
    on.run({.queue = "inline", .id = "3"});
    on.stop();
    EXPECT_THAT(inline_threads, SizeIs(1));
    EXPECT_FALSE(inline_threads.contains(pool_thread));
    EXPECT_NE(pool_thread, std::this_thread::get_id());
}

TEST(Handlers, TwoSlotsRunTwoAtOnce) {
    stage on{[](config& settings) { settings.slots = 2; }};
    std::barrier both{2}; // passed only when two handlers are in it
    on.it().on("q", [&](task&) { both.arrive_and_wait(); });
    controller_session& first = on.start();
    controller_session& second = on.next_session();
    first.assign({.id = "1"});
    second.assign({.id = "2"});
    EXPECT_TRUE(first.next_answer().completed);
    EXPECT_TRUE(second.next_answer().completed);
    on.it().stop();
    first.await_end();
    on.stop();
}

TEST(Handlers, FewerThreadsThanSlotsShareTheWork) {
    stage on{[](config& settings) {
        settings.slots = 2;
        settings.handler_threads = 1;
    }};
    std::atomic<int> at_once = 0;
    int most = 0;
    on.it().on("q", [&](task&) {
        most = std::max(most, ++at_once);
        --at_once;
    });
    controller_session& first = on.start();
    controller_session& second = on.next_session();
    for (int i = 0; i < 20; ++i) {
        first.assign({.id = "1-" + std::to_string(i)});
        second.assign({.id = "2-" + std::to_string(i)});
        EXPECT_TRUE(first.next_answer().completed);
        EXPECT_TRUE(second.next_answer().completed);
    }
    EXPECT_EQ(most, 1);
    on.it().stop();
    first.await_end();
    on.stop();
}

} // namespace
} // namespace distworker::testing
