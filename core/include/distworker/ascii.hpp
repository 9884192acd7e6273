// Letters of ASCII, whatever the locale: host names and header names have no others (RFC 3986, RFC 9110).
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

namespace distworker {

/// The letter in the other case, if it is one of ASCII; else `c`.
[[nodiscard]] constexpr char ascii_lower(char c) noexcept {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}
[[nodiscard]] constexpr char ascii_upper(char c) noexcept {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
}

/// `text` with its ASCII letters in lower case.
[[nodiscard]] inline std::string ascii_lowered(std::string_view text) {
    std::string out{text};
    std::ranges::transform(out, out.begin(), ascii_lower);
    return out;
}

} // namespace distworker
