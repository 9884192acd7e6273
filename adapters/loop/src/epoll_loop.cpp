#include "loop_timer.hpp"

#include <distworker/epoll_loop.hpp>

#include <sys/epoll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

namespace distworker {
namespace {

constexpr std::uint64_t posts_id = 0;
constexpr int events_per_turn = 64;

std::uint32_t event_mask(io_interest interest) noexcept {
    return (interest.readable ? std::uint32_t{EPOLLIN} : 0U) |
           (interest.writable ? std::uint32_t{EPOLLOUT} : 0U);
}

[[noreturn]] void fail(const char* what) {
    throw std::system_error{errno, std::generic_category(), what};
}

} // namespace

epoll_loop::epoll_loop() : epoll_{::epoll_create1(EPOLL_CLOEXEC)} {
    epoll_event event{.events = EPOLLIN, .data = {.u64 = posts_id}};
    if (epoll_ < 0 || ::epoll_ctl(epoll_, EPOLL_CTL_ADD, posted_.descriptor(), &event) != 0) {
        fail("epoll_loop");
    }
}

epoll_loop::~epoll_loop() {
    ::close(epoll_);
}

// A descriptor of no interest leaves the set: the kernel would report its hang-up again and again.
bool epoll_loop::arm(std::uint64_t id, watched& watch, io_interest interest) const {
    const bool listed = watch.interest != io_interest{};
    const bool wanted = interest != io_interest{};
    watch.interest = interest;
    if (!listed && !wanted) {
        return true;
    }
    epoll_event event{.events = event_mask(interest), .data = {.u64 = id}};
    return ::epoll_ctl(epoll_,
                       !listed  ? EPOLL_CTL_ADD
                       : wanted ? EPOLL_CTL_MOD
                                : EPOLL_CTL_DEL,
                       watch.fd, &event) == 0;
}

loop::watch_id epoll_loop::watch(int fd, io_interest interest, watch_callback ready) {
    const std::uint64_t id = next_watch_++;
    auto made = std::make_shared<watched>(fd, std::move(ready));
    if (!arm(id, *made, interest)) {
        fail("epoll_loop::watch");
    }
    watches_.emplace(id, std::move(made));
    return watch_id{id};
}

void epoll_loop::set_interest(watch_id watch, io_interest interest) {
    const auto found = watches_.find(std::to_underlying(watch));
    if (found != watches_.end()) {
        static_cast<void>(arm(found->first, *found->second, interest));
    }
}

void epoll_loop::unwatch(watch_id watch) {
    const auto found = watches_.find(std::to_underlying(watch));
    if (found != watches_.end()) {
        static_cast<void>(arm(found->first, *found->second, {}));
        watches_.erase(found);
    }
}

void epoll_loop::set_timer(monotonic_time deadline, std::move_only_function<void()> expired) {
    deadline_ = deadline;
    expired_ = std::move(expired);
}

void epoll_loop::post(std::move_only_function<void()> task) {
    posted_.add(std::move(task));
}

void epoll_loop::stop() {
    stopping_ = true;
    posted_.wake();
}

monotonic_time epoll_loop::now() const {
    return detail::steady_now();
}

void epoll_loop::run_timer() {
    if (deadline_ != never && deadline_ <= now()) {
        deadline_ = never;
        auto expired = std::exchange(expired_, nullptr);
        expired();
    }
}

void epoll_loop::run() {
    while (!stopping_.exchange(false)) {
        serve(poll_timeout(deadline_, now()));
    }
}

void epoll_loop::serve(int timeout) {
    std::array<epoll_event, events_per_turn> events;
    const int count = ::epoll_wait(epoll_, events.data(), events_per_turn, timeout);
    if (count < 0 && errno != EINTR) {
        fail("epoll_loop");
    }
    bool posts = false;
    for (int i = 0; i < count; ++i) {
        const epoll_event& event = events[static_cast<std::size_t>(i)];
        const std::uint64_t id = event.data.u64; // a copy: no reference may bind to what is packed
        posts = posts || id == posts_id;
        const auto found = watches_.find(id);
        if (found == watches_.end()) { // an earlier callback ended it
            continue;
        }
        const std::shared_ptr<watched> alive = found->second;
        const bool broken = (event.events & (EPOLLERR | EPOLLHUP)) != 0;
        // An earlier callback of this turn may have changed what is wanted.
        const io_interest ready{
            .readable = alive->interest.readable && (broken || (event.events & EPOLLIN) != 0),
            .writable = alive->interest.writable && (broken || (event.events & EPOLLOUT) != 0)};
        if (ready.readable || ready.writable) {
            alive->ready(ready);
        }
    }
    if (posts) {
        posted_.run();
    }
    run_timer();
}

} // namespace distworker
