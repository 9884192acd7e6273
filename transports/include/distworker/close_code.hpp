// Which codes a Close frame may hold: for those who write a transport.
#pragma once

#include <cstdint>

namespace distworker {

/// RFC 6455, section 7.4, and the registry behind it; a peer that sends another one breaks the protocol.
[[nodiscard]] constexpr bool may_be_sent(std::uint16_t close_code) noexcept {
    const bool registered = close_code >= 1000 && close_code <= 1014 && close_code != 1004 &&
                            close_code != 1005 && close_code != 1006;
    return registered || (close_code >= 3000 && close_code < 5000);
}

} // namespace distworker
