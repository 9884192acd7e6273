// The crypto seam over OpenSSL 3 (libcrypto).
//
// Make one at start-up and share it; it costs some tens of microseconds, because the algorithms are looked up
// once. Uses OpenSSL's default library context and its configured providers.
#pragma once

#include <distworker/crypto.hpp>

#include <expected>
#include <memory>

namespace distworker {

/// Fails when a needed algorithm is not there (a broken OpenSSL configuration). The object may be used from
/// any thread and keeps no state between calls. A provider without SHA-1 (FIPS) fails at `sha1` only.
[[nodiscard]] std::expected<std::shared_ptr<const crypto>, crypto_error> try_make_openssl_crypto();

/// The same for programs that cannot go on without: throws std::runtime_error with the reason.
[[nodiscard]] std::shared_ptr<const crypto> make_openssl_crypto();

} // namespace distworker
