// The relay with a bad line between two sockets of this process.
#include "net/bad_link.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <string_view>

namespace distworker::testing {
namespace {

using namespace std::chrono_literals;

class tcp_socket {
public:
    explicit tcp_socket(int fd) : fd_{fd} { EXPECT_GE(fd, 0); }
    tcp_socket(const tcp_socket&) = delete;
    tcp_socket& operator=(const tcp_socket&) = delete;
    ~tcp_socket() { ::close(fd_); }
    [[nodiscard]] int get() const { return fd_; }

    void send(std::string_view text) const {
        ASSERT_EQ(::send(fd_, text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
    }
    /// Everything until the other side ends, or `limit` bytes. `failed` is set when that was a reset.
    std::string receive(std::size_t limit, bool* failed = nullptr) const {
        std::string text;
        while (text.size() < limit) {
            char piece[4096];
            const ssize_t count = ::recv(fd_, piece, std::min(sizeof piece, limit - text.size()), 0);
            if (count <= 0) {
                if (failed != nullptr) {
                    *failed = count < 0 && errno == ECONNRESET;
                }
                break;
            }
            text.append(piece, static_cast<std::size_t>(count));
        }
        return text;
    }
    [[nodiscard]] bool readable_within(std::chrono::milliseconds time) const {
        pollfd watched{fd_, POLLIN, 0};
        return ::poll(&watched, 1, static_cast<int>(time.count())) > 0;
    }

private:
    int fd_;
};

sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    return address;
}

// A listener, a link to it, and both ends of a connection over that link.
struct stage {
    explicit stage(const link_faults& faults = {}) : link{listen(), faults} {}

    void connect() {
        client.emplace(::socket(AF_INET, SOCK_STREAM, 0));
        const sockaddr_in address = loopback(link.port());
        ASSERT_EQ(::connect(client->get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    }
    void accept() { server.emplace(::accept(listener.get(), nullptr, nullptr)); }

    std::uint16_t listen() const {
        sockaddr_in address = loopback(0);
        socklen_t size = sizeof address;
        EXPECT_EQ(::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), size), 0);
        EXPECT_EQ(::listen(listener.get(), 8), 0);
        EXPECT_EQ(::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
        return ntohs(address.sin_port);
    }

    tcp_socket listener{::socket(AF_INET, SOCK_STREAM, 0)};
    bad_link link;
    std::optional<tcp_socket> client;
    std::optional<tcp_socket> server;
};

TEST(BadLink, ForwardsBothWaysAndTellsTheEnd) {
    stage on;
    on.connect();
    on.accept();
    const std::string large(1'000'000, 'x');
    std::jthread writer{[&] {
        on.client->send(large);
        ::shutdown(on.client->get(), SHUT_WR);
    }};
    EXPECT_EQ(on.server->receive(2'000'000), large);
    on.server->send("answer");
    EXPECT_EQ(on.client->receive(6), "answer");
    EXPECT_EQ(on.link.connections(), 1);
}

TEST(BadLink, CutsAtAnyByteInEitherWay) {
    for (const cut_kind how : {cut_kind::fin, cut_kind::rst}) {
        for (const std::uint64_t at : {1U, 2U, 100U, 4095U}) {
            link_faults faults;
            faults.to_target.cut_at = at;
            faults.cut = how;
            stage on{faults};
            on.connect();
            on.accept();
            on.client->send(std::string(5'000, 'x'));
            bool failed = false;
            const std::string got = on.server->receive(10'000, &failed);
            // A reset may overtake what was sent before it.
            EXPECT_LE(got.size(), at);
            EXPECT_EQ(failed, how == cut_kind::rst);
            if (how == cut_kind::fin) {
                EXPECT_EQ(got.size(), at);
            }
        }
    }
}

TEST(BadLink, CutsWhatIsConnectedWhenAsked) {
    stage on;
    on.connect();
    on.accept();
    on.link.cut(cut_kind::rst);
    bool failed = false;
    EXPECT_EQ(on.client->receive(1, &failed), "");
    EXPECT_TRUE(failed);
    on.connect();
    on.accept();
    on.client->send("again");
    EXPECT_EQ(on.server->receive(5), "again");
    EXPECT_EQ(on.link.connections(), 2);
}

TEST(BadLink, IsSilentWithoutAWord) {
    stage on;
    on.connect();
    on.accept();
    on.client->send("a");
    ASSERT_EQ(on.server->receive(1), "a");
    on.link.silence();
    on.client->send("b");
    EXPECT_FALSE(on.server->readable_within(100ms));
    on.link.cut(cut_kind::fin);
    EXPECT_EQ(on.server->receive(1), "") << "what was on its way is lost";
}

TEST(BadLink, DelaysAtLeastAsLongAsItWasTold) {
    link_faults faults;
    faults.to_target.min_delay = 30ms;
    stage on{faults};
    on.connect();
    on.accept();
    const auto begin = std::chrono::steady_clock::now();
    on.client->send("late");
    EXPECT_EQ(on.server->receive(4), "late");
    EXPECT_GE(std::chrono::steady_clock::now() - begin, 30ms);
    on.link.stall(50ms);
    const auto stalled = std::chrono::steady_clock::now();
    on.server->send("later");
    EXPECT_EQ(on.client->receive(5), "later");
    EXPECT_GE(std::chrono::steady_clock::now() - stalled, 45ms);
}

TEST(BadLink, ResetsOnAcceptWhenTold) {
    stage on{{.to_target = {}, .to_client = {}, .cut = cut_kind::rst, .reset_on_accept = true}};
    on.connect();
    bool failed = false;
    EXPECT_EQ(on.client->receive(1, &failed), "");
    EXPECT_TRUE(failed);
    on.link.set_faults({});
    on.connect();
    on.accept();
    on.client->send("now");
    EXPECT_EQ(on.server->receive(3), "now");
}

} // namespace
} // namespace distworker::testing
