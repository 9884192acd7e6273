#include "task_state.hpp"

#include <cmath>
#include <utility>

namespace distworker::detail {
namespace {

// How far a handler on the pool may run ahead of the engine's own stream queue.
constexpr std::size_t stream_credit = 64 * 1024;

} // namespace

bool task_state::on_inline_thread() const noexcept {
    return inline_driver_ != nullptr && inline_thread_ == std::this_thread::get_id();
}

void task_state::set_inline(worker_driver* driver) {
    const std::lock_guard lock{mutex_};
    inline_driver_ = driver;
    inline_thread_ = std::this_thread::get_id();
}

void task_state::progress(double fraction, std::string_view message) {
    worker_driver* direct = nullptr;
    {
        const std::lock_guard lock{mutex_};
        if (ended_ || std::isnan(fraction)) {
            return;
        }
        fraction_ = fraction;
        message_ = message;
        direct = on_inline_thread() ? inline_driver_ : nullptr;
        if (direct == nullptr && std::exchange(progress_posted_, true)) {
            return; // the one on its way takes this one along
        }
    }
    if (direct != nullptr) {
        send_progress(*direct);
    } else {
        remote_.post([self = shared_from_this()](worker_driver& driver) { self->send_progress(driver); });
    }
}

void task_state::send_progress(worker_driver& driver) {
    double fraction = 0;
    std::string message;
    {
        const std::lock_guard lock{mutex_};
        progress_posted_ = false;
        fraction = fraction_;
        message = message_;
    }
    static_cast<void>(driver.progress(assigned_.name(), fraction, message)); // too late is no error
}

float task_state::last_fraction() const {
    const std::lock_guard lock{mutex_};
    return static_cast<float>(fraction_);
}

bool task_state::stream(stream_item item) {
    const std::size_t size = item.size();
    worker_driver* direct = nullptr;
    {
        std::unique_lock lock{mutex_};
        if (on_inline_thread()) {
            direct = inline_driver_;
        } else {
            changed_.wait(lock, [&] {
                return ended_ || stream_in_flight_ == 0 || stream_in_flight_ + size <= stream_credit;
            });
            if (ended_) {
                return false;
            }
            stream_in_flight_ += size;
        }
    }
    if (direct != nullptr) {
        return direct->stream(assigned_.name(), std::move(item)).has_value();
    }
    remote_.post([self = shared_from_this(), item = std::move(item)](worker_driver& driver) mutable {
        self->waiting_.push_back(std::move(item));
        self->feed(driver);
    });
    return true;
}

void task_state::feed(worker_driver& driver) {
    const auto alive = std::exchange(held_, nullptr);
    if (has_ended()) {
        waiting_ = {}; // the answer does not wait for items that nobody takes
    }
    while (!waiting_.empty()) {
        const std::size_t size = waiting_.front().size();
        const auto taken = driver.stream(assigned_.name(), std::move(waiting_.front()));
        if (!taken && taken.error() == misuse::would_block) {
            held_ = answer_ ? shared_from_this() : nullptr; // the handler is done: nobody else holds it
            return;                                         // `writable` follows
        }
        if (!taken) {
            close_stream();
            break;
        }
        waiting_.pop_front();
        const std::lock_guard lock{mutex_};
        stream_in_flight_ -= size;
        changed_.notify_all();
    }
    if (answer_) {
        static_cast<void>(
            driver.complete(assigned_.name(), std::move(*answer_))); // stale: it was answered for
        answer_.reset();
        end();
    }
}

void task_state::close_stream() {
    waiting_ = {};
    end();
}

void task_state::answer(outcome result) {
    worker_driver* direct = nullptr;
    {
        const std::lock_guard lock{mutex_};
        returned_ = true;
        direct = on_inline_thread() ? inline_driver_ : nullptr;
    }
    if (direct != nullptr) {
        answer_ = std::move(result);
        feed(*direct);
        return;
    }
    remote_.post([self = shared_from_this(), result = std::move(result)](worker_driver& driver) mutable {
        self->answer_ = std::move(result);
        self->feed(driver);
    });
}

std::stop_token task_state::stop_token() {
    const std::lock_guard lock{mutex_};
    if (!stop_.stop_possible()) {
        stop_ = std::stop_source{};
        if (reason_) {
            stop_.request_stop();
        }
    }
    return stop_.get_token();
}

std::optional<stop_reason> task_state::reason() const {
    const std::lock_guard lock{mutex_};
    return reason_;
}

void task_state::request_stop(stop_reason reason) {
    std::stop_source stop{std::nostopstate};
    {
        const std::lock_guard lock{mutex_};
        // What comes after its deadline, or without its connection, nobody takes any more.
        ended_ = ended_ || reason != stop_reason::shutdown;
        changed_.notify_all();
        if (reason_) {
            return;
        }
        reason_ = reason;
        stop = stop_;
    }
    stop.request_stop(); // outside the lock: callbacks may ask this object things
}

bool task_state::wait_for(std::chrono::nanoseconds time) {
    std::unique_lock lock{mutex_};
    return !changed_.wait_for(lock, time, [&] { return reason_.has_value(); });
}

bool task_state::has_ended() const {
    const std::lock_guard lock{mutex_};
    return ended_;
}

bool task_state::has_returned() const {
    const std::lock_guard lock{mutex_};
    return returned_;
}

void task_state::let_go() {
    const auto alive = std::exchange(held_, nullptr);
    waiting_ = {};
    answer_.reset();
}

void task_state::end() {
    const std::lock_guard lock{mutex_};
    ended_ = true;
    changed_.notify_all();
}

} // namespace distworker::detail
