// The fixture of the suite that every event loop has to pass.
#pragma once

#include "support/watched.hpp"

#include <distworker/testing/loop_conformance.hpp>

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>

namespace distworker::testing {

class loop_rig : public ::testing::TestWithParam<loop_kind> {
protected:
    loop& on() { return kind_->get(); }
    void run() { run_watched(*kind_); }
    void stop() { kind_->stop(); }
    /// Lets the loop go round a few times, so that whatever is due has happened.
    void settle() {
        int turns = 100;
        std::function<void()> again = [&] {
            if (--turns == 0) {
                stop();
            } else {
                on().post([&] { again(); });
            }
        };
        on().post([&] { again(); });
        run();
    }
    loop::watch_callback never_called() {
        return [](io_interest) { ADD_FAILURE() << "a callback that must not be called"; };
    }

    std::unique_ptr<loop_runner> kind_ = GetParam().make();
};

/// Every test of `Suite` on every loop.
#define DISTWORKER_ON_EACH_LOOP(Suite)                                                                       \
    INSTANTIATE_TEST_SUITE_P(On, Suite, ::testing::ValuesIn(loop_kinds().begin(), loop_kinds().end()),       \
                             [](const auto& kind) { return std::string{kind.param.name}; })

} // namespace distworker::testing
