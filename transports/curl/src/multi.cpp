#include "multi.hpp"

#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <new>
#include <system_error>

namespace distworker::curl {

multi::multi(loop& loop)
    : loop_{loop}, handle_{curl_multi_init()},
      timer_fd_{::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)} {
    if (handle_ == nullptr) {
        throw std::bad_alloc{};
    }
    if (timer_fd_ < 0) {
        throw std::system_error{errno, std::generic_category(), "timerfd_create"};
    }
    curl_multi_setopt(handle_.get(), CURLMOPT_SOCKETFUNCTION, &multi::socket_wanted);
    curl_multi_setopt(handle_.get(), CURLMOPT_SOCKETDATA, this);
    curl_multi_setopt(handle_.get(), CURLMOPT_TIMERFUNCTION, &multi::timer_wanted);
    curl_multi_setopt(handle_.get(), CURLMOPT_TIMERDATA, this);
    timer_watch_ = loop_.watch(timer_fd_, {.readable = true}, [this](io_interest) {
        std::uint64_t expirations = 0;
        if (::read(timer_fd_, &expirations, sizeof expirations) > 0) {
            act(CURL_SOCKET_TIMEOUT, 0);
        }
    });
}

multi::~multi() {
    handle_.reset();
    for (const auto& [fd, id] : watches_) {
        loop_.unwatch(id);
    }
    loop_.unwatch(timer_watch_);
    ::close(timer_fd_);
}

void multi::add(CURL* easy) {
    if (curl_multi_add_handle(handle_.get(), easy) != CURLM_OK) {
        throw std::bad_alloc{};
    }
    ++size_;
}

void multi::remove(CURL* easy) noexcept {
    curl_multi_remove_handle(handle_.get(), easy);
    --size_;
}

int multi::socket_wanted(CURL*, curl_socket_t fd, int what, void* self, void*) noexcept {
    try {
        static_cast<multi*>(self)->watch(fd, what);
        return 0;
    } catch (const std::exception&) {
        return -1; // libcurl fails what it was about
    }
}

int multi::timer_wanted(CURLM*, long milliseconds, void* self) noexcept {
    static_cast<multi*>(self)->set_timer(milliseconds);
    return 0;
}

void multi::watch(curl_socket_t fd, int what) {
    const auto found = watches_.find(fd);
    if (what == CURL_POLL_REMOVE) {
        if (found != watches_.end()) {
            loop_.unwatch(found->second);
            watches_.erase(found);
        }
        return;
    }
    const io_interest interest{.readable = (what & CURL_POLL_IN) != 0,
                               .writable = (what & CURL_POLL_OUT) != 0};
    if (found != watches_.end()) {
        loop_.set_interest(found->second, interest);
        return;
    }
    watches_.emplace(fd, loop_.watch(fd, interest, [this, fd](io_interest ready) {
        act(fd, (ready.readable ? CURL_CSELECT_IN : 0) | (ready.writable ? CURL_CSELECT_OUT : 0));
    }));
}

void multi::set_timer(long milliseconds) const noexcept {
    constexpr long per_second = 1000;
    constexpr long nanoseconds = 1'000'000;
    itimerspec next{};
    if (milliseconds >= 0) {
        next.it_value.tv_sec = milliseconds / per_second;
        next.it_value.tv_nsec = milliseconds == 0 ? 1 : milliseconds % per_second * nanoseconds; // 0 disarms
    }
    ::timerfd_settime(timer_fd_, 0, &next, nullptr);
}

void multi::act(curl_socket_t fd, int events) {
    const auto self = shared_from_this(); // whoever is told may let go of it
    int running = 0;
    curl_multi_socket_action(handle_.get(), fd, events, &running);
    int left = 0;
    while (const CURLMsg* const message = curl_multi_info_read(handle_.get(), &left)) {
        void* owner = nullptr;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &owner);
        static_cast<transfer*>(owner)->done(message->data.result);
    }
}

std::shared_ptr<multi> multi_set::with_room() {
    constexpr std::size_t most = 64;
    const auto found = std::ranges::find_if(all_, [](const auto& one) { return one->size() < most; });
    if (found != all_.end()) {
        return *found;
    }
    try {
        return all_.emplace_back(std::make_shared<multi>(all_.front()->owner()));
    } catch (const std::system_error&) {
        return all_.front();
    }
}

} // namespace distworker::curl
