// What a worker is made of, as its configuration says: for the SDK, and for the C interface.
#pragma once

#include <distworker/config.hpp>
#include <distworker/crypto.hpp>
#include <distworker/loop.hpp>
#include <distworker/signing.hpp>
#include <distworker/transport.hpp>

#include <expected>
#include <memory>

namespace distworker::detail {

[[nodiscard]] std::expected<std::shared_ptr<const crypto>, crypto_error> make_worker_crypto();

/// Of the transport that was chosen when this was built. `crypto` may be null.
[[nodiscard]] std::expected<std::unique_ptr<connector>, config_fault>
make_worker_connector(loop& loop, const config& settings, const std::shared_ptr<const crypto>& crypto);

/// Signs with the token of the configuration, or with what its file holds by then.
[[nodiscard]] signer make_worker_signer(std::shared_ptr<const crypto> crypto, const config& settings);

/// The configuration with what it left open about the machine.
[[nodiscard]] worker_config with_host_facts(const config& settings);

} // namespace distworker::detail
