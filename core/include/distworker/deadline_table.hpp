// One deadline for each reason, and the earliest of them, which is seldom searched for. For `worker_engine`.
#pragma once

#include <distworker/engine_output.hpp>
#include <distworker/time.hpp>

#include <algorithm>
#include <array>
#include <cstddef>

namespace distworker {

class deadline_table {
public:
    deadline_table() noexcept { clear(); }

    /// `never` when it is not set.
    [[nodiscard]] monotonic_time operator[](deadline_reason reason) const noexcept {
        return at_[index(reason)];
    }
    /// Replaces the deadline of that reason.
    void set(deadline_reason reason, monotonic_time at) noexcept {
        at_[index(reason)] = at;
        if (at < first_.deadline || (at == first_.deadline && reason < first_.reason)) {
            first_ = {at, reason};
        } else if (reason == first_.reason) {
            known_ = false; // it moved: another one may be earlier now
        }
    }
    /// Takes back one of them, or all.
    void clear(deadline_reason reason) noexcept { set(reason, never); }
    void clear() noexcept {
        at_.fill(never);
        first_ = {};
        known_ = true;
    }
    /// The earliest deadline; of equal ones that of the first reason.
    [[nodiscard]] output::idle earliest() noexcept {
        if (!known_) {
            const auto first = std::ranges::min_element(at_);
            first_ = {*first, static_cast<deadline_reason>(first - at_.begin())};
            known_ = true;
        }
        return first_;
    }

private:
    static constexpr std::size_t index(deadline_reason reason) noexcept {
        return static_cast<std::size_t>(reason);
    }

    std::array<monotonic_time, deadline_reasons> at_;
    output::idle first_; // no later than any other, unless it is not known
    bool known_ = true;
};

} // namespace distworker
