#include "worker_parts.hpp"

#include "backends.hpp"
#include "token_file.hpp"

#include <distworker/host_resources.hpp>

namespace distworker::detail {
namespace {

// What cannot be read is a fault of the settings.
proxy_options proxy_of(const config& settings) {
    proxy_options proxy{.address = settings.proxy};
    if (!settings.proxy_credentials_file.empty()) {
        if (auto read = read_proxy_credentials(settings.proxy_credentials_file)) {
            proxy.credentials = std::make_shared<const secret>(*std::move(read));
        }
    }
    return proxy;
}

} // namespace

std::expected<std::shared_ptr<const crypto>, crypto_error> make_worker_crypto() {
    return make_crypto();
}

std::expected<std::unique_ptr<connector>, config_fault>
make_worker_connector(loop& loop, const config& settings, const std::shared_ptr<const crypto>& crypto) {
    return make_connector(loop, settings, proxy_of(settings), crypto);
}

worker_config with_host_facts(const config& settings) {
    worker_config filled = settings;
    const host_info host = read_host_info();
    filled.hostname = filled.hostname.empty() ? host.hostname : filled.hostname;
    filled.cpu_cores = filled.cpu_cores == 0 ? host.cpu_cores : filled.cpu_cores;
    filled.memory_mb = filled.memory_mb == 0 ? host.memory_mb : filled.memory_mb;
    return filled;
}

signer make_worker_signer(std::shared_ptr<const crypto> crypto, const config& settings) {
    if (!settings.token.empty()) {
        return make_signer(std::move(crypto), settings.token.copy());
    }
    return [crypto = std::move(crypto), path = settings.token_file](
               std::string_view date,
               std::span<const std::byte> data) -> std::expected<digest32, signing_error> {
        const auto token = read_token_file(path);
        if (!token) {
            return std::unexpected{
                signing_error{signing_error::kind::token_unavailable, token.error().to_string()}};
        }
        return sign_registration(*crypto, *token, date, data);
    };
}

} // namespace distworker::detail
