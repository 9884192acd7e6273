#include "bad_link.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <stdexcept>
#include <vector>

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

monotonic_time clock_now() {
    return monotonic_time{std::chrono::steady_clock::now().time_since_epoch()};
}

bool would_block(ssize_t result) {
    return result < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR);
}

} // namespace

bad_link::bad_link(std::uint16_t target_port, const link_faults& faults, std::uint64_t seed)
    : target_port_{target_port}, faults_{faults}, random_{seed} {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    wake_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    sockaddr_in address = loopback(0);
    socklen_t size = sizeof address;
    if (listener_ < 0 || wake_ < 0 || ::bind(listener_, as_sockaddr(address), size) != 0 ||
        ::listen(listener_, 128) != 0 ||
        ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
        throw std::runtime_error{"the bad link cannot listen"};
    }
    port_ = ntohs(address.sin_port);
    thread_ = std::thread{[this] { serve(); }};
}

bad_link::~bad_link() {
    {
        const std::lock_guard lock{mutex_};
        ending_ = true;
    }
    wake();
    thread_.join();
    for (const link& left : links_) {
        drop(left, cut_kind::rst);
    }
    ::close(listener_);
    ::close(wake_);
}

void bad_link::wake() const {
    ::eventfd_write(wake_, 1);
}

void bad_link::set_faults(const link_faults& faults) {
    const std::lock_guard lock{mutex_};
    faults_ = faults;
}

void bad_link::cut(cut_kind how) {
    const std::lock_guard lock{mutex_};
    for (const link& gone : links_) {
        drop(gone, how);
    }
    links_.clear();
    wake();
}

void bad_link::stall(std::chrono::nanoseconds time) {
    const std::lock_guard lock{mutex_};
    for (link& each : links_) {
        each.up.line.stall(saturating_add(clock_now(), time));
        each.down.line.stall(saturating_add(clock_now(), time));
    }
}

void bad_link::silence() {
    const std::lock_guard lock{mutex_};
    for (link& each : links_) {
        each.up.line.silence();
        each.down.line.silence();
    }
}

int bad_link::connections() const {
    const std::lock_guard lock{mutex_};
    return connections_;
}

void bad_link::drop(const link& gone, cut_kind how) {
    for (const int fd : {gone.client, gone.target}) {
        if (how == cut_kind::rst) {
            const linger at_once{1, 0};
            ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
        }
        ::close(fd);
    }
}

void bad_link::accept_one() {
    const int client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    const int target = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (client < 0 || target < 0) {
        throw std::runtime_error{"the bad link has no descriptors left"};
    }
    ++connections_;
    const sockaddr_in address = loopback(target_port_);
    link made{client, target, faults_.cut, half{client, target, {faults_.to_target, random_.next()}},
              half{target, client, {faults_.to_client, random_.next()}}};
    if (faults_.reset_on_accept || ::connect(target, as_sockaddr(address), sizeof address) != 0) {
        drop(made, cut_kind::rst);
        return;
    }
    const int on = 1;
    for (const int fd : {client, target}) {
        ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    links_.push_back(std::move(made));
}

// Moves what can be moved; false when the connection is over for this half.
bool bad_link::move(half& of, monotonic_time now) {
    while (of.line.room() > 0 && !of.read_end) {
        std::byte piece[16384];
        const ssize_t count = ::recv(of.from, piece, std::min(sizeof piece, of.line.room()), MSG_DONTWAIT);
        if (count > 0) {
            of.line.write(std::span{piece}.first(static_cast<std::size_t>(count)), now);
        } else if (count == 0) {
            of.read_end = true;
            of.line.finish();
        } else if (would_block(count)) {
            break;
        } else {
            return false;
        }
    }
    of.line.read(of.arrived, now);
    while (!of.arrived.empty()) {
        const ssize_t count =
            ::send(of.to, of.arrived.data(), of.arrived.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (count < 0) {
            return would_block(count);
        }
        of.arrived.erase(of.arrived.begin(), of.arrived.begin() + count);
    }
    if (of.line.at_end() && !of.told_end) {
        of.told_end = true;
        ::shutdown(of.to, SHUT_WR);
    }
    return !of.line.broken();
}

void bad_link::serve() {
    std::unique_lock lock{mutex_};
    while (!ending_) {
        monotonic_time next = never;
        std::vector<pollfd> watched{{listener_, POLLIN, 0}, {wake_, POLLIN, 0}};
        for (const link& each : links_) {
            for (const half* one : {&each.up, &each.down}) {
                const bool wants = one->line.room() > 0 && !one->read_end;
                watched.push_back({wants ? one->from : -1, POLLIN, 0});
                watched.push_back({one->arrived.empty() ? -1 : one->to, POLLOUT, 0});
                next = std::min(next, one->line.next_arrival());
            }
        }
        const auto wait = next == never ? std::chrono::milliseconds{-1}
                                        : std::chrono::ceil<std::chrono::milliseconds>(
                                              std::max(next - clock_now(), std::chrono::nanoseconds{}));
        lock.unlock();
        ::poll(watched.data(), watched.size(), static_cast<int>(std::min<std::int64_t>(wait.count(), 1'000)));
        lock.lock();
        eventfd_t ignored = 0;
        ::eventfd_read(wake_, &ignored);
        const monotonic_time now = clock_now();
        std::erase_if(links_, [&](link& each) {
            const bool up = move(each.up, now);
            const bool down = move(each.down, now);
            const bool over = !up || !down || (each.up.told_end && each.down.told_end);
            if (over) {
                drop(each, up && down ? cut_kind::fin : each.cut);
            }
            return over;
        });
        if (watched[0].revents != 0 && !ending_) {
            accept_one();
        }
    }
}

} // namespace distworker::testing
