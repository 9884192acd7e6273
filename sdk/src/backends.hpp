// What this build chose: the loop, the transport and the crypto library of a worker. The one place that names
// them.
#pragma once

#include <distworker/asio_context_loop.hpp>
#include <distworker/beast_connector.hpp>
#include <distworker/openssl_crypto.hpp>

namespace distworker::detail {

/// Beast works on Asio: with this loop nothing lies between the two.
using own_loop = asio_context_loop;

[[nodiscard]] inline auto make_connector(loop& loop, const tls_options& tls) {
    return make_beast_connector(loop, tls);
}
[[nodiscard]] inline auto make_crypto() {
    return try_make_openssl_crypto();
}

} // namespace distworker::detail
