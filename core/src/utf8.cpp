#include <distworker/utf8.hpp>

#include <array>
#include <cstdint>
#include <cstring>

namespace distworker {
namespace {

// The length of the well-formed character that `text` begins with, 0 when it is ill-formed.
// Table 3-7 of the Unicode standard.
std::size_t character_length(std::string_view text) noexcept {
    const auto at = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const auto tail = [&](std::size_t i) { return i < text.size() && (at(i) & 0xC0U) == 0x80U; };
    const unsigned char lead = at(0);
    if (lead < 0x80) {
        return 1;
    }
    if (lead < 0xC2) {
        return 0;
    }
    if (lead < 0xE0) {
        return tail(1) ? 2 : 0;
    }
    if (lead < 0xF0) {
        if (!tail(1) || !tail(2) || (lead == 0xE0 && at(1) < 0xA0) || (lead == 0xED && at(1) > 0x9F)) {
            return 0;
        }
        return 3;
    }
    if (lead > 0xF4 || !tail(1) || !tail(2) || !tail(3) || (lead == 0xF0 && at(1) < 0x90) ||
        (lead == 0xF4 && at(1) > 0x8F)) {
        return 0;
    }
    return 4;
}

// How much of `text` is ASCII for certain: all of it, or what precedes the eight bytes that hold something
// else.
std::size_t ascii_length(std::string_view text) noexcept {
    constexpr std::uint64_t high_bits = 0x8080808080808080U;
    std::size_t length = 0;
    for (; text.size() - length >= sizeof(std::uint64_t); length += sizeof(std::uint64_t)) {
        std::uint64_t eight = 0;
        std::memcpy(&eight, text.data() + length, sizeof eight);
        if ((eight & high_bits) != 0) {
            return length;
        }
    }
    while (length < text.size() && static_cast<unsigned char>(text[length]) < 0x80) {
        ++length;
    }
    return length;
}

void append_hex(std::string& out, unsigned char byte) {
    static constexpr std::string_view digits = "0123456789abcdef";
    out += "\\x";
    out += digits[byte >> 4U];
    out += digits[byte & 15U];
}

} // namespace

bool is_valid_utf8(std::string_view text) noexcept {
    text.remove_prefix(ascii_length(text));
    while (!text.empty()) {
        const std::size_t length = character_length(text);
        if (length == 0) {
            return false;
        }
        text.remove_prefix(length);
        text.remove_prefix(ascii_length(text));
    }
    return true;
}

std::string to_valid_utf8(std::string_view text, std::size_t max_bytes) {
    static constexpr std::string_view replacement = "\xEF\xBF\xBD";
    static constexpr std::string_view ellipsis = "...";
    std::string out;
    while (!text.empty()) {
        const std::size_t length = character_length(text);
        const std::string_view piece = length == 0 ? replacement : text.substr(0, length);
        if (out.size() + piece.size() > max_bytes) {
            while (!out.empty() && out.size() + ellipsis.size() > max_bytes) {
                while ((static_cast<unsigned char>(out.back()) & 0xC0U) == 0x80U) {
                    out.pop_back();
                }
                out.pop_back();
            }
            if (max_bytes >= ellipsis.size()) {
                out += ellipsis;
            }
            return out;
        }
        out += piece;
        text.remove_prefix(length == 0 ? 1 : length);
    }
    return out;
}

std::string escape_for_log(std::string_view text, std::size_t max_bytes) {
    std::string out;
    while (!text.empty()) {
        if (out.size() >= max_bytes) {
            out += "...";
            break;
        }
        const std::size_t length = character_length(text);
        const auto lead = static_cast<unsigned char>(text.front());
        // C1 controls (U+0080 to U+009F) steer terminals as well.
        const bool control = lead < 0x20 || lead == 0x7F ||
                             (length == 2 && lead == 0xC2 && static_cast<unsigned char>(text[1]) < 0xA0);
        if (length == 0 || control) {
            append_hex(out, lead);
            text.remove_prefix(1);
        } else {
            out += text.substr(0, length);
            text.remove_prefix(length);
        }
    }
    return out;
}

} // namespace distworker
