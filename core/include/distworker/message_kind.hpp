// The two kinds of WebSocket data message (RFC 6455, section 5.6). DistWorker uses binary only.
#pragma once

#include <cstdint>

namespace distworker {

enum class message_kind : std::uint8_t { binary, text };

} // namespace distworker
