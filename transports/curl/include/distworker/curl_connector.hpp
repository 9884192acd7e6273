// The libcurl transport: `ws` and `wss` by libcurl's WebSocket, on any loop.
//
// Make one connector per worker and hand it to the driver. TLS is that of the libcurl which is linked.
// libcurl draws the masks of frames itself, from its TLS library's generator (RFC 6455, section 10.3); keys
// of upgrades are drawn from `crypto`.
#pragma once

#include <distworker/config_fault.hpp>
#include <distworker/crypto.hpp>
#include <distworker/transport.hpp>

#include <expected>
#include <memory>

namespace distworker {

/// A connector whose transports live on `loop`'s thread; `loop` outlives it. Fails when the libcurl that runs
/// is too old or was built without WebSocket (field "transport"), and when an option cannot be used: there is
/// no fallback to an unverified connection. libcurl copies the proxy's credentials into memory of its own.
[[nodiscard]] std::expected<std::unique_ptr<connector>, config_fault>
make_curl_connector(loop& loop, const tls_options& tls, std::shared_ptr<const crypto> crypto,
                    const proxy_options& proxy = {});

} // namespace distworker
