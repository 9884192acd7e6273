// libcurl's multi handle on a loop: it makes connections, and keeps them while they are used.
#pragma once

#include <distworker/loop.hpp>

#include <curl/curl.h>

#include <cstddef>
#include <memory>
#include <unordered_map>
#include <vector>

namespace distworker::curl {

struct easy_deleter {
    void operator()(CURL* easy) const noexcept { curl_easy_cleanup(easy); }
};
using easy_handle = std::unique_ptr<CURL, easy_deleter>;

/// Who is told that libcurl has connected, or failed to. Set as CURLOPT_PRIVATE of its handle.
class transfer {
public:
    virtual ~transfer() = default;
    /// On the loop's thread, never from inside a call into `multi`. The handle is still added.
    virtual void done(CURLcode result) = 0;
};

/// Used on the loop's thread only. The loop outlives it.
class multi : public std::enable_shared_from_this<multi> {
public:
    /// Throws std::system_error or std::bad_alloc when the system has no descriptor or memory left.
    explicit multi(loop& loop);
    multi(const multi&) = delete;
    multi& operator=(const multi&) = delete;
    ~multi();

    /// The handle must be removed before it is destroyed: libcurl closes its connection then.
    void add(CURL* easy);
    void remove(CURL* easy) noexcept;
    /// How many it has.
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] loop& owner() const noexcept { return loop_; }

private:
    struct multi_deleter {
        void operator()(CURLM* handle) const noexcept { curl_multi_cleanup(handle); }
    };

    static int socket_wanted(CURL* easy, curl_socket_t fd, int what, void* self, void* known) noexcept;
    static int timer_wanted(CURLM* handle, long milliseconds, void* self) noexcept;
    void watch(curl_socket_t fd, int what);
    void set_timer(long milliseconds) const noexcept;
    void act(curl_socket_t fd, int events);

    loop& loop_;
    std::unique_ptr<CURLM, multi_deleter> handle_;
    std::size_t size_ = 0;
    // A loop has one timer, which is the driver's.
    int timer_fd_;
    loop::watch_id timer_watch_;
    std::unordered_map<curl_socket_t, loop::watch_id> watches_;
};

/// As many of them as it takes: with each frame libcurl looks a connection up among all that its multi handle
/// has, one after the other.
class multi_set {
public:
    /// Makes the first. Throws as that does.
    explicit multi_set(loop& loop) : all_{std::make_shared<multi>(loop)} {}

    /// One that has room for another transfer; when the system has no descriptor left for one more, the
    /// first.
    [[nodiscard]] std::shared_ptr<multi> with_room();

private:
    std::vector<std::shared_ptr<multi>> all_;
};

} // namespace distworker::curl
