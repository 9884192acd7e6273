// A real TCP relay between a worker and its controller, whose line is as bad as a test wants it.
//
// Each connection runs over two pipes of the simulator's network (`sim/pipe.hpp`): delay, bandwidth, odd
// chunks, a cut at a byte. The test can also cut, stall or silence what is connected. Without faults it is a
// plain relay.
#pragma once

#include <distworker/sim/pipe.hpp>

#include <chrono>
#include <cstdint>
#include <list>
#include <mutex>
#include <thread>

namespace distworker::testing {

/// How a connection ends for those at its ends.
enum class cut_kind : std::uint8_t {
    fin, ///< In order: an end of file.
    rst, ///< A reset.
};

/// Faults of connections.
struct link_faults {
    sim::pipe_faults to_target{};
    sim::pipe_faults to_client{};
    /// What both sides see when a pipe reaches its `cut_at`.
    cut_kind cut = cut_kind::rst;
    /// Connections are accepted and reset at once.
    bool reset_on_accept = false;
};

class bad_link {
public:
    /// Listens on a free port of 127.0.0.1 and forwards to `target_port` there, until the destructor.
    explicit bad_link(std::uint16_t target_port, const link_faults& faults = {}, std::uint64_t seed = 1);
    bad_link(const bad_link&) = delete;
    bad_link& operator=(const bad_link&) = delete;
    ~bad_link();

    [[nodiscard]] std::uint16_t port() const noexcept { return port_; }

    // Any thread; done when they return.

    /// For connections from now on.
    void set_faults(const link_faults& faults);
    /// Ends every connection at once; what is on its way is lost.
    void cut(cut_kind how = cut_kind::rst);
    /// Nothing arrives for so long, in either direction.
    void stall(std::chrono::nanoseconds time);
    /// From now on nothing arrives on what is connected, and nobody is told.
    void silence();
    /// How many connections were accepted so far.
    [[nodiscard]] int connections() const;

private:
    struct half {
        int from;
        int to;
        sim::pipe line;
        std::vector<std::byte> arrived{}; // to be written
        bool read_end = false;
        bool told_end = false;
    };
    struct link {
        int client;
        int target;
        cut_kind cut;
        half up;
        half down;
    };

    void serve();
    void accept_one();
    void wake() const;
    [[nodiscard]] bool move(half& of, monotonic_time now);
    static void drop(const link& gone, cut_kind how);

    std::uint16_t target_port_;
    std::uint16_t port_ = 0;
    int listener_ = -1;
    int wake_ = -1;
    mutable std::mutex mutex_; // guards all below
    link_faults faults_;
    seeded_random random_;
    std::list<link> links_;
    int connections_ = 0;
    bool ending_ = false;
    std::thread thread_;
};

} // namespace distworker::testing
