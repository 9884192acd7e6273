// The crypto seam over Botan 2 or 3.
//
// Make one at start-up and share it. Random bytes are the operating system's (getrandom).
#pragma once

#include <distworker/crypto.hpp>

#include <expected>
#include <memory>

namespace distworker {

/// Fails when this Botan was built without a needed algorithm. The object may be used from any thread and
/// keeps no state between calls.
[[nodiscard]] std::expected<std::shared_ptr<const crypto>, crypto_error> try_make_botan_crypto();

/// The same for programs that cannot go on without: throws std::runtime_error with the reason.
[[nodiscard]] std::shared_ptr<const crypto> make_botan_crypto();

} // namespace distworker
