#include "relay.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <stdexcept>

namespace distworker::testing {
namespace {

sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    return address;
}

const sockaddr* as_sockaddr(const sockaddr_in& address) {
    return reinterpret_cast<const sockaddr*>(&address);
}

} // namespace

relay::relay(std::uint16_t target_port) : target_port_{target_port} {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    wake_ = ::eventfd(0, EFD_CLOEXEC);
    sockaddr_in address = loopback(0);
    socklen_t size = sizeof address;
    if (listener_ < 0 || wake_ < 0 || ::bind(listener_, as_sockaddr(address), size) != 0 ||
        ::listen(listener_, 128) != 0 ||
        ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
        throw std::runtime_error{"the relay cannot listen"};
    }
    port_ = ntohs(address.sin_port);
    thread_ = std::thread{[this] { serve(); }};
}

relay::~relay() {
    ending_ = true;
    ::eventfd_write(wake_, 1);
    thread_.join();
    ::close(listener_);
    ::close(wake_);
}

void relay::cut() {
    cutting_ = true;
    ::eventfd_write(wake_, 1);
    while (cutting_) {
        std::this_thread::yield();
    }
}

void relay::accept_one() {
    const int client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    const int server = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_in address = loopback(target_port_);
    if (client >= 0 && server >= 0 && ::connect(server, as_sockaddr(address), sizeof address) == 0) {
        links_.push_back({client, server});
        ++connections_;
        return;
    }
    for (const int fd : {client, server}) {
        if (fd >= 0) {
            ::close(fd);
        }
    }
}

bool relay::forward(int from, int to) {
    char piece[65536];
    const ssize_t count = ::recv(from, piece, sizeof piece, 0);
    for (ssize_t done = 0; done < count;) {
        const ssize_t written =
            ::send(to, piece + done, static_cast<std::size_t>(count - done), MSG_NOSIGNAL);
        if (written <= 0) {
            return false;
        }
        done += written;
    }
    return count > 0;
}

void relay::serve() {
    while (!ending_) {
        std::vector<pollfd> watched{{listener_, POLLIN, 0}, {wake_, POLLIN, 0}};
        for (const link& l : links_) {
            watched.push_back({l.client, POLLIN, 0});
            watched.push_back({l.server, POLLIN, 0});
        }
        ::poll(watched.data(), watched.size(), -1);
        if (watched[1].revents != 0) {
            eventfd_t ignored = 0;
            ::eventfd_read(wake_, &ignored);
        }
        std::vector<link> kept;
        for (std::size_t i = 0; i < links_.size(); ++i) {
            const link l = links_[i];
            const bool alive = !cutting_ && !ending_ &&
                               (watched[2 + 2 * i].revents == 0 || forward(l.client, l.server)) &&
                               (watched[3 + 2 * i].revents == 0 || forward(l.server, l.client));
            if (alive) {
                kept.push_back(l);
            } else {
                ::close(l.client);
                ::close(l.server);
            }
        }
        links_ = std::move(kept);
        cutting_ = false;
        if (watched[0].revents != 0 && !ending_) {
            accept_one();
        }
    }
    for (const link& l : links_) {
        ::close(l.client);
        ::close(l.server);
    }
}

} // namespace distworker::testing
