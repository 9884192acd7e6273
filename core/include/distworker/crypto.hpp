// The crypto seam: the four primitives that the protocol needs, from whatever library you have.
//
// Use an adapter (`distworker/openssl_crypto.hpp`), or implement `crypto` over a library of yours and run
// the signature vectors against it. Not a general crypto interface: nothing is here that nobody uses.
#pragma once

#include <array>
#include <cstddef>
#include <expected>
#include <span>
#include <string>

namespace distworker {

using digest32 = std::array<std::byte, 32>; ///< SHA-256, HMAC-SHA256
using digest20 = std::array<std::byte, 20>; ///< SHA-1, for `Sec-WebSocket-Accept` (RFC 6455) alone

/// Why a primitive failed, in words for a log: the library's own reason, never key material.
struct crypto_error {
    std::string message; ///< One line.
};

/// Every function is const and may be called from any thread at the same time. Keys and data may be empty and
/// hold any bytes; they are only read during the call. None of them throws for a reason of cryptography.
class crypto {
public:
    virtual ~crypto() = default;

    /// HMAC-SHA256 (RFC 2104, FIPS 198-1), for a key of any length.
    [[nodiscard]] virtual std::expected<digest32, crypto_error>
    hmac_sha256(std::span<const std::byte> key, std::span<const std::byte> data) const = 0;

    /// SHA-256 (FIPS 180-4).
    [[nodiscard]] virtual std::expected<digest32, crypto_error>
    sha256(std::span<const std::byte> data) const = 0;

    /// Fails where the library's policy forbids SHA-1 (FIPS mode).
    [[nodiscard]] virtual std::expected<digest20, crypto_error>
    sha1(std::span<const std::byte> data) const = 0;

    /// Fills `out` from a cryptographically secure generator. On failure the content of `out` is unusable.
    [[nodiscard]] virtual std::expected<void, crypto_error> random(std::span<std::byte> out) const = 0;

    /// Which library this is, for `--version` and logs: "OpenSSL 3.0.15".
    [[nodiscard]] virtual std::string description() const = 0;
};

} // namespace distworker
