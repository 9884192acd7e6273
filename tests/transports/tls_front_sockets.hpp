// Sockets of fronts: blocking, on loopback, closed at the end.
#pragma once

#include "support/require.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <utility>

namespace distworker::testing {

class front_socket {
public:
    explicit front_socket(int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) : fd_{fd} {
        require(fd_ >= 0, "no socket");
    }
    front_socket(front_socket&& other) noexcept : fd_{std::exchange(other.fd_, -1)} {}
    front_socket& operator=(front_socket&&) = delete;
    ~front_socket() {
        if (fd_ >= 0) {
            ::close(fd_);
        }
    }
    [[nodiscard]] int get() const { return fd_; }

private:
    int fd_;
};

inline sockaddr_in loopback_address(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = ::htons(port);
    address.sin_addr.s_addr = ::htonl(INADDR_LOOPBACK);
    return address;
}

[[nodiscard]] inline bool connects(const front_socket& socket, std::uint16_t port) {
    const sockaddr_in address = loopback_address(port);
    return ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

} // namespace distworker::testing
