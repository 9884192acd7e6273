// The driver: carries a worker group's outputs to transports and a timer, and their events back.
//
// Use it to run a `worker_group` on a loop and a transport of your choice; the SDK is built on it. It knows
// the abstract `loop`, `transport` and `connector` only, keeps no protocol state, and starts no threads.
#pragma once

#include <distworker/group_input.hpp>
#include <distworker/loop.hpp>
#include <distworker/trace.hpp>
#include <distworker/transport.hpp>
#include <distworker/worker_group.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

namespace distworker {

/// What the driver tells its owner. All calls come on the loop's thread; they may call the driver back.
class driver_events {
public:
    virtual ~driver_events() = default;
    /// Run this task, and answer with `complete`: at once, later, or from another thread by `post`.
    virtual void assigned(const assigned_task& task) = 0;
    /// Ask the task's handler to stop; `complete` all the same.
    virtual void stop_task(const delivery& task, stop_reason reason) = 0;
    /// The task's stream takes items again.
    virtual void writable(const delivery& task) = 0;
    /// An outcome that the controller did not get, or may not have got: log it, keep it, or let it go.
    virtual void undeliverable(output::undeliverable lost) = 0;
    /// A slot is in another state, or has lost its connection: to be shown.
    virtual void state_changed(std::uint32_t slot, engine_state state) = 0;
    virtual void disconnected(std::uint32_t slot, const connection_end& end) = 0;
    /// Asked for before each heartbeat.
    [[nodiscard]] virtual resource_usage usage() = 0;
    /// The last call. The driver may be destroyed once the loop is back in control, not in here.
    virtual void stopped(end_reason reason) = 0;
};

/// Both clocks of this machine, read together.
[[nodiscard]] instant read_clocks();

class worker_driver {
public:
    /// What gives the time; tests bring one of theirs.
    using clock = instant (*)();

    /// `loop`, `connector`, `events` and `trace` outlive the driver. A trace that has begun, with the group's
    /// configuration and seed, takes all that goes in and out from here on.
    worker_driver(worker_group group, loop& loop, connector& connector, driver_events& events,
                  clock now = read_clocks, trace_writer* trace = nullptr);
    worker_driver(const worker_driver&) = delete;
    worker_driver& operator=(const worker_driver&) = delete;
    /// Drops all connections.
    ~worker_driver();

    /// On the loop's thread; meanings and errors as of `worker_group`.
    std::expected<void, misuse> start();
    std::expected<void, misuse> stop(end_reason why, stop_limits limits);
    std::expected<void, misuse> pause();
    std::expected<void, misuse> resume();
    std::expected<void, misuse> set_slots(std::uint32_t count);
    std::expected<void, misuse> complete(const delivery& task, outcome&& answer);
    std::expected<void, misuse> progress(const delivery& task, double fraction, std::string_view message);
    std::expected<void, misuse> stream(const delivery& task, stream_item&& item);
    /// The group, to look at, on the loop's thread.
    [[nodiscard]] const worker_group& group() const noexcept { return group_; }

    /// Reaches a driver from other threads, also after its end. Copies are cheap.
    class remote {
    public:
        /// Runs `call(driver)` on the loop's thread, in order per calling thread; never when the driver has
        /// ended by then. One wake-up of the loop serves all calls that wait. Any thread. The queue grows
        /// with what is posted: its users bound it (one outcome per running task, one update or item at a
        /// time).
        void post(std::move_only_function<void(worker_driver&)> call) const;

    private:
        friend class worker_driver;
        struct mailbox;
        explicit remote(std::shared_ptr<mailbox> box) noexcept : box_{std::move(box)} {}
        std::shared_ptr<mailbox> box_;
    };
    /// For other threads. Asked for while the driver lives, on the loop's thread.
    [[nodiscard]] remote remote_access() const { return remote{mailbox_}; }

private:
    class link;

    void enter();
    void leave();
    std::expected<void, misuse> feed(const group_input& what);
    std::expected<void, misuse> give_traced(const group_input& what);
    void set_timer(monotonic_time deadline);
    void bury(std::uint32_t slot);
    void perform(std::uint32_t slot, engine_output& out);

    worker_group group_;
    loop& loop_;
    connector& connector_;
    driver_events& events_;
    clock read_clocks_;
    trace_writer* trace_; // may be null
    instant now_;
    monotonic_time timer_ = never;
    unsigned depth_ = 0;                        // calls into the driver that are under way
    std::vector<std::unique_ptr<link>> links_;  // by slot
    std::vector<std::unique_ptr<link>> buried_; // ended, until no callback of theirs can be running
    std::shared_ptr<remote::mailbox> mailbox_;
};

} // namespace distworker
