// What OpenSSL is told to trust and to show.
#pragma once

#include <distworker/config_fault.hpp>
#include <distworker/transport.hpp>

#include <boost/asio/ssl/context.hpp>

#include <expected>

namespace distworker::beast {

/// Faults name their field.
[[nodiscard]] std::expected<boost::asio::ssl::context, config_fault>
load_openssl_context(const tls_options& options);

/// The result of a verification that failed for the pinned key's sake.
[[nodiscard]] bool is_other_key(long verdict) noexcept;

} // namespace distworker::beast
