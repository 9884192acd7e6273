#include "handlers.hpp"

#include <algorithm>
#include <cctype>
#include <chrono>
#include <numeric>
#include <ranges>
#include <stdexcept>
#include <string>
#include <vector>

namespace basic_worker {
namespace {

using distworker::task;
using distworker::task_error;
using distworker::value;

struct operands {
    std::string operation;
    double a;
    double b;
    static constexpr auto members =
        distworker::members("operation", &operands::operation, "a", &operands::a, "b", &operands::b);
};

constexpr std::string_view blanks = " \t\r\n";

[[noreturn]] void unknown_operation(const std::string& operation, const char* known) {
    throw task_error{"INVALID_INPUT", "input.operation: '" + operation + "' is not one of " + known};
}

// ASCII letters only: what other scripts make of case is no business of an example.
std::string mapped(std::string text, int (*map)(int)) {
    std::ranges::transform(text, text.begin(), [map](unsigned char c) {
        return c < 0x80 ? static_cast<char>(map(c)) : static_cast<char>(c);
    });
    return text;
}

bool begins_character(char c) {
    return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
}

// By characters: reversing the bytes of UTF-8 would not leave UTF-8.
std::string reversed(const std::string& text) {
    std::string out;
    for (std::size_t end = text.size(); end > 0;) {
        std::size_t begin = end - 1;
        while (begin > 0 && !begins_character(text[begin])) {
            --begin;
        }
        out += text.substr(begin, end - begin);
        end = begin;
    }
    return out;
}

std::string trimmed(const std::string& text) {
    const auto begin = text.find_first_not_of(blanks);
    return begin == std::string::npos ? "" : text.substr(begin, text.find_last_not_of(blanks) - begin + 1);
}

value counted(const std::string& text) {
    std::size_t words = 0;
    bool in_word = false;
    for (const char c : text) {
        const bool blank = blanks.contains(c);
        words += !blank && !in_word ? 1U : 0U;
        in_word = !blank;
    }
    const auto breaks = std::ranges::count(text, '\n');
    const auto lines = static_cast<std::size_t>(breaks) + (text.empty() || text.ends_with('\n') ? 0U : 1U);
    return {
        {"characters", std::ranges::count_if(text, begins_character)}, {"words", words}, {"lines", lines}};
}

value list_of(const std::vector<double>& numbers) {
    return value{value::list(numbers.begin(), numbers.end())};
}

} // namespace

value math(task& task) {
    const auto [operation, a, b] = task.input<operands>();
    if (operation == "add") {
        return {{"result", a + b}};
    }
    if (operation == "subtract") {
        return {{"result", a - b}};
    }
    if (operation == "multiply") {
        return {{"result", a * b}};
    }
    if (operation == "divide") {
        if (b == 0) {
            throw task_error{"DIVISION_BY_ZERO", "input.b: nothing can be divided by 0"};
        }
        return {{"result", a / b}};
    }
    unknown_operation(operation, "add, subtract, multiply, divide");
}

value text(task& task) {
    const auto operation = task.input<std::string>("operation");
    const auto content = task.input<std::string>("text");
    if (operation == "upper") {
        return {{"result", mapped(content, std::toupper)}};
    }
    if (operation == "lower") {
        return {{"result", mapped(content, std::tolower)}};
    }
    if (operation == "reverse") {
        return {{"result", reversed(content)}};
    }
    if (operation == "trim") {
        return {{"result", trimmed(content)}};
    }
    if (operation == "count") {
        return counted(content);
    }
    unknown_operation(operation, "upper, lower, reverse, trim, count");
}

value data(task& task) {
    const auto operation = task.input<std::string>("operation");
    auto values = task.input<std::vector<double>>("values");
    if (operation == "sum") {
        return {{"result", std::accumulate(values.begin(), values.end(), 0.0)}};
    }
    if (operation == "sort" || operation == "unique") {
        std::ranges::sort(values);
        if (operation == "unique") {
            values.erase(std::ranges::unique(values).begin(), values.end());
        }
        return {{"result", list_of(values)}};
    }
    if (operation != "mean" && operation != "min" && operation != "max") {
        unknown_operation(operation, "sum, mean, min, max, sort, unique");
    }
    if (values.empty()) {
        throw task_error{"INVALID_INPUT",
                         "input.values: is empty, " + operation + " needs at least one number"};
    }
    if (operation == "mean") {
        return {{"result",
                 std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size())}};
    }
    return {{"result", operation == "min" ? std::ranges::min(values) : std::ranges::max(values)}};
}

value sleep(task& task) {
    const auto total = std::chrono::milliseconds{task.input<std::uint32_t>("ms")};
    const auto steps = task.input("steps", std::uint32_t{10});
    if (steps == 0) {
        throw task_error{"INVALID_INPUT", "input.steps: must be at least 1"};
    }
    const auto begin = std::chrono::steady_clock::now();
    for (std::uint32_t step = 1; step <= steps; ++step) {
        const auto due = begin + total * step / steps;
        if (!task.wait_for(due - std::chrono::steady_clock::now())) {
            task.throw_if_stopped();
        }
        task.progress(distworker::fraction(static_cast<double>(step) / steps),
                      "step " + std::to_string(step) + " of " + std::to_string(steps));
        task.stream({{"step", step}});
    }
    return {{"slept_ms", total.count()}};
}

value fail(task& task) {
    throw std::runtime_error{task.input("message", "asked to fail")};
}

value echo(task& task) {
    return value{task.input()};
}

void bind_all(distworker::worker& worker) {
    worker.on("math.*", math)
        .on("text.*", text)
        .on("data.*", data)
        .on("demo.sleep", sleep)
        .on("demo.fail", fail)
        .on("demo.echo", echo);
}

} // namespace basic_worker
