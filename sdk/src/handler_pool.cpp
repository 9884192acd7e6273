#include "handler_pool.hpp"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <system_error>
#include <thread>

namespace distworker::detail {

struct handler_pool::shared : std::enable_shared_from_this<shared> {
    std::mutex mutex;             // guards all below
    std::condition_variable work; // a job came, or the end
    std::condition_variable rest; // no job runs any more
    std::deque<std::move_only_function<void()>> jobs;
    std::size_t max_threads = 0;
    std::size_t threads = 0;
    std::size_t idle = 0;
    std::size_t running = 0;
    bool ending = false;

    // Counts a running job, also when its thread is cancelled in the middle of it.
    class running_job {
    public:
        explicit running_job(shared& pool) : pool_{pool} { ++pool_.running; }
        running_job(const running_job&) = delete;
        running_job& operator=(const running_job&) = delete;
        ~running_job() {
            const std::lock_guard lock{pool_.mutex};
            if (--pool_.running == 0) {
                pool_.rest.notify_all();
            }
        }

    private:
        shared& pool_;
    };
    class living_thread {
    public:
        explicit living_thread(shared& pool) : pool_{pool} {}
        living_thread(const living_thread&) = delete;
        living_thread& operator=(const living_thread&) = delete;
        ~living_thread() {
            const std::lock_guard lock{pool_.mutex};
            --pool_.threads;
            if (!pool_.jobs.empty()) {                   // it was cancelled while they counted on it
                static_cast<void>(pool_.start_thread()); // the next job tries again
            }
        }

    private:
        shared& pool_;
    };

    // False when the system gives no more threads.
    bool start_thread() noexcept {
        try {
            std::thread{[self = shared_from_this()] { self->serve(); }}.detach();
        } catch (const std::system_error&) {
            return false;
        }
        ++threads;
        return true;
    }

    void serve() {
        const living_thread alive{*this};
        for (;;) {
            std::unique_lock lock{mutex};
            ++idle;
            work.wait(lock, [this] { return ending || !jobs.empty(); });
            --idle;
            if (ending) {
                return;
            }
            {
                auto job = std::move(jobs.front());
                jobs.pop_front();
                const running_job running_now{*this};
                lock.unlock();
                job();
            }
        }
    }
};

handler_pool::handler_pool(std::size_t max_threads) : shared_{std::make_shared<shared>()} {
    shared_->max_threads = max_threads;
}

handler_pool::~handler_pool() {
    const std::lock_guard lock{shared_->mutex};
    shared_->ending = true;
    shared_->jobs.clear();
    shared_->work.notify_all();
}

bool handler_pool::submit(std::move_only_function<void()> job, std::size_t overrun) {
    {
        const std::lock_guard lock{shared_->mutex};
        const bool wanted =
            shared_->idle <= shared_->jobs.size() && shared_->threads < shared_->max_threads + overrun;
        if (wanted && !shared_->start_thread() && shared_->threads == 0) {
            return false; // with others at work the job waits for one of them
        }
        shared_->jobs.push_back(std::move(job));
    }
    shared_->work.notify_one();
    return true;
}

bool handler_pool::wait_until_idle(std::chrono::nanoseconds limit) {
    std::unique_lock lock{shared_->mutex};
    return shared_->rest.wait_for(lock, limit, [this] { return shared_->running == 0; });
}

} // namespace distworker::detail
