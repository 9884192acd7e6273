// Pipes and socket pairs that close themselves, for tests.
#pragma once

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace distworker::testing {

/// Two descriptors, closed at the end. Reading and writing never block.
class descriptor_pair {
public:
    descriptor_pair(const descriptor_pair&) = delete;
    descriptor_pair& operator=(const descriptor_pair&) = delete;
    ~descriptor_pair() {
        ::close(ends_[0]);
        ::close(ends_[1]);
    }

protected:
    descriptor_pair() = default;

    static void put(int end, std::string_view text) {
        if (::write(end, text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
            throw std::runtime_error{"write"};
        }
    }
    static std::string take(int end, std::size_t most) {
        std::string text(most, '\0');
        const ssize_t count = ::read(end, text.data(), text.size());
        text.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
        return text;
    }

    int ends_[2] = {-1, -1};
};

class pipe_ends : public descriptor_pair {
public:
    pipe_ends() {
        if (::pipe2(ends_, O_CLOEXEC | O_NONBLOCK) != 0) {
            throw std::runtime_error{"pipe2"};
        }
    }
    [[nodiscard]] int reading() const { return ends_[0]; }
    [[nodiscard]] int writing() const { return ends_[1]; }
    void put(std::string_view text) const { descriptor_pair::put(ends_[1], text); }
    [[nodiscard]] std::string take(std::size_t most) const { return descriptor_pair::take(ends_[0], most); }
    void close_reading() { ::close(std::exchange(ends_[0], -1)); }
};

class socket_pair : public descriptor_pair {
public:
    socket_pair() {
        if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends_) != 0) {
            throw std::runtime_error{"socketpair"};
        }
    }
    [[nodiscard]] int ours() const { return ends_[0]; }
    void put_theirs(std::string_view text) const { put(ends_[1], text); }
    void take_ours() const { std::ignore = take(ends_[0], 4096); }
};

} // namespace distworker::testing
