// TLS by Botan, on a stream of our own.
#pragma once

#include "botan_stream.hpp"

#include <distworker/connection_end.hpp>
#include <distworker/controller_url.hpp>

#include <memory>
#include <optional>
#include <string>

namespace distworker::beast {

struct tls_botan {
    using stream = botan_stream;
    using context = std::shared_ptr<const botan_tls_settings>;
    using error_code = boost::system::error_code;

    [[nodiscard]] static std::expected<context, config_fault> load(const tls_options& options) {
        return botan_tls_settings::load(options);
    }
    [[nodiscard]] static const context& argument(const context& loaded) noexcept { return loaded; }
    [[nodiscard]] static std::string description() { return botan_tls_description(); }

    template <typename Done>
    static void secure(stream& tls, const controller_url& url, Done done) {
        tls.async_handshake(url.tls_name(), std::move(done));
    }
    /// Whether an error of its own means that the connection ended without a goodbye.
    [[nodiscard]] static bool cut_short(const error_code&) noexcept { return false; }
    [[nodiscard]] static std::optional<link_end> blame(stream& tls, const error_code& error);
};

} // namespace distworker::beast
