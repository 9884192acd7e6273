// One side of a WebSocket connection over two pipes: messages in fragments, control frames between them.
//
// What a transport is to an engine, this is in the simulator: it turns messages into bytes and bytes into
// parts, so that delays, cuts and stalls hit frames where they hit them on a wire. Framing is RFC 6455's
// without masks; it is no parser for hostile bytes. One thread, virtual time.
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
    enum class kind : std::uint8_t {
        part,   ///< A piece of a message: `bytes`, `last`, `announced`.
        pinged, ///< The peer's ping; it is answered already.
        pong,   ///< `bytes` is its payload.
        sent,   ///< The last message is written out.
        closed, ///< The peer's Close frame, `code`; it is answered already.
        ended,  ///< The connection is over without one, or behind it. Nothing comes after this.
    };
    kind what{};
    message_kind message = message_kind::binary;
    std::vector<std::byte> bytes{};
    bool last = false;
    std::uint64_t announced = 0;
    std::uint16_t code = 0;
};

class endpoint {
public:
    /// The pipes outlive the endpoint. `fragment` is the most that one frame carries.
    endpoint(pipe& out, pipe& in, std::size_t fragment) noexcept
        : out_{&out}, in_{&in}, fragment_{fragment} {}

    /// One at a time: the next after `sent`.
    void send(std::span<const std::byte> message, message_kind kind = message_kind::binary);
    /// Goes out behind what was sent before.
    void ping(std::span<const std::byte> payload);
    /// Nothing goes out behind a Close.
    void close(std::uint16_t code);
    /// Lets go without a word, as a process that dies does.
    void abandon() noexcept;

    /// Moves bytes and adds what happened to `events`.
    void advance(monotonic_time now, std::vector<endpoint_event>& events);

    /// Whether a message is on its way out.
    [[nodiscard]] bool writing() const noexcept { return message_.has_value(); }

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

    void frame(std::uint8_t opcode, bool fin, std::span<const std::byte> payload);
    bool next_frame(std::vector<endpoint_event>& events);
    void write(monotonic_time now, std::vector<endpoint_event>& events);
    void parse(std::vector<endpoint_event>& events);
    void take_control(std::uint8_t opcode, std::vector<std::byte> payload,
                      std::vector<endpoint_event>& events);

    pipe* out_;
    pipe* in_;
    std::size_t fragment_;
    std::optional<outgoing> message_;
    bool message_written_ = false; // its last fragment lies in pending_
    std::deque<control> controls_;
    std::optional<std::vector<std::byte>> pong_; // the newest only
    std::vector<std::byte> pending_;             // of a frame, not yet taken by the pipe
    std::size_t pending_done_ = 0;
    bool close_sent_ = false;

    std::vector<std::byte> received_;
    std::uint64_t frame_left_ = 0; // payload of the data frame that is coming in
    std::uint64_t frame_size_ = 0;
    bool frame_fin_ = false;
    bool in_frame_ = false;
    message_kind incoming_kind_ = message_kind::binary;
    bool ended_ = false;
};

} // namespace distworker::sim
