// The client's half of a WebSocket's opening handshake, as text: what to ask with, and what proves the
// answer.
//
// For a transport that has no library, or one whose library leaves a part out: send `websocket_request` with
// the key of 16 fresh random bytes, and take a 101 only with `websocket_accept` of that key as its
// `Sec-WebSocket-Accept`, or it came from something that speaks no WebSocket (RFC 6455, section 4.1).
#pragma once

#include <distworker/controller_url.hpp>
#include <distworker/crypto.hpp>

#include <cstddef>
#include <expected>
#include <span>
#include <string>
#include <string_view>

namespace distworker {

/// The nonce in base64: 24 characters.
[[nodiscard]] std::string websocket_key(std::span<const std::byte, 16> nonce);

/// The whole head of the HTTP request, the empty line at its end included. No subprotocol, no extension.
[[nodiscard]] std::string websocket_request(const controller_url& url, std::string_view key);

/// 28 characters. Fails only where the crypto library refuses SHA-1.
[[nodiscard]] std::expected<std::string, crypto_error> websocket_accept(const crypto& crypto,
                                                                        std::string_view key);

} // namespace distworker
