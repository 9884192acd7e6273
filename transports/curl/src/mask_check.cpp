#include "mask_check.hpp"

#include <curl/curl.h>
#include <curl/websockets.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <memory>
#include <string_view>

namespace distworker::curl {
namespace {

struct socket_pair {
    socket_pair() noexcept {
        if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()) != 0) {
            ends = {-1, -1};
        }
    }
    socket_pair(const socket_pair&) = delete;
    socket_pair& operator=(const socket_pair&) = delete;
    ~socket_pair() {
        for (const int end : ends) {
            if (end >= 0) {
                ::close(end);
            }
        }
    }
    std::array<int, 2> ends{};
};

curl_socket_t take_first(void* pair, curlsocktype, curl_sockaddr*) noexcept {
    return ::dup(static_cast<socket_pair*>(pair)->ends[0]); // libcurl closes it
}
int is_connected(void*, curl_socket_t, curlsocktype) noexcept {
    return CURL_SOCKOPT_ALREADY_CONNECTED;
}

// Until the upgrade is through. Its whole answer is written before libcurl looks for it.
bool upgrade(CURLM* multi, int server) {
    constexpr std::string_view answer = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                                        "Connection: Upgrade\r\nSec-WebSocket-Accept: unchecked\r\n\r\n";
    constexpr int enough_turns = 100;
    bool answered = false;
    for (int i = 0; i < enough_turns; ++i) {
        int running = 0;
        if (curl_multi_perform(multi, &running) != CURLM_OK) {
            return false;
        }
        if (running == 0) {
            int left = 0;
            const CURLMsg* const message = curl_multi_info_read(multi, &left);
            return message != nullptr && message->data.result == CURLE_OK;
        }
        std::array<char, 4096> request{};
        if (!answered && ::recv(server, request.data(), request.size(), 0) > 0) {
            answered = ::send(server, answer.data(), answer.size(), MSG_NOSIGNAL) ==
                       static_cast<ssize_t>(answer.size());
        }
        constexpr int milliseconds = 10;
        curl_multi_poll(multi, nullptr, 0, milliseconds, nullptr);
    }
    return false;
}

} // namespace

bool masks_differ() {
    socket_pair pair;
    const std::unique_ptr<CURLM, CURLMcode (*)(CURLM*)> multi{curl_multi_init(), &curl_multi_cleanup};
    const std::unique_ptr<CURL, void (*)(CURL*)> easy{curl_easy_init(), &curl_easy_cleanup};
    if (pair.ends[0] < 0 || multi == nullptr || easy == nullptr) {
        return false;
    }
    const auto set = [&](CURLoption option, auto value) { curl_easy_setopt(easy.get(), option, value); };
    set(CURLOPT_URL, "ws://127.0.0.1/");
    set(CURLOPT_CONNECT_ONLY, 2L);
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_PROXY, "");
    set(CURLOPT_OPENSOCKETFUNCTION, &take_first);
    set(CURLOPT_OPENSOCKETDATA, &pair);
    set(CURLOPT_SOCKOPTFUNCTION, &is_connected);
    curl_multi_add_handle(multi.get(), easy.get());
    // A frame of one byte: two of header, the mask, the byte.
    std::array<char, 14> frames{};
    bool sent = upgrade(multi.get(), pair.ends[1]);
    for (int i = 0; i < 2 && sent; ++i) {
        std::size_t size = 0;
        sent = curl_ws_send(easy.get(), "x", 1, &size, 0, CURLWS_BINARY) == CURLE_OK && size == 1;
    }
    const bool complete =
        sent && ::recv(pair.ends[1], frames.data(), frames.size(), 0) == static_cast<ssize_t>(frames.size());
    curl_multi_remove_handle(multi.get(), easy.get());
    const std::string_view both{frames.data(), frames.size()};
    return complete && both.substr(2, 4) != both.substr(9, 4);
}

} // namespace distworker::curl
