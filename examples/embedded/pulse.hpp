// What the programs of this folder do besides being workers: something every 100 ms.
#pragma once

#include <distworker/worker.hpp>

#include <chrono>
#include <iostream>

/// Counts its beats, and tells at its end how many there were.
class pulse {
public:
    static constexpr std::chrono::milliseconds interval{100};

    pulse() = default;
    pulse(const pulse&) = delete;
    pulse& operator=(const pulse&) = delete;
    ~pulse() { std::cout << beats_ << " beats\n"; }

    void beat() { ++beats_; }
    [[nodiscard]] int beats() const { return beats_; }

private:
    int beats_ = 0;
};

/// The worker's one handler: adds `a` and `b`, and tells how far the program is. It runs inline, on the
/// loop's thread, where it may read what is the program's.
inline void serve(distworker::worker& worker, const pulse& own) {
    worker.on(
        "math.add",
        [&own](distworker::task& task) -> distworker::value {
            return {{"result", task.input("a", 0.0) + task.input("b", 0.0)}, {"beats", own.beats()}};
        },
        distworker::run_on::inline_);
}
