// A small event loop on Linux's epoll, for programs that have none of their own, or one that they made by
// hand.
//
// `run()` serves until `stop()`. A program with a loop of its own in poll(2) or select(2) watches one
// descriptor instead, and calls `turn()`: see `examples/embedded/poll.cpp`.
#pragma once

#include <distworker/loop.hpp>
#include <distworker/post_queue.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <unordered_map>

namespace distworker {

class epoll_loop final : public loop {
public:
    /// Throws std::system_error when the kernel has no descriptors left.
    epoll_loop();
    ~epoll_loop() override;

    /// Serves events on this thread until `stop`. May be called again afterwards.
    void run();
    /// Makes `run` return soon, also one that has not begun. Any thread.
    void stop();

    // In the place of `run`, inside another loop:

    /// Serves what is due by now, without waiting.
    void turn() { serve(0); }
    /// Readable whenever `turn` has something to do, but for the deadline. It stays this object's.
    [[nodiscard]] int descriptor() const noexcept { return epoll_; }
    /// When `turn` has to be called at the latest; `poll_timeout` makes milliseconds of it.
    [[nodiscard]] monotonic_time deadline() const noexcept { return deadline_; }

    [[nodiscard]] watch_id watch(int fd, io_interest interest, watch_callback ready) override;
    void set_interest(watch_id watch, io_interest interest) override;
    void unwatch(watch_id watch) override;
    void set_timer(monotonic_time deadline, std::move_only_function<void()> expired) override;
    void post(std::move_only_function<void()> task) override;
    [[nodiscard]] monotonic_time now() const override;

private:
    struct watched {
        int fd;
        watch_callback ready;
        io_interest interest{};
    };

    [[nodiscard]] bool arm(std::uint64_t id, watched& watch, io_interest interest) const;
    void serve(int timeout);
    void run_timer();

    int epoll_ = -1;
    std::uint64_t next_watch_ = 1;
    std::unordered_map<std::uint64_t, std::shared_ptr<watched>> watches_;
    monotonic_time deadline_ = never;
    std::move_only_function<void()> expired_;
    post_queue posted_;
    std::atomic<bool> stopping_ = false;
};

} // namespace distworker
