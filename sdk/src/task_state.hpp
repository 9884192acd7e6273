// What a task's copies share: its message, its way back to the driver, its stop request.
#pragma once

#include <distworker/assigned_task.hpp>
#include <distworker/outcome.hpp>
#include <distworker/ring_queue.hpp>
#include <distworker/worker_driver.hpp>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>

namespace distworker::detail {

class task_state : public std::enable_shared_from_this<task_state> {
public:
    task_state(assigned_task assigned, worker_driver::remote remote)
        : assigned_{std::move(assigned)}, remote_{std::move(remote)} {}

    [[nodiscard]] const assigned_task& assigned() const noexcept { return assigned_; }

    // From any thread: the handler's side.
    void progress(double fraction, std::string_view message);
    bool stream(stream_item item);
    [[nodiscard]] float last_fraction() const;
    [[nodiscard]] std::stop_token stop_token();
    [[nodiscard]] std::optional<stop_reason> reason() const;
    bool wait_for(std::chrono::nanoseconds time);
    /// Sends the answer; the task has ended then.
    void answer(outcome result);

    // On the loop's thread: the driver's side.
    /// Reports go straight to the driver while a handler runs inline.
    void set_inline(worker_driver* driver);
    void request_stop(stop_reason reason);
    /// Hands stream items on as far as the engine takes them, then the answer.
    void feed(worker_driver& driver);
    /// The driver is gone: what still waits for it goes too.
    void let_go();
    /// Whether the handler has come back with its answer.
    [[nodiscard]] bool has_returned() const;
    /// Nobody waits for the task any more: reports do nothing from now on.
    void end();

private:
    [[nodiscard]] bool on_inline_thread() const noexcept;
    [[nodiscard]] bool has_ended() const;
    void send_progress(worker_driver& driver);
    void close_stream();

    const assigned_task assigned_;
    const worker_driver::remote remote_;

    mutable std::mutex mutex_; // guards all below, up to `waiting_`
    std::condition_variable changed_;
    bool ended_ = false;
    bool returned_ = false;
    std::optional<stop_reason> reason_;
    std::stop_source stop_{std::nostopstate};
    double fraction_ = 0;
    std::string message_;
    bool progress_posted_ = false;
    std::size_t stream_in_flight_ = 0; // bytes that the engine has not taken yet
    worker_driver* inline_driver_ = nullptr;
    std::thread::id inline_thread_;

    ring_queue<stream_item> waiting_;  // of the loop's thread
    std::optional<outcome> answer_;    // of the loop's thread
    std::shared_ptr<task_state> held_; // of the loop's thread; itself, while its answer waits
};

} // namespace distworker::detail
