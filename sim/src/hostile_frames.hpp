// What a hostile peer sends: the bad-input rows of the protocol, and random variations of them. Internal.
#pragma once

#include <distworker/message_kind.hpp>
#include <distworker/random.hpp>

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace distworker::sim {

/// What workers take at most in a hostile run: less than usual, to be exceeded often.
inline constexpr std::size_t hostile_max_message = std::size_t{1} << 20U;

struct hostile_message {
    std::vector<std::byte> bytes;
    message_kind kind = message_kind::binary;
    bool raw = false; ///< Whole WebSocket frames, good or bad.
};

[[nodiscard]] hostile_message response_frame(std::int32_t idle_time);
/// A task that a worker can do.
[[nodiscard]] hostile_message honest_frame(std::string_view id, std::int64_t timeout_ms);
/// The same with any input, any timeout.
[[nodiscard]] hostile_message assignment_frame(std::string_view id, seeded_random& random);
/// Fields given twice, ids that cannot be used, files of all kinds, unknown fields.
[[nodiscard]] hostile_message odd_assignment(std::string_view id, seeded_random& random);
[[nodiscard]] hostile_message deep_assignment(std::string_view id, unsigned depth);
/// Announces so many bytes, and sends the first few only (raw).
[[nodiscard]] hostile_message oversized_assignment(std::string_view id, std::size_t bytes);
/// Frames that only workers send, with this task id.
[[nodiscard]] hostile_message misplaced_frame(std::string_view id, seeded_random& random);
/// Bytes that are no frame of the protocol.
[[nodiscard]] hostile_message noise_frame(seeded_random& random);
/// Cut, flipped, shuffled.
[[nodiscard]] hostile_message damaged(hostile_message frame, seeded_random& random);
/// One message in so many empty fragments, and a last one (raw).
[[nodiscard]] hostile_message empty_fragments(std::uint64_t count);
/// The beginning of a message (raw).
[[nodiscard]] hostile_message unfinished_message(seeded_random& random);
/// Bytes that break the framing (raw).
[[nodiscard]] hostile_message broken_framing(seeded_random& random);

} // namespace distworker::sim
