// The one validating pass over a payload as it comes off the wire: structure, UTF-8, depth, repeated fields.
//
// Iterative, with a fixed stack of its own: neither depth nor size of the input costs memory. Afterwards
// the payload is read lazily (`value_view.hpp`). It also measures how large the payload is as a database
// document, because the controller cannot keep more than 16 MiB of those (protocol, section 4).
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>

namespace distworker {

/// How deep a payload may be nested on the way in: containers, the outermost being 1 (protocol, section 4).
inline constexpr unsigned max_input_depth = 100;
/// And on the way out: the controller stores results below two levels of its own.
inline constexpr unsigned max_result_depth = 96;

/// Why a payload cannot be used.
enum class payload_fault : std::uint8_t {
    malformed,      ///< Not a protobuf message.
    not_utf8,       ///< A string or key is not UTF-8.
    too_deep,       ///< More than `max_input_depth` containers.
    repeated_field, ///< A singular field is given twice.
};

[[nodiscard]] const char* to_string(payload_fault fault) noexcept;

/// Checks a serialized `google.protobuf.Struct`. Gives its size as a BSON document in bytes (an upper bound:
/// overwritten duplicates of a key count).
[[nodiscard]] std::expected<std::size_t, payload_fault>
check_payload(std::span<const std::byte> body) noexcept;

} // namespace distworker
