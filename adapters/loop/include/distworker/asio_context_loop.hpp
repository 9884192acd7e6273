// An event loop with an io_context of its own, for programs that have no loop: what the SDK's `run()` uses.
#pragma once

#include <distworker/loop.hpp>

#include <memory>

namespace distworker {

/// An Asio loop, made to measure: one thread, run and stopped here.
class asio_context_loop {
public:
    asio_context_loop();
    asio_context_loop(const asio_context_loop&) = delete;
    asio_context_loop& operator=(const asio_context_loop&) = delete;
    ~asio_context_loop();

    /// The loop to hand on; lives as long as this object.
    [[nodiscard]] loop& get() noexcept;
    /// Serves events on this thread until `stop`.
    void run();
    /// Makes `run` return soon, also one that has not begun. Any thread.
    void stop();

private:
    struct implementation;
    std::unique_ptr<implementation> self_;
};

} // namespace distworker
