// The event-loop seam: all that the driver and a transport ask of a loop.
//
// Three things: watch a descriptor, keep one timer, run a function that another thread posted. Writing an
// adapter for a loop of yours means implementing this one class (docs/write_a_loop.md); there are some for
// epoll, Asio, libuv, GLib and Qt. A loop object belongs to one driver. Not a general event loop: it has
// neither signals nor idle work.
#pragma once

#include <distworker/time.hpp>

#include <cstdint>
#include <functional>

namespace distworker {

/// What to wait for on a descriptor. Level-triggered: it is reported as long as it holds.
struct io_interest {
    bool readable = false; ///< Bytes, their end, or a connection to accept.
    bool writable = false; ///< Room for bytes, or a connect that is over.
    friend bool operator==(const io_interest&, const io_interest&) = default;
};

/// An event loop as the driver sees it.
///
/// Thread safety: `post` may be called from any thread; everything else, the destructor included, only on
/// the loop's own thread (or while it does not run). Callbacks run on the loop's thread, never from inside
/// the call that registered them. A callback may call anything here, `unwatch` of itself included, and may
/// destroy a loop that is put on somebody else's.
class loop {
public:
    /// Names one watch; never reused by one loop object.
    enum class watch_id : std::uint64_t {};
    /// Gets what is ready of what its watch waits for.
    using watch_callback = std::move_only_function<void(io_interest ready)>;

    loop() = default;
    loop(const loop&) = delete;
    loop& operator=(const loop&) = delete;
    virtual ~loop() = default;

    /// Calls `ready` whenever `fd` has what `interest` names; an error or hang-up on the descriptor counts
    /// as both. The descriptor stays the caller's and must outlive the watch. At most one watch per
    /// descriptor.
    [[nodiscard]] virtual watch_id watch(int fd, io_interest interest, watch_callback ready) = 0;
    /// Changes what a watch waits for. Unknown ids are ignored.
    virtual void set_interest(watch_id watch, io_interest interest) = 0;
    /// Ends a watch: its callback is not called again, also not for an event that was already noticed.
    virtual void unwatch(watch_id watch) = 0;

    /// Sets the loop's one timer: `expired` is called once, at `deadline` or soon after; a deadline that has
    /// passed means as soon as possible. Replaces what was set before. `never` clears it.
    virtual void set_timer(monotonic_time deadline, std::move_only_function<void()> expired) = 0;

    /// Runs `task` on the loop's thread, soon. Safe from any thread; order is kept per posting thread.
    /// What was posted after the loop was stopped for good is destroyed without being run.
    virtual void post(std::move_only_function<void()> task) = 0;

    /// The monotonic clock that `set_timer` is measured by.
    [[nodiscard]] virtual monotonic_time now() const = 0;
};

} // namespace distworker
