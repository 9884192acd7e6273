// SIGINT and SIGTERM as events of a loop, for as long as the object lives.
#pragma once

#include <distworker/loop.hpp>

#include <csignal>
#include <functional>

namespace distworker::detail {

class termination_signals {
public:
    /// Calls `arrived(signal)` on the loop's thread for each. One object at a time in a process.
    termination_signals(loop& loop, std::function<void(int signal)> arrived);
    termination_signals(const termination_signals&) = delete;
    termination_signals& operator=(const termination_signals&) = delete;
    /// Puts the handlers back that were set before.
    ~termination_signals();

private:
    loop& loop_;
    int reader_ = -1;
    loop::watch_id watch_{};
    struct sigaction before_int_{};
    struct sigaction before_term_{};
};

} // namespace distworker::detail
