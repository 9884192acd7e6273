// The Boost.Beast transport with Botan's TLS in the place of OpenSSL's; nothing of OpenSSL is linked.
#pragma once

#include <distworker/config_fault.hpp>
#include <distworker/transport.hpp>

#include <expected>
#include <memory>

namespace distworker {

/// As `make_beast_connector` (beast_connector.hpp).
[[nodiscard]] std::expected<std::unique_ptr<connector>, config_fault>
make_beast_botan_connector(loop& loop, const tls_options& tls, const proxy_options& proxy = {});

} // namespace distworker
