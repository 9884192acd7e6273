// A TCP relay between a worker and its controller that a test can cut, and open again.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace distworker::testing {

/// Listens on a free loopback port and forwards to another one, until its destructor.
class relay {
public:
    explicit relay(std::uint16_t target_port);
    relay(const relay&) = delete;
    relay& operator=(const relay&) = delete;
    ~relay();

    [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
    /// Drops every connection at once, without a word to either side.
    void cut();
    /// How many connections were accepted so far.
    [[nodiscard]] int connections() const noexcept { return connections_; }

private:
    struct link {
        int client;
        int server;
    };

    void serve();
    void accept_one();
    static bool forward(int from, int to);

    std::uint16_t target_port_;
    std::uint16_t port_ = 0;
    int listener_ = -1;
    int wake_ = -1;
    std::atomic<bool> ending_{false};
    std::atomic<bool> cutting_{false};
    std::atomic<int> connections_{0};
    std::vector<link> links_; // of the thread alone
    std::thread thread_;
};

} // namespace distworker::testing
