// UTF-8 checks (RFC 3629): the wire's strings and keys must be valid, or the peer's parser refuses the frame.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace distworker {

/// True when `text` is well-formed UTF-8: shortest forms only, no surrogates, nothing above U+10FFFF.
[[nodiscard]] bool is_valid_utf8(std::string_view text) noexcept;

/// `text` with each ill-formed byte replaced by U+FFFD, cut at a character boundary to at most `max_bytes`
/// (with a trailing "..." when it was cut). For error messages, which must never fail themselves.
[[nodiscard]] std::string to_valid_utf8(std::string_view text, std::size_t max_bytes);

/// `text` for a log or a terminal: printable ASCII and valid UTF-8 stay, control characters (escape
/// sequences too) and ill-formed bytes become `\xNN`; cut to about `max_bytes`.
[[nodiscard]] std::string escape_for_log(std::string_view text, std::size_t max_bytes = 200);

} // namespace distworker
