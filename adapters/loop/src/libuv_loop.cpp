#include "loop_timer.hpp"

#include <distworker/libuv_loop.hpp>
#include <distworker/post_queue.hpp>

#include <uv.h>

#include <system_error>
#include <unordered_map>
#include <utility>

namespace distworker {
namespace {

void require(int status, const char* what) {
    if (status < 0) {
        throw std::system_error{-status, std::generic_category(), what};
    }
}

// libuv keeps a handle until it has called back: what is closed here is freed there.
template <typename Owner>
void close_and_delete(Owner* owner) {
    owner->handle.data = owner;
    uv_close(reinterpret_cast<uv_handle_t*>(&owner->handle),
             [](uv_handle_t* closed) { delete static_cast<Owner*>(closed->data); });
}

struct polled {
    uv_poll_t handle{};
    std::shared_ptr<loop::watch_callback> ready; // null once the watch has ended
    io_interest interest{};

    void arm(io_interest wanted) {
        interest = wanted;
        if (wanted == io_interest{}) {
            uv_poll_stop(&handle);
        } else {
            uv_poll_start(&handle, (wanted.readable ? UV_READABLE : 0) | (wanted.writable ? UV_WRITABLE : 0),
                          call);
        }
    }
    void end() {
        ready = nullptr;
        close_and_delete(this);
    }

    // libuv stops a handle whose descriptor has an error: while somebody cares, it is started again.
    static void call(uv_poll_t* handle, int status, int events) {
        auto& self = *static_cast<polled*>(handle->data);
        const auto alive = self.ready;
        if (alive == nullptr) {
            return;
        }
        const io_interest ready{
            .readable = self.interest.readable && (status < 0 || (events & UV_READABLE) != 0),
            .writable = self.interest.writable && (status < 0 || (events & UV_WRITABLE) != 0)};
        if (ready != io_interest{}) {
            (*alive)(ready);
        }
        if (status < 0 && self.ready != nullptr) {
            self.arm(self.interest);
        }
    }
};

} // namespace

class libuv_loop::implementation {
public:
    explicit implementation(uv_loop_t& on) : on_{on}, timer_{new timer} {
        uv_timer_init(&on_, &timer_->handle);
        timer_->handle.data = this;
        static_cast<void>(
            watch(posted.descriptor(), {.readable = true}, [this](io_interest) { posted.run(); }));
    }
    implementation(const implementation&) = delete;
    implementation& operator=(const implementation&) = delete;
    ~implementation() {
        close_and_delete(timer_);
        for (const auto& [id, watch] : watches_) {
            watch->end();
        }
    }

    std::uint64_t watch(int fd, io_interest interest, watch_callback ready) {
        auto made = std::make_unique<polled>();
        require(uv_poll_init(&on_, &made->handle, fd), "libuv_loop::watch");
        made->handle.data = made.get();
        made->ready = std::make_shared<watch_callback>(std::move(ready));
        made->arm(interest);
        watches_.emplace(next_watch_, made.release());
        return next_watch_++;
    }

    void set_interest(std::uint64_t id, io_interest interest) {
        if (const auto found = watches_.find(id); found != watches_.end()) {
            found->second->arm(interest);
        }
    }

    void unwatch(std::uint64_t id) {
        if (const auto found = watches_.find(id); found != watches_.end()) {
            found->second->end();
            watches_.erase(found);
        }
    }

    void set_timer(monotonic_time deadline, std::move_only_function<void()> expired) {
        due_.set(deadline, std::move(expired));
        arm_timer();
    }

    post_queue posted;

private:
    struct timer {
        uv_timer_t handle{};
    };

    void arm_timer() {
        if (due_.deadline() == never) {
            uv_timer_stop(&timer_->handle);
            return;
        }
        uv_update_time(&on_); // what follows counts from there
        uv_timer_start(&timer_->handle, tick,
                       static_cast<std::uint64_t>(poll_timeout(due_.deadline(), detail::steady_now())), 0);
    }

    // libuv's clock is one of milliseconds, so this may come a part of one too early.
    static void tick(uv_timer_t* handle) {
        auto& self = *static_cast<implementation*>(handle->data);
        if (auto expired = self.due_.take_due()) {
            expired();
        } else {
            self.arm_timer();
        }
    }

    uv_loop_t& on_;
    timer* timer_; // freed once it is closed, as the watches are
    detail::loop_timer due_;
    std::uint64_t next_watch_ = 1;
    std::unordered_map<std::uint64_t, polled*> watches_;
};

libuv_loop::libuv_loop(uv_loop_t& on) : self_{std::make_unique<implementation>(on)} {}
libuv_loop::~libuv_loop() = default;

loop::watch_id libuv_loop::watch(int fd, io_interest interest, watch_callback ready) {
    return watch_id{self_->watch(fd, interest, std::move(ready))};
}

void libuv_loop::set_interest(watch_id watch, io_interest interest) {
    self_->set_interest(std::to_underlying(watch), interest);
}

void libuv_loop::unwatch(watch_id watch) {
    self_->unwatch(std::to_underlying(watch));
}

void libuv_loop::set_timer(monotonic_time deadline, std::move_only_function<void()> expired) {
    self_->set_timer(deadline, std::move(expired));
}

void libuv_loop::post(std::move_only_function<void()> task) {
    self_->posted.add(std::move(task));
}

monotonic_time libuv_loop::now() const {
    return detail::steady_now();
}

} // namespace distworker
