// How the Beast transport speaks TLS: what is verified, and what a failure is called.
#pragma once

#include <distworker/config_fault.hpp>
#include <distworker/controller_url.hpp>
#include <distworker/transport.hpp>

#include <boost/asio/ssl/context.hpp>

#include <expected>
#include <string>

namespace distworker::beast {

/// TLS 1.2 or newer, the peer's certificate verified against the system's authorities or those of a file.
[[nodiscard]] std::expected<boost::asio::ssl::context, config_fault>
make_tls_context(const tls_options& options);

/// Makes one handshake ask for, and insist on, the name or address in the URL. False when OpenSSL refuses it.
[[nodiscard]] bool expect_peer(SSL* session, const controller_url& url);

/// Why a handshake failed, with what to look at.
[[nodiscard]] std::string describe_tls_failure(SSL* session, const boost::system::error_code& error);

} // namespace distworker::beast
