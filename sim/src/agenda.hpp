// What is to happen when, in the world's time; in order, also among equal times.
#pragma once

#include <distworker/time.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <unordered_map>
#include <utility>

namespace distworker::sim {

class agenda {
public:
    using action = std::function<void()>;

    /// A number for `cancel`, never 0.
    std::uint64_t at(monotonic_time when, action what) {
        entries_.emplace(std::pair{when, ++last_}, std::move(what));
        times_.emplace(last_, when);
        return last_;
    }
    /// What is not there (any more) is ignored.
    void cancel(std::uint64_t entry) {
        if (const auto found = times_.find(entry); found != times_.end()) {
            entries_.erase({found->second, entry});
            times_.erase(found);
        }
    }
    [[nodiscard]] monotonic_time next() const noexcept {
        return entries_.empty() ? never : entries_.begin()->first.first;
    }
    /// The first one, taken out. There is one.
    [[nodiscard]] action take() {
        auto first = entries_.extract(entries_.begin());
        times_.erase(first.key().second);
        return std::move(first.mapped());
    }
    /// Everything comes earlier by so much: a stretch of time is left out.
    void bring_forward(std::chrono::nanoseconds by) {
        std::map<std::pair<monotonic_time, std::uint64_t>, action> earlier;
        for (auto& [key, what] : entries_) {
            earlier.emplace_hint(earlier.end(), std::pair{key.first - by, key.second}, std::move(what));
            times_[key.second] = key.first - by;
        }
        entries_ = std::move(earlier);
    }

private:
    std::map<std::pair<monotonic_time, std::uint64_t>, action> entries_;
    std::unordered_map<std::uint64_t, monotonic_time> times_;
    std::uint64_t last_ = 0;
};

} // namespace distworker::sim
