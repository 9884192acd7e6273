// A `loop` on a GLib main context of yours.
//
// Use it to put a worker into a program that runs on GLib: GTK, GStreamer, a D-Bus service.
#pragma once

#include <distworker/loop.hpp>

#include <memory>

struct _GMainContext; // GMainContext

namespace distworker {

class glib_loop final : public loop {
public:
    /// Callbacks run where `on` is iterated, at the default priority; null means the default context, the one
    /// of the main thread. `on` is referenced. Throws std::system_error when the kernel has no descriptors
    /// left.
    explicit glib_loop(_GMainContext* on = nullptr);
    /// Also from inside a callback.
    ~glib_loop() override;

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
