// The plain connection, as `connection` sees its security. `tls_openssl.hpp` and `tls_botan.hpp` are the same for TLS.
#pragma once

#include <distworker/connection_end.hpp>
#include <distworker/controller_url.hpp>

#include <boost/asio/ip/tcp.hpp>

#include <optional>

namespace distworker::beast {

struct tls_none {
    using stream = boost::asio::ip::tcp::socket;
    using error_code = boost::system::error_code;

    /// Calls `done` when messages may flow. Once, and not from inside this call unless there is nothing to do.
    template <typename Done>
    static void secure(stream&, const controller_url&, Done done) {
        done(error_code{});
    }
    /// Whether an error of its own means that the connection ended without a goodbye.
    [[nodiscard]] static bool cut_short(const error_code&) noexcept { return false; }
    /// The end that an error means, when TLS is to blame for it.
    [[nodiscard]] static std::optional<link_end> blame(stream&, const error_code&) { return std::nullopt; }
};

} // namespace distworker::beast
