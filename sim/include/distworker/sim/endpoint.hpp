// One side of a WebSocket connection over two pipes: messages in fragments, control frames between them.
//
// What a transport is to an engine, this is in the simulator: it turns messages into bytes and bytes into
// parts, so that delays, cuts, stalls and damage hit frames where they hit them on a wire. Framing is RFC
// 6455's without masks; what breaks it ends the connection, as in a transport. One thread, virtual time.
#pragma once

#include <distworker/message_kind.hpp>
#include <distworker/sim/pipe.hpp>
#include <distworker/time.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <vector>

namespace distworker::sim {

/// What an endpoint has to tell.
struct endpoint_event {
    /// What happened.
    enum class kind : std::uint8_t {
        part,   ///< A piece of a message: `bytes`, `last`, `announced`.
        pinged, ///< The peer's ping; it is answered already.
        pong,   ///< `bytes` is its payload.
        sent,   ///< The last message is written out.
        closed, ///< The peer's Close frame, `code`; it is answered already.
        broken, ///< The peer broke the framing, see `problem`; it is over. Nothing comes after this.
        ended,  ///< The connection is over without a Close, or behind it. Nothing comes after this.
    };
    kind what{};                                 ///< Which of them.
    message_kind message = message_kind::binary; ///< Of a part: what its message is.
    std::span<const std::byte> bytes{};          ///< Valid until the endpoint's next call.
    bool last = false;                           ///< Of a part: its message is complete.
    std::uint64_t announced = 0; ///< Of a part: the size by the frame's header; 0 where more frames follow.
    std::uint16_t code = 0;      ///< Of a Close; 1005 when it holds none.
    const char* problem = "";    ///< In words, static.
};

/// How an endpoint writes.
struct endpoint_options {
    /// The most that one data frame carries.
    std::size_t fragment = 16U << 10U;
    /// Drops a pong that waited longer than 1 s behind a message, as the deployed controller does (protocol,
    /// section 4).
    bool drops_late_pongs = false;
};

class endpoint {
public:
    /// The pipes outlive the endpoint.
    endpoint(pipe& out, pipe& in, const endpoint_options& options) noexcept
        : out_{&out}, in_{&in}, options_{options} {}

    /// One at a time: the next after `sent`.
    void send(std::span<const std::byte> message, message_kind kind = message_kind::binary);
    /// Goes out behind what was sent before.
    void ping(std::span<const std::byte> payload);
    /// A pong that nobody asked for.
    void pong(std::span<const std::byte> payload);
    /// Nothing goes out behind a Close.
    void close(std::uint16_t code);
    /// Bytes as they are, behind what was sent before: for peers that break the framing.
    void raw(std::span<const std::byte> bytes);
    /// Lets go without a word, as a process that dies does.
    void abandon() noexcept;
    /// Whether it reads; what comes while it does not waits in the pipe.
    void set_reading(bool reading) noexcept { reading_ = reading; }

    /// Moves bytes, and says the next thing that happened; nothing when there is none by `now`.
    [[nodiscard]] std::optional<endpoint_event> next(monotonic_time now);

    /// Whether a message is on its way out.
    [[nodiscard]] bool writing() const noexcept { return message_.has_value(); }
    /// Whether nothing waits to be written, and nothing that came in waits to be told.
    [[nodiscard]] bool quiet() const noexcept;
    /// Whether reading may bring something.
    [[nodiscard]] bool reading() const noexcept { return reading_ && !ended_; }
    /// Pongs that `drops_late_pongs` has cost so far.
    [[nodiscard]] std::uint64_t dropped_pongs() const noexcept { return dropped_pongs_; }
    /// The longest that a pong has waited, from the ping's arrival until its bytes were taken by the pipe.
    [[nodiscard]] std::chrono::nanoseconds slowest_pong() const noexcept { return slowest_pong_; }

private:
    struct outgoing {
        std::vector<std::byte> bytes;
        message_kind kind;
        std::size_t done = 0;
    };
    struct control {
        std::uint8_t opcode;
        std::vector<std::byte> payload;
    };
    struct answer {
        std::vector<std::byte> payload;
        monotonic_time asked{};
    };

    void frame(std::uint8_t opcode, bool fin, std::span<const std::byte> payload);
    bool next_frame(monotonic_time now);
    bool write(monotonic_time now);
    std::optional<endpoint_event> parse(monotonic_time now);
    endpoint_event take_part();
    std::optional<endpoint_event> begin_frame(std::uint8_t first, std::uint64_t size);
    std::optional<endpoint_event> take_control(std::uint8_t opcode, std::span<const std::byte> payload,
                                               monotonic_time now);
    endpoint_event fail(const char* problem);
    void compact();

    pipe* out_;
    pipe* in_;
    endpoint_options options_;
    bool reading_ = true;
    std::optional<outgoing> message_;
    bool message_written_ = false; // its last fragment lies in pending_
    std::deque<control> controls_;
    std::optional<answer> pong_;     // the newest only
    std::vector<std::byte> pending_; // of a frame, not yet taken by the pipe
    std::size_t pending_done_ = 0;
    bool close_sent_ = false;
    bool close_received_ = false;
    std::uint64_t dropped_pongs_ = 0;
    std::optional<monotonic_time> pong_asked_; // of the pong that lies in pending_
    std::chrono::nanoseconds slowest_pong_{};

    std::vector<std::byte> received_;
    std::size_t received_done_ = 0;
    std::uint64_t frame_left_ = 0; // payload of the data frame that is coming in
    std::uint64_t frame_size_ = 0;
    bool frame_fin_ = false;
    bool in_frame_ = false;
    bool in_message_ = false;
    message_kind incoming_kind_ = message_kind::binary;
    bool ended_ = false;
};

} // namespace distworker::sim
