// Runs a loop that something is to stop; when nothing does, a watchdog does, and the test fails.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

namespace distworker::testing {

template <typename Kind>
void run_watched(Kind& kind, std::chrono::seconds patience = std::chrono::seconds{60}) {
    std::mutex mutex;
    std::condition_variable_any ended;
    bool in_vain = false;
    {
        const std::jthread watchdog{[&](const std::stop_token& over) {
            std::unique_lock lock{mutex};
            if (!ended.wait_for(lock, over, patience, [] { return false; }) && !over.stop_requested()) {
                in_vain = true;
                kind.stop();
            }
        }};
        kind.run();
    }
    EXPECT_FALSE(in_vain) << "what should have ended the loop did not happen";
}

} // namespace distworker::testing
