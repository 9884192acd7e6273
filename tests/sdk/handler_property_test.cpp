// I17: whatever a handler throws becomes exactly one TASK_FAILED, and the worker goes on.
#include "sdk/fake_controller.hpp"

#include <distworker/task_error.hpp>
#include <distworker/utf8.hpp>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <mutex>
#include <stdexcept>
#include <string>

namespace distworker::testing {
namespace {

/// How a handler ends.
enum class ending : std::uint8_t {
    returns,
    throws_text,
    throws_task_error,
    throws_bad_alloc,
    throws_number,
    throws_pointer,
    throws_string,
    throws_nested,
    throws_wordless,
    throws_after_progress,
};
constexpr int endings = 10;

class wordless_error : public std::exception {
public:
    [[nodiscard]] const char* what() const noexcept override { return nullptr; }
};

void end_by(ending how, const std::string& text, const task& t) {
    switch (how) {
    case ending::returns:
        return;
    case ending::throws_text:
        throw std::runtime_error{text};
    case ending::throws_task_error:
        throw task_error{"CODE", text, value{{"n", 1}}};
    case ending::throws_bad_alloc:
        throw std::bad_alloc{};
    case ending::throws_number:
        throw 42;
    case ending::throws_pointer:
        throw static_cast<const char*>(nullptr);
    case ending::throws_string:
        throw text;
    case ending::throws_nested:
        try {
            throw std::logic_error{text};
        } catch (...) {
            std::throw_with_nested(std::runtime_error{text});
        }
        return;
    case ending::throws_wordless:
        throw wordless_error{};
    case ending::throws_after_progress:
        t.progress(fraction(0.5), text);
        t.stream(value{{"half", true}});
        throw std::runtime_error{text};
    }
}

/// What the next call of the handler does.
class script {
public:
    void set(ending how, std::string text) {
        const std::lock_guard lock{mutex_};
        how_ = how;
        text_ = std::move(text);
    }
    void play(const task& t) const {
        std::unique_lock lock{mutex_};
        const ending how = how_;
        const std::string text = text_;
        lock.unlock();
        end_by(how, text, t);
    }

private:
    mutable std::mutex mutex_;
    ending how_{};
    std::string text_;
};

class Invariants : public ::testing::TestWithParam<run_on> {};

TEST_P(Invariants, I17_WhateverAHandlerThrowsIsOneFailureAndTheWorkerGoesOn) {
    stage on;
    script next;
    on.it().on("#", [&](task& t) { next.play(t); }, GetParam());
    on.start();
    std::uint64_t serial = 0;
    EXPECT_TRUE(rc::check("one failure for each exception", [&] {
        const auto how = static_cast<ending>(*rc::gen::inRange(0, endings));
        next.set(how, *rc::gen::string<std::string>());
        const std::string id = "task-" + std::to_string(++serial);
        const task_answer answer = on.run({.id = id}); // the next outcome is this task's: none came twice
        RC_ASSERT(answer.id == id);
        RC_ASSERT(answer.completed == (how == ending::returns));
        if (!answer.completed) {
            RC_ASSERT(answer.code == (how == ending::throws_task_error ? "CODE" : "HANDLER_ERROR"));
            RC_ASSERT(is_valid_utf8(answer.message));
        }
    }));
    on.stop();
}

INSTANTIATE_TEST_SUITE_P(Where, Invariants, ::testing::Values(run_on::pool, run_on::inline_),
                         [](const auto& each) { return each.param == run_on::pool ? "pool" : "inline"; });

} // namespace
} // namespace distworker::testing
