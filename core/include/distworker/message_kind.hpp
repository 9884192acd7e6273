// The two kinds of WebSocket data message (RFC 6455, section 5.6). DistWorker uses binary only.
#pragma once

#include <cstdint>

namespace distworker {

/// The two kinds of data messages that WebSocket has.
enum class message_kind : std::uint8_t {
    binary, ///< One frame of the protocol.
    text    ///< Nothing of the protocol's; counted and ignored.
};

} // namespace distworker
