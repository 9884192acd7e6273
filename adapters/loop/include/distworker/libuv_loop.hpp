// A `loop` on a libuv loop of yours.
//
// Use it to put a worker into a program that runs on libuv (a Node add-on, a server on libuv).
#pragma once

#include <distworker/loop.hpp>

#include <memory>

struct uv_loop_s; // uv_loop_t

namespace distworker {

class libuv_loop final : public loop {
public:
    /// Callbacks run where `uv_run(on, …)` does. `on` outlives this object, which keeps it alive (`uv_run`
    /// does not return for want of work). Once this object is gone, one more turn of `on` frees what it had
    /// there; until then `uv_loop_close` says UV_EBUSY. A watched descriptor becomes non-blocking. Throws
    /// std::system_error when the kernel has no descriptors left.
    explicit libuv_loop(uv_loop_s& on);
    /// Also from inside a callback.
    ~libuv_loop() override;

    [[nodiscard]] watch_id watch(int fd, io_interest interest, watch_callback ready) override;
    void set_interest(watch_id watch, io_interest interest) override;
    void unwatch(watch_id watch) override;
    void set_timer(monotonic_time deadline, std::move_only_function<void()> expired) override;
    void post(std::move_only_function<void()> task) override;
    [[nodiscard]] monotonic_time now() const override;

private:
    class implementation;
    std::unique_ptr<implementation> self_;
};

} // namespace distworker
