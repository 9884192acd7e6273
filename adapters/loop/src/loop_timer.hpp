// The one timer of a loop that is put on somebody else's: the deadline, and what is called at it.
#pragma once

#include <distworker/time.hpp>

#include <chrono>
#include <functional>
#include <utility>

namespace distworker::detail {

/// The clock of all loops.
[[nodiscard]] inline monotonic_time steady_now() noexcept {
    return monotonic_time{std::chrono::steady_clock::now().time_since_epoch()};
}

class loop_timer {
public:
    void set(monotonic_time deadline, std::move_only_function<void()> expired) {
        deadline_ = deadline;
        expired_ = std::move(expired);
    }
    [[nodiscard]] monotonic_time deadline() const noexcept { return deadline_; }

    /// What is to be called, once, and clears the timer. Empty before the deadline: the other loop may have a
    /// coarser clock, or was still armed for what `set` has replaced.
    [[nodiscard]] std::move_only_function<void()> take_due() {
        if (steady_now() < deadline_) {
            return nullptr;
        }
        deadline_ = never;
        return std::exchange(expired_, nullptr);
    }

private:
    monotonic_time deadline_ = never;
    std::move_only_function<void()> expired_;
};

} // namespace distworker::detail
