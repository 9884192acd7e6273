// A `loop` on an Asio executor of yours: your io_context, or a strand of it.
//
// Use it to put a worker into a program that runs on Asio. Programs without one use `asio_context_loop`,
// which owns an io_context, or `epoll_loop`. The Beast transport uses the executor directly.
#pragma once

#include <distworker/asio_executor_source.hpp>
#include <distworker/loop.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <memory>

namespace distworker {

class asio_loop : public loop, public asio_executor_source {
public:
    /// Callbacks run on `executor`, one at a time: give a strand when several threads run the context. The
    /// context outlives this object.
    explicit asio_loop(boost::asio::any_io_executor executor);
    ~asio_loop() override;

    [[nodiscard]] watch_id watch(int fd, io_interest interest, watch_callback ready) override;
    void set_interest(watch_id watch, io_interest interest) override;
    void unwatch(watch_id watch) override;
    void set_timer(monotonic_time deadline, std::move_only_function<void()> expired) override;
    void post(std::move_only_function<void()> task) override;
    [[nodiscard]] monotonic_time now() const override;
    [[nodiscard]] boost::asio::any_io_executor executor() const override;

private:
    class implementation;
    std::shared_ptr<implementation> self_; // shared with operations in flight
};

} // namespace distworker
