// The fixture of the suite that every event loop has to pass.
#pragma once

#include "loop_kinds.hpp"

#include <functional>
#include <memory>

namespace distworker::testing {

template <typename Kind>
class loop_conformance : public ::testing::Test {
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

    std::unique_ptr<Kind> kind_ = std::make_unique<Kind>();
};

} // namespace distworker::testing
