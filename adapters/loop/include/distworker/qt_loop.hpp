// A `loop` on the Qt event loop of the thread that makes it.
//
// Use it to put a worker into a Qt 6 program: make it once QCoreApplication is there, or on a QThread.
#pragma once

#include <distworker/loop.hpp>

#include <memory>

namespace distworker {

class qt_loop final : public loop {
public:
    /// Callbacks run on the thread that calls this, whenever its event loop runs (a modal dialog's too).
    /// Throws std::system_error when the kernel has no descriptors left.
    qt_loop();
    /// On the same thread; also from inside a callback.
    ~qt_loop() override;

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
