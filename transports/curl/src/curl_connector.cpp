#include "connection.hpp"
#include "mask_check.hpp"
#include "tls_files.hpp"

#include <distworker/curl_connector.hpp>
#include <distworker/transport_handle.hpp>
#include <distworker/websocket_upgrade.hpp>

#include <string_view>

namespace distworker {
namespace curl {
namespace {

// Automatic pongs, which fail while a frame is being sent, can be turned off from here on.
constexpr unsigned oldest_version = 0x08'0E'00;

class curl_connector final : public connector {
public:
    curl_connector(std::shared_ptr<shared_state> shared, std::shared_ptr<const crypto> crypto)
        : shared_{std::move(shared)}, crypto_{std::move(crypto)} {}

    std::unique_ptr<transport> open(const controller_url& url, transport_events& events) override {
        std::array<std::byte, 16> nonce{};
        const auto drawn = crypto_->random(nonce);
        const std::string key = websocket_key(nonce);
        auto proof = websocket_accept(*crypto_, key);
        auto made = std::make_shared<connection>(shared_, url, events, key, proof.value_or(std::string{}));
        if (drawn && proof) {
            made->start();
        } else {
            made->fail_soon(
                {.what = link_end::kind::upgrade,
                 .detail = "no key for the upgrade: " + (drawn ? proof.error() : drawn.error()).message});
        }
        return std::make_unique<transport_handle<connection>>(std::move(made));
    }

    [[nodiscard]] std::string description() const override {
        const curl_version_info_data& library = *curl_version_info(CURLVERSION_NOW);
        return std::string{"curl (libcurl "} + library.version + ", " +
               (library.ssl_version == nullptr ? "no TLS" : library.ssl_version) + ")";
    }

private:
    std::shared_ptr<shared_state> shared_;
    std::shared_ptr<const crypto> crypto_;
};

std::optional<config_fault> check_library() {
    static const CURLcode started = curl_global_init(CURL_GLOBAL_DEFAULT);
    const auto fault = [](const std::string& problem) {
        return config_fault{"transport", problem, "install libcurl 8.14 or newer, built with WebSocket"};
    };
    const curl_version_info_data& library = *curl_version_info(CURLVERSION_NOW);
    if (started != CURLE_OK || library.version_num < oldest_version) {
        return fault(std::string{"runs with libcurl "} + library.version);
    }
    for (const char* const* scheme = library.protocols; *scheme != nullptr; ++scheme) {
        if (std::string_view{*scheme} == "wss") {
            static const bool fresh = masks_differ();
            return fresh ? std::nullopt
                         : std::optional{fault("runs with a libcurl that draws no mask for each frame")};
        }
    }
    return fault("runs with a libcurl that has no WebSocket over TLS");
}

} // namespace
} // namespace curl

std::expected<std::unique_ptr<connector>, config_fault>
make_curl_connector(loop& loop, const tls_options& tls, std::shared_ptr<const crypto> crypto,
                    const proxy_options& proxy) {
    if (auto fault = curl::check_library()) {
        return std::unexpected{*std::move(fault)};
    }
    auto files = curl::read_tls_files(tls);
    if (!files) {
        return std::unexpected{std::move(files.error())};
    }
    auto shared = std::make_shared<curl::shared_state>(loop);
    if (!proxy.address.empty()) {
        auto address = parse_proxy(proxy.address);
        if (!address) {
            return std::unexpected{std::move(address.error())};
        }
        shared->proxy_at = *std::move(address);
        shared->proxy = proxy;
    }
    shared->tls = *std::move(files);
    return std::make_unique<curl::curl_connector>(std::move(shared), std::move(crypto));
}

} // namespace distworker
