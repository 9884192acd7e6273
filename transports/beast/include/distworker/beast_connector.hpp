// The Boost.Beast transport: `ws` and `wss` on Asio, or on any other loop through a private io_context.
//
// Make one connector per worker and hand it to the driver. TLS is OpenSSL's. Beast draws its masks from a
// ChaCha20 generator seeded by the system (RFC 6455, section 10.3).
#pragma once

#include <distworker/config_fault.hpp>
#include <distworker/transport.hpp>

#include <expected>
#include <memory>

namespace distworker {

/// A connector whose transports live on `loop`'s thread; `loop` outlives it. A loop that is an
/// `asio_executor_source` is used directly. Faults name the option that cannot be used; there is no
/// fallback to an unverified connection.
[[nodiscard]] std::expected<std::unique_ptr<connector>, config_fault>
make_beast_connector(loop& loop, const tls_options& tls, const proxy_options& proxy = {});

} // namespace distworker
