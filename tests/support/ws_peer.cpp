#include "ws_peer.hpp"

#include "support/require.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <stdexcept>
#include <utility>

namespace distworker::testing {
namespace {

std::string accept_key(const std::string& key) {
    const std::string text = key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    std::array<unsigned char, SHA_DIGEST_LENGTH> digest{};
    ::SHA1(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data());
    std::string encoded(4 * ((digest.size() + 2) / 3) + 1, '\0');
    const int size = ::EVP_EncodeBlock(reinterpret_cast<unsigned char*>(encoded.data()), digest.data(),
                                       static_cast<int>(digest.size()));
    encoded.resize(static_cast<std::size_t>(size));
    return encoded;
}

SSL* as_ssl(void* tls) {
    return static_cast<SSL*>(tls);
}

} // namespace

std::string accept_for(const std::string& request) {
    constexpr std::string_view field = "Sec-WebSocket-Key: ";
    const auto begin = request.find(field);
    require(begin != std::string::npos, "the request has no key");
    const auto key = begin + field.size();
    return accept_key(request.substr(key, request.find("\r\n", key) - key));
}

ws_peer::ws_peer(int socket) noexcept : socket_{socket} {}

void ws_peer::begin_tls(const ws_server& as) {
    tls_ = ::SSL_new(static_cast<SSL_CTX*>(as.tls_context()));
    ::SSL_set_fd(as_ssl(tls_), socket_);
    ::SSL_accept(as_ssl(tls_)); // a failure shows as the end of the connection
}

ws_peer::~ws_peer() {
    ::SSL_free(as_ssl(tls_));
    if (socket_ >= 0) {
        ::close(socket_);
    }
}

bool ws_peer::read_exactly(void* to, std::size_t size) {
    auto* out = static_cast<char*>(to);
    const std::size_t from_buffer = std::min(size, buffered_.size());
    buffered_.copy(out, from_buffer);
    buffered_.erase(0, from_buffer);
    for (std::size_t done = from_buffer; done < size;) {
        errno = 0;
        const auto count = tls_ != nullptr
                               ? ::SSL_read(as_ssl(tls_), out + done, static_cast<int>(size - done))
                               : ::recv(socket_, out + done, size - done, 0);
        require(errno != EAGAIN, "waited in vain for bytes");
        if (count <= 0) {
            return false;
        }
        done += static_cast<std::size_t>(count);
    }
    return true;
}

std::string ws_peer::read_request() {
    std::string request;
    while (!request.ends_with("\r\n\r\n")) {
        char next = 0;
        require(read_exactly(&next, 1), "the connection ended before its request");
        request += next;
    }
    return request;
}

std::string ws_peer::upgrade() {
    std::string request = read_request();
    write("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
          "Sec-WebSocket-Accept: " +
          accept_for(request) + "\r\n\r\n");
    return request;
}

void ws_peer::write(std::string_view bytes) {
    while (!bytes.empty()) {
        const auto count = tls_ != nullptr
                               ? ::SSL_write(as_ssl(tls_), bytes.data(), static_cast<int>(bytes.size()))
                               : ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (count <= 0) {
            return; // the other side is gone, which the script finds out by reading
        }
        bytes.remove_prefix(static_cast<std::size_t>(count));
    }
}

std::size_t ws_peer::write_until_full(std::string_view bytes, std::chrono::milliseconds patience) {
    std::size_t taken = 0;
    const int smallest = 64 * 1024;
    ::setsockopt(socket_, SOL_SOCKET, SO_SNDBUF, &smallest, sizeof smallest);
    pollfd writable{.fd = socket_, .events = POLLOUT, .revents = 0};
    while (taken < bytes.size() && ::poll(&writable, 1, static_cast<int>(patience.count())) > 0) {
        const auto count =
            ::send(socket_, bytes.data() + taken, bytes.size() - taken, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (count < 0 && errno != EAGAIN) {
            break;
        }
        taken += count > 0 ? static_cast<std::size_t>(count) : 0;
    }
    return taken;
}

void ws_peer::send(std::uint8_t opcode, std::string_view payload, bool fin) {
    std::string frame;
    frame += static_cast<char>(opcode | (fin ? 0x80U : 0U));
    const auto push_size = [&](unsigned bytes) {
        for (unsigned i = bytes; i-- > 0;) {
            frame += static_cast<char>((payload.size() >> (8 * i)) & 0xFFU);
        }
    };
    if (payload.size() < 126) {
        push_size(1);
    } else if (payload.size() < 65536) {
        frame += static_cast<char>(126);
        push_size(2);
    } else {
        frame += static_cast<char>(127);
        push_size(8);
    }
    frame += payload;
    write(frame);
}

std::optional<ws_frame> ws_peer::read() {
    std::array<unsigned char, 2> head{};
    if (!read_exactly(head.data(), head.size())) {
        return std::nullopt;
    }
    require((head[1] & 0x80U) != 0, "a client's frame is not masked");
    std::uint64_t size = head[1] & 0x7FU;
    if (size >= 126) {
        std::array<unsigned char, 8> more{};
        const std::size_t count = size == 126 ? 2 : 8;
        if (!read_exactly(more.data(), count)) {
            return std::nullopt;
        }
        size = 0;
        for (std::size_t i = 0; i < count; ++i) {
            size = size << 8U | more[i];
        }
    }
    std::array<unsigned char, 4> mask{};
    ws_frame frame{.opcode = static_cast<std::uint8_t>(head[0] & 0x0FU),
                   .fin = (head[0] & 0x80U) != 0,
                   .payload = std::string(size, '\0')};
    if (!read_exactly(mask.data(), mask.size()) || !read_exactly(frame.payload.data(), size)) {
        return std::nullopt;
    }
    for (const unsigned char byte : mask) {
        frame.mask = frame.mask << 8U | byte;
    }
    for (std::size_t i = 0; i < frame.payload.size(); ++i) {
        frame.payload[i] = static_cast<char>(static_cast<unsigned char>(frame.payload[i]) ^ mask[i % 4]);
    }
    return frame;
}

std::optional<ws_frame> ws_peer::read_message() {
    ws_frame message;
    for (bool first = true;;) {
        auto frame = read();
        if (!frame) {
            return std::nullopt;
        }
        if (frame->opcode >= ws_frame::close) {
            continue;
        }
        require((frame->opcode != ws_frame::continuation) == first, "fragments out of order");
        if (std::exchange(first, false)) {
            message.opcode = frame->opcode;
        }
        message.payload += frame->payload;
        if (frame->fin) {
            return message;
        }
    }
}

void ws_peer::read_to_end() {
    std::array<char, 4096> rest{};
    ssize_t count = 0;
    do {
        errno = 0;
        count = ::recv(socket_, rest.data(), rest.size(), 0);
        require(errno != EAGAIN, "waited in vain for the end");
    } while (count > 0);
}

void ws_peer::finish() {
    ::shutdown(socket_, SHUT_WR);
}

void ws_peer::hang_up() {
    finish();
    read_to_end();
}

void ws_peer::reset() {
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    ::close(std::exchange(socket_, -1));
}

ws_server::ws_server(const certificate* tls) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    require(listener_ >= 0, "no socket");
    const int small = 64 * 1024;
    ::setsockopt(listener_, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    const timeval patience{.tv_sec = 60, .tv_usec = 0};
    ::setsockopt(listener_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = ::htonl(INADDR_LOOPBACK);
    require(::bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0, "bind");
    require(::listen(listener_, 128) == 0, "listen");
    socklen_t size = sizeof address;
    require(::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) == 0, "getsockname");
    port_ = ::ntohs(address.sin_port);
    if (tls != nullptr) {
        SSL_CTX* const context = ::SSL_CTX_new(::TLS_server_method());
        require(::SSL_CTX_use_certificate_file(context, tls->file().c_str(), SSL_FILETYPE_PEM) == 1 &&
                    ::SSL_CTX_use_PrivateKey_file(context, tls->key_file().c_str(), SSL_FILETYPE_PEM) == 1,
                "the certificate cannot be used");
        tls_context_ = context;
    }
}

ws_server::~ws_server() {
    close();
    peers_.clear();
    ::SSL_CTX_free(static_cast<SSL_CTX*>(tls_context_));
}

void ws_server::close() {
    if (listener_ >= 0) {
        ::close(std::exchange(listener_, -1));
    }
}

void ws_server::let_go() {
    peers_.clear();
}

bool ws_server::pending() const {
    pollfd asked{.fd = listener_, .events = POLLIN, .revents = 0};
    return ::poll(&asked, 1, 0) > 0;
}

ws_peer& ws_server::accept() {
    // OpenSSL writes without MSG_NOSIGNAL, and scripts write to those that have gone. On this thread only: a
    // worker must bear it by itself.
    sigset_t broken_pipe{};
    ::sigemptyset(&broken_pipe);
    ::sigaddset(&broken_pipe, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &broken_pipe, nullptr);
    const int socket = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    require(socket >= 0, "nobody connected");
    const timeval patience{.tv_sec = 60, .tv_usec = 0};
    ::setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ::setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    const int at_once = 1; // small writes wait for nobody
    ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &at_once, sizeof at_once);
    ws_peer& peer = *peers_.emplace_back(std::make_unique<ws_peer>(socket));
    if (tls()) {
        peer.begin_tls(*this);
    }
    return peer;
}

} // namespace distworker::testing
