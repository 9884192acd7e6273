// What basic_worker's handlers make of good and of bad input.
#include "handlers.hpp"
#include "sdk/fake_controller.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace distworker::testing {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;

class BasicHandlers : public ::testing::Test {
protected:
    BasicHandlers() {
        basic_worker::bind_all(on.it());
        on.start();
    }
    ~BasicHandlers() override { on.stop(); }

    task_answer run(const std::string& queue, const value& input) {
        return on.run({.queue = queue, .input = input, .id = "task-" + std::to_string(++number_)});
    }
    void expect_result(const std::string& queue, const value& input, const value& result) {
        const auto got = run(queue, input);
        EXPECT_TRUE(got.completed) << got.code << ": " << got.message;
        EXPECT_EQ(got.result, (value{{"result", result}}));
    }
    void expect_fault(const std::string& queue, const value& input, const std::string& code,
                      const std::string& part) {
        const auto got = run(queue, input);
        EXPECT_FALSE(got.completed);
        EXPECT_EQ(got.code, code);
        EXPECT_THAT(got.message, HasSubstr(part));
    }

    stage on;

private:
    int number_ = 0;
};

value sum(const char* operation, double a, double b) {
    return {{"operation", operation}, {"a", a}, {"b", b}};
}

TEST_F(BasicHandlers, Calculate) {
    expect_result("math.add", sum("add", 2, 3), 5);
    expect_result("math.any", sum("subtract", 2, 3), -1);
    expect_result("math.any", sum("multiply", 2, 3.5), 7);
    expect_result("math.any", sum("divide", 1, 4), 0.25);
}

TEST_F(BasicHandlers, SayWhatCannotBeCalculated) {
    expect_fault("math.add", sum("divide", 1, 0), "DIVISION_BY_ZERO", "input.b");
    expect_fault("math.add", sum("divide", 1, -0.0), "DIVISION_BY_ZERO", "input.b");
    expect_fault("math.add", sum("power", 1, 2), "INVALID_INPUT",
                 "input.operation: 'power' is not one of add, subtract, multiply, divide");
    expect_fault("math.add", sum("multiply", 1e308, 1e308), "RESULT_NOT_FINITE", "result.result");
    expect_fault("math.add", {{"operation", "add"}, {"a", 1}}, "INVALID_INPUT", "input.b: is missing");
    expect_fault("math.add", {{"operation", "add"}, {"a", "1"}, {"b", 2}}, "INVALID_INPUT",
                 "input.a: is of type string");
    expect_fault("math.add", value::empty_object(), "INVALID_INPUT", "input.operation: is missing");
}

value words(const char* operation, const std::string& text) {
    return {{"operation", operation}, {"text", text}};
}

TEST_F(BasicHandlers, WorkOnText) {
    expect_result("text.transform", words("upper", "aBc é 1"), "ABC é 1");
    expect_result("text.transform", words("lower", "aBc É 1"), "abc É 1");
    expect_result("text.transform", words("reverse", "aé€𝄞z"), "z𝄞€éa");
    expect_result("text.transform", words("reverse", ""), "");
    expect_result("text.transform", words("trim", " \t\r\n a b \n"), "a b");
    expect_result("text.transform", words("trim", " \t\r\n"), "");
    const auto count = [&](const std::string& text) {
        return run("text.count", words("count", text)).result;
    };
    EXPECT_EQ(count("one two\nthré"), (value{{"characters", 12}, {"words", 3}, {"lines", 2}}));
    EXPECT_EQ(count("end\n"), (value{{"characters", 4}, {"words", 1}, {"lines", 1}}));
    EXPECT_EQ(count(""), (value{{"characters", 0}, {"words", 0}, {"lines", 0}}));
}

TEST_F(BasicHandlers, SayWhatIsWrongWithText) {
    expect_fault("text.transform", words("shout", "x"), "INVALID_INPUT", "'shout' is not one of upper");
    expect_fault("text.transform", {{"operation", "upper"}}, "INVALID_INPUT", "input.text: is missing");
    expect_fault("text.transform", {{"operation", "upper"}, {"text", 5}}, "INVALID_INPUT",
                 "a string is needed");
}

value numbers(const char* operation, value list) {
    return {{"operation", operation}, {"values", std::move(list)}};
}

TEST_F(BasicHandlers, WorkOnLists) {
    const value list = value::of({3, 1, 2, 3});
    expect_result("data.aggregate", numbers("sum", list), 9);
    expect_result("data.aggregate", numbers("mean", list), 2.25);
    expect_result("data.aggregate", numbers("min", list), 1);
    expect_result("data.aggregate", numbers("max", list), 3);
    expect_result("data.aggregate", numbers("sort", list), value::of({1, 2, 3, 3}));
    expect_result("data.aggregate", numbers("unique", list), value::of({1, 2, 3}));
    expect_result("data.aggregate", numbers("sum", value::of({})), 0);
    expect_result("data.aggregate", numbers("sort", value::of({})), value::of({}));
}

TEST_F(BasicHandlers, SayWhatIsWrongWithLists) {
    for (const char* operation : {"mean", "min", "max"}) {
        expect_fault("data.aggregate", numbers(operation, value::of({})), "INVALID_INPUT",
                     "input.values: is empty");
    }
    expect_fault("data.aggregate", numbers("median", value::of({1})), "INVALID_INPUT",
                 "'median' is not one of sum");
    expect_fault("data.aggregate", numbers("sum", value::of({1, "two"})), "INVALID_INPUT", "input.values[1]");
    expect_fault("data.aggregate", numbers("sum", 3), "INVALID_INPUT", "a list is needed");
}

TEST_F(BasicHandlers, EchoTheirInput) {
    const value input{{"nested", value{{"list", value::of({1, nullptr, "x", true})}}}};
    EXPECT_EQ(run("demo.echo", input).result, input);
    EXPECT_EQ(run("demo.echo", value::empty_object()).result, value::empty_object());
}

TEST_F(BasicHandlers, FailOnRequest) {
    expect_fault("demo.fail", {{"message", "as you like"}}, "HANDLER_ERROR", "as you like");
    expect_fault("demo.fail", value::empty_object(), "HANDLER_ERROR", "asked to fail");
}

TEST_F(BasicHandlers, SleepInStepsAndTellEachOne) {
    const auto got = run("demo.sleep", {{"ms", 20}, {"steps", 4}});
    EXPECT_EQ(got.result, (value{{"slept_ms", 20}}));
    ASSERT_THAT(got.items, SizeIs(4));
    EXPECT_EQ(got.items[0], (value{{"step", 1}}));
    EXPECT_EQ(got.items[3], (value{{"step", 4}}));
    EXPECT_THAT(got.progress, Contains(Pair(1.0F, "step 4 of 4")));
    EXPECT_THAT(run("demo.sleep", {{"ms", 0}}).items, SizeIs(10));
    expect_fault("demo.sleep", {{"ms", 1}, {"steps", 0}}, "INVALID_INPUT", "input.steps");
    expect_fault("demo.sleep", {{"ms", -1}}, "INVALID_INPUT", "input.ms");
    expect_fault("demo.sleep", value::empty_object(), "INVALID_INPUT", "input.ms: is missing");
}

TEST_F(BasicHandlers, SleepNoLongerThanTheyMay) {
    const auto got = on.run({.queue = "demo.sleep", .input = value{{"ms", 3'600'000}}, .timeout_ms = 30});
    EXPECT_EQ(got.code, "TIMEOUT");
    EXPECT_THAT(got.items, IsEmpty());
}

TEST_F(BasicHandlers, LeaveOtherQueuesAlone) {
    expect_fault("demo.other", value::empty_object(), "NO_HANDLER", "demo.other");
}

} // namespace
} // namespace distworker::testing
