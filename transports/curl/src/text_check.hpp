// Whether a text message is UTF-8 (RFC 6455, section 8.1), piece by piece: a character may be split between
// two.
#pragma once

#include <distworker/utf8.hpp>

#include <cstddef>
#include <span>
#include <string>

namespace distworker::curl {

class text_check {
public:
    /// The next piece of a message, and whether it is the last one. False when the message is no UTF-8.
    [[nodiscard]] bool take(std::span<const std::byte> piece, bool last);

private:
    std::string unfinished_; // the first bytes of a character, at most three
};

} // namespace distworker::curl
