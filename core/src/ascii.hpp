// Letters of ASCII, whatever the locale: host names and header names have no others (RFC 3986, RFC 9110).
// Internal.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

namespace distworker::detail {

constexpr char lower(char c) noexcept {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}
constexpr char upper(char c) noexcept {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
}

inline std::string lowered(std::string_view text) {
    std::string out{text};
    std::ranges::transform(out, out.begin(), lower);
    return out;
}

} // namespace distworker::detail
