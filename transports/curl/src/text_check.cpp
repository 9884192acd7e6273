#include "text_check.hpp"

#include <algorithm>
#include <utility>

namespace distworker::curl {
namespace {

constexpr std::size_t longest_character = 4;

// Bytes at the end that begin a character without ending it.
std::size_t unfinished_bytes(std::string_view text) noexcept {
    for (std::size_t back = 1; back < longest_character && back <= text.size(); ++back) {
        const auto byte = static_cast<unsigned char>(text[text.size() - back]);
        if ((byte & 0xC0U) == 0x80U) {
            continue;
        }
        const std::size_t length = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : byte >= 0xC0 ? 2 : 1;
        return length > back ? back : 0;
    }
    return 0;
}

} // namespace

bool text_check::take(std::span<const std::byte> piece, bool last) {
    std::string text = std::exchange(unfinished_, {});
    text.append(reinterpret_cast<const char*>(piece.data()), piece.size());
    if (!last) {
        const std::size_t kept = unfinished_bytes(text);
        unfinished_ = text.substr(text.size() - kept);
        text.resize(text.size() - kept);
    }
    return is_valid_utf8(text);
}

} // namespace distworker::curl
