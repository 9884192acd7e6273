// The connector on Beast, whatever TLS library secures its connections.
#pragma once

#include "byte_stream.hpp"

#include <distworker/config_fault.hpp>
#include <distworker/transport.hpp>

#include <expected>
#include <memory>

namespace distworker::beast {

/// `secured` makes the streams of `wss` connections. `loop` outlives the connector. Faults are the proxy's.
[[nodiscard]] std::expected<std::unique_ptr<connector>, config_fault>
make_connector(loop& loop, std::unique_ptr<stream_source> secured, const proxy_options& proxy);

} // namespace distworker::beast
