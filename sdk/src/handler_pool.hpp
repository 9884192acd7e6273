// Threads for handlers: started when needed, and left to themselves when they never come back.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>

namespace distworker::detail {

class handler_pool {
public:
    explicit handler_pool(std::size_t max_threads);
    handler_pool(const handler_pool&) = delete;
    handler_pool& operator=(const handler_pool&) = delete;
    /// Jobs that have not begun are dropped; threads that run one end after it.
    ~handler_pool();

    /// Runs `job` on a thread of the pool, soon. `overrun` jobs hold threads that do not count: what they
    /// were to do is over, and it may be that they never come back. False when there is no thread for it and
    /// the system gives none.
    [[nodiscard]] bool submit(std::move_only_function<void()> job, std::size_t overrun = 0);
    /// Waits until no job runs. False when some still do after `limit`.
    bool wait_until_idle(std::chrono::nanoseconds limit);

private:
    struct shared;
    std::shared_ptr<shared> shared_; // with the threads, which may outlive the pool
};

} // namespace distworker::detail
