// TLS by OpenSSL, on Asio's own stream: what is verified, and what a failure is called.
#pragma once

#include <distworker/config_fault.hpp>
#include <distworker/connection_end.hpp>
#include <distworker/controller_url.hpp>
#include <distworker/transport.hpp>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/ssl/stream.hpp>

#include <expected>
#include <memory>
#include <optional>
#include <string>

namespace distworker::beast {

struct tls_openssl {
    using stream = boost::asio::ssl::stream<boost::asio::ip::tcp::socket>;
    using context = boost::asio::ssl::context;
    using error_code = boost::system::error_code;

    [[nodiscard]] static std::expected<context, config_fault> load(const tls_options& options);
    /// A stream of a WebSocket's takes its context by reference.
    [[nodiscard]] static context& argument(context& loaded) noexcept { return loaded; }
    [[nodiscard]] static std::string description();

    template <typename Done>
    static void secure(stream& tls, const controller_url& url, Done done) {
        if (!expect_peer(tls.native_handle(), url)) {
            done(make_error_code(boost::system::errc::invalid_argument));
            return;
        }
        tls.async_handshake(boost::asio::ssl::stream_base::client, std::move(done));
    }
    /// Whether an error of its own means that the connection ended without a goodbye.
    [[nodiscard]] static bool cut_short(const error_code& error) noexcept {
        return error == boost::asio::ssl::error::stream_truncated;
    }
    [[nodiscard]] static std::optional<link_end> blame(stream& tls, const error_code& error);

private:
    /// Makes one handshake ask for, and insist on, the name or address in the URL. False when OpenSSL refuses it.
    [[nodiscard]] static bool expect_peer(SSL* session, const controller_url& url);
};

} // namespace distworker::beast
