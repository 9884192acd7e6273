// A small event loop on Linux's epoll, for programs that have none of their own.
//
// `run()` serves until `stop()`. It is also the shortest example of a `loop` adapter.
#pragma once

#include <distworker/loop.hpp>

#include <cstdint>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

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
    void run_posted();
    void run_timer();

    int epoll_ = -1;
    int wake_ = -1;
    std::uint64_t next_watch_ = 1;
    std::unordered_map<std::uint64_t, std::shared_ptr<watched>> watches_;
    monotonic_time deadline_ = never;
    std::move_only_function<void()> expired_;
    std::mutex mutex_; // guards the two below
    std::vector<std::move_only_function<void()>> posted_;
    bool stopping_ = false;
};

} // namespace distworker
