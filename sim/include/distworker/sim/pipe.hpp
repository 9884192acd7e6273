// One direction of a TCP connection that misbehaves: delay, little bandwidth, odd chunks, stalls, cuts,
// silence, damage.
//
// Without I/O and without a clock: bytes are written with the time of day, and come out when they would have
// arrived. The simulator joins two engines with a pair of these; `tests/net/bad_link` puts them between real
// sockets. Order is kept and nothing is lost but by a cut or by silence: that is what TCP promises. The same
// seed and calls give the same bytes at the same times.
#pragma once

#include <distworker/random.hpp>
#include <distworker/time.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <vector>

namespace distworker::sim {

/// How a pipe misbehaves. The default one is perfect and instant.
struct pipe_faults {
    /// Every chunk takes `min_delay`, and an exponentially distributed time of mean `mean_delay` beyond it. A
    /// chunk never overtakes another one.
    std::chrono::nanoseconds min_delay{};
    std::chrono::nanoseconds mean_delay{};
    /// Bytes per second; 0: no limit.
    std::uint64_t bandwidth = 0;
    /// Bytes that travel together: evenly between the two. At least 1.
    std::size_t smallest_chunk = 64 * 1024;
    std::size_t largest_chunk = 64 * 1024;
    /// Bytes that may be under way or waiting to leave; beyond them `write` takes nothing.
    std::size_t send_buffer = 256 * 1024;
    /// The pipe breaks after it has delivered so many bytes; what is behind them is lost.
    std::optional<std::uint64_t> cut_at{};
    /// So many of a million bytes are damaged: a bit is flipped, or the byte is lost or comes twice. TCP does
    /// not do that, memory, cables and middle boxes do.
    std::uint32_t damage_per_million = 0;
};

class pipe {
public:
    /// Delays, chunks and damage are drawn from `seed`.
    pipe(const pipe_faults& faults, std::uint64_t seed) noexcept : faults_{faults}, random_{seed} {}

    /// Bytes that `write` would take now.
    [[nodiscard]] std::size_t room() const noexcept;
    /// Takes as many of `bytes` as there is room for, and says how many.
    std::size_t write(std::span<const std::byte> bytes, monotonic_time now);
    /// The writer is done: the reader sees the end after the last byte.
    void finish() noexcept { finished_ = true; }

    /// Appends to `into` what has arrived by `now`, and says how much that was.
    std::size_t read(std::vector<std::byte>& into, monotonic_time now);
    /// When something arrives next; `never` while nothing is under way, or will.
    [[nodiscard]] monotonic_time next_arrival() const noexcept;
    /// Whether the reader has seen the end in order: finished, and everything delivered.
    [[nodiscard]] bool at_end() const noexcept { return finished_ && chunks_.empty() && !broken_; }
    /// Whether it broke: by `cut`, or at `cut_at`.
    [[nodiscard]] bool broken() const noexcept { return broken_; }

    /// Nothing arrives before `until`; what was to arrive comes then.
    void stall(monotonic_time until) noexcept { stalled_until_ = std::max(stalled_until_, until); }
    /// Takes nothing more before `until`: the writer has to wait, as with a full send buffer.
    void choke(monotonic_time until) noexcept { choked_until_ = std::max(choked_until_, until); }
    /// From now on nothing arrives and nobody is told (a half-open connection, a black hole). What is written
    /// is taken until the send buffer is full.
    void silence() noexcept { silent_ = true; }
    /// Whether `silence` was called.
    [[nodiscard]] bool silent() const noexcept { return silent_; }
    /// Breaks it now; what is under way is lost.
    void cut() noexcept;

    /// Bytes that have arrived so far, damaged and doubled ones as they were written.
    [[nodiscard]] std::uint64_t delivered() const noexcept { return delivered_; }
    /// Bytes that were damaged so far.
    [[nodiscard]] std::uint64_t damaged() const noexcept { return damaged_; }
    /// Whether nothing is under way.
    [[nodiscard]] bool empty() const noexcept { return chunks_.empty(); }

private:
    struct chunk {
        monotonic_time arrival;
        std::size_t size;
    };

    void deliver(std::span<const std::byte> bytes, std::vector<std::byte>& into);
    [[nodiscard]] std::size_t chunk_size() noexcept;
    [[nodiscard]] std::chrono::nanoseconds delay() noexcept;

    pipe_faults faults_;
    seeded_random random_;
    std::deque<chunk> chunks_;
    std::vector<std::byte> bytes_; // of all chunks, behind those that are done
    std::size_t bytes_done_ = 0;   // of these, already read
    std::uint64_t delivered_ = 0;
    std::uint64_t damaged_ = 0;
    std::uint64_t next_damage_ = 0;                    // at this byte; 0: not drawn yet
    monotonic_time line_free_ = monotonic_time::min(); // when the last byte has left
    monotonic_time last_arrival_ = monotonic_time::min();
    monotonic_time stalled_until_ = monotonic_time::min();
    monotonic_time choked_until_ = monotonic_time::min();
    bool finished_ = false;
    bool silent_ = false;
    bool broken_ = false;
};

} // namespace distworker::sim
