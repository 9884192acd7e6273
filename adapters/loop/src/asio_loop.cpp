#include "loop_timer.hpp"

#include <distworker/asio_context_loop.hpp>
#include <distworker/asio_loop.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <unordered_map>
#include <utility>

namespace distworker {

namespace asio = boost::asio;

class asio_loop::implementation : public std::enable_shared_from_this<implementation> {
public:
    explicit implementation(asio::any_io_executor executor)
        : executor_{std::move(executor)}, timer_{executor_} {}

    void close() {
        closed_ = true;
        due_.set(never, nullptr);
        timer_.cancel();
        for (auto& [id, watch] : watches_) {
            end(*watch);
        }
        watches_.clear();
    }

    std::uint64_t watch(int fd, io_interest interest, watch_callback ready) {
        const std::uint64_t id = next_watch_++;
        auto watch = std::make_shared<watched>(executor_, fd, std::move(ready));
        watches_.emplace(id, watch);
        set_interest(id, interest);
        return id;
    }

    void set_interest(std::uint64_t id, io_interest interest) {
        const auto found = watches_.find(id);
        if (found == watches_.end()) {
            return;
        }
        const std::shared_ptr<watched>& watch = found->second;
        watch->interest = interest;
        arm(watch, asio::posix::descriptor_base::wait_read);
        arm(watch, asio::posix::descriptor_base::wait_write);
    }

    void unwatch(std::uint64_t id) {
        const auto found = watches_.find(id);
        if (found != watches_.end()) {
            end(*found->second);
            watches_.erase(found);
        }
    }

    void set_timer(monotonic_time deadline, std::move_only_function<void()> expired) {
        due_.set(deadline, std::move(expired));
        if (deadline < armed_) { // a later deadline is looked at when the earlier one fires
            arm_timer();
        }
    }

    [[nodiscard]] asio::any_io_executor executor() const { return executor_; }

private:
    using wait_type = asio::posix::descriptor_base::wait_type;

    struct watched {
        watched(const asio::any_io_executor& executor, int fd, watch_callback callback)
            : descriptor{executor, fd}, ready{std::move(callback)} {}
        asio::posix::stream_descriptor descriptor;
        watch_callback ready;
        io_interest interest;
        bool waiting[2] = {false, false}; // for reading, for writing
        bool ended = false;
    };

    static void end(watched& watch) {
        watch.ended = true;
        watch.descriptor.release(); // cancels, and leaves the descriptor to its owner
    }

    static void arm(const std::shared_ptr<watched>& watch, wait_type what) {
        const bool writing = what == asio::posix::descriptor_base::wait_write;
        bool& waiting = watch->waiting[writing ? 1 : 0];
        if (waiting || !(writing ? watch->interest.writable : watch->interest.readable)) {
            return;
        }
        waiting = true;
        watch->descriptor.async_wait(what, [watch, what, writing, &waiting](boost::system::error_code) {
            waiting = false;
            const bool wanted = writing ? watch->interest.writable : watch->interest.readable;
            if (watch->ended || !wanted) {
                return;
            }
            watch->ready({.readable = !writing, .writable = writing});
            if (!watch->ended) {
                arm(watch, what);
            }
        });
    }

    void arm_timer() {
        armed_ = due_.deadline();
        timer_.expires_at(std::chrono::steady_clock::time_point{armed_.time_since_epoch()});
        timer_.async_wait([self = shared_from_this()](boost::system::error_code error) {
            if (error || self->closed_) {
                return; // replaced by an earlier deadline, or over
            }
            self->armed_ = never;
            if (auto expired = self->due_.take_due()) {
                expired();
            } else if (self->due_.deadline() != never) {
                self->arm_timer();
            }
        });
    }

    asio::any_io_executor executor_;
    asio::steady_timer timer_;
    detail::loop_timer due_;
    monotonic_time armed_ = never;
    std::uint64_t next_watch_ = 1;
    std::unordered_map<std::uint64_t, std::shared_ptr<watched>> watches_;
    bool closed_ = false;
};

asio_loop::asio_loop(asio::any_io_executor executor)
    : self_{std::make_shared<implementation>(std::move(executor))} {}

asio_loop::~asio_loop() {
    self_->close();
}

loop::watch_id asio_loop::watch(int fd, io_interest interest, watch_callback ready) {
    return watch_id{self_->watch(fd, interest, std::move(ready))};
}

void asio_loop::set_interest(watch_id watch, io_interest interest) {
    self_->set_interest(std::to_underlying(watch), interest);
}

void asio_loop::unwatch(watch_id watch) {
    self_->unwatch(std::to_underlying(watch));
}

void asio_loop::set_timer(monotonic_time deadline, std::move_only_function<void()> expired) {
    self_->set_timer(deadline, std::move(expired));
}

void asio_loop::post(std::move_only_function<void()> task) {
    asio::post(self_->executor(), std::move(task));
}

monotonic_time asio_loop::now() const {
    return detail::steady_now();
}

asio::any_io_executor asio_loop::executor() const {
    return self_->executor();
}

struct asio_context_loop::implementation {
    asio::io_context context{1};
    asio::executor_work_guard<asio::io_context::executor_type> work{context.get_executor()};
    asio_loop loop{context.get_executor()};
};

asio_context_loop::asio_context_loop() : self_{std::make_unique<implementation>()} {}
asio_context_loop::~asio_context_loop() = default;
loop& asio_context_loop::get() noexcept {
    return self_->loop;
}
void asio_context_loop::run() {
    self_->context.run();
    self_->context.restart();
}
void asio_context_loop::stop() {
    self_->context.stop();
}

} // namespace distworker
