// A loop on select(2), written against nothing but the installed headers.
#pragma once

#include <distworker/loop.hpp>
#include <distworker/post_queue.hpp>

#include <sys/select.h>

#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <utility>
#include <vector>

class select_loop final : public distworker::loop {
public:
    void run() {
        while (!stopping_.exchange(false)) {
            turn();
        }
    }
    void stop() {
        stopping_ = true;
        posted_.wake();
    }

    watch_id watch(int fd, distworker::io_interest interest, watch_callback ready) override {
        watches_.emplace(next_, std::make_shared<watched>(fd, interest, std::move(ready)));
        return watch_id{next_++};
    }
    void set_interest(watch_id watch, distworker::io_interest interest) override {
        if (const auto found = watches_.find(std::to_underlying(watch)); found != watches_.end()) {
            found->second->interest = interest;
        }
    }
    void unwatch(watch_id watch) override { watches_.erase(std::to_underlying(watch)); }
    void set_timer(distworker::monotonic_time deadline, std::move_only_function<void()> expired) override {
        deadline_ = deadline;
        expired_ = std::move(expired);
    }
    void post(std::move_only_function<void()> task) override { posted_.add(std::move(task)); }
    distworker::monotonic_time now() const override {
        return distworker::monotonic_time{std::chrono::steady_clock::now().time_since_epoch()};
    }

private:
    struct watched {
        int fd;
        distworker::io_interest interest;
        watch_callback ready;
    };

    void turn() {
        fd_set reads;
        fd_set writes;
        FD_ZERO(&reads);
        FD_ZERO(&writes);
        FD_SET(posted_.descriptor(), &reads);
        int highest = posted_.descriptor();
        for (const auto& [id, watch] : watches_) {
            if (watch->interest.readable) {
                FD_SET(watch->fd, &reads);
            }
            if (watch->interest.writable) {
                FD_SET(watch->fd, &writes);
            }
            highest = watch->interest == distworker::io_interest{} ? highest : std::max(highest, watch->fd);
        }
        const int wait = distworker::poll_timeout(deadline_, now());
        timeval left{.tv_sec = wait / 1000, .tv_usec = wait % 1000 * 1000};
        if (::select(highest + 1, &reads, &writes, nullptr, wait < 0 ? nullptr : &left) > 0) {
            const auto noticed = watches_; // callbacks change the map, and keep themselves alive by this copy
            for (const auto& [id, watch] : noticed) {
                const distworker::io_interest ready{
                    .readable = watch->interest.readable && FD_ISSET(watch->fd, &reads),
                    .writable = watch->interest.writable && FD_ISSET(watch->fd, &writes)};
                if (watches_.contains(id) && ready != distworker::io_interest{}) {
                    watch->ready(ready);
                }
            }
            posted_.run();
        }
        if (deadline_ <= now()) {
            deadline_ = distworker::never;
            std::exchange(expired_, nullptr)();
        }
    }

    std::map<std::uint64_t, std::shared_ptr<watched>> watches_;
    std::uint64_t next_ = 1;
    distworker::monotonic_time deadline_ = distworker::never;
    std::move_only_function<void()> expired_;
    distworker::post_queue posted_;
    std::atomic<bool> stopping_ = false;
};
