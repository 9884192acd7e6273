// Where the controller is: the URL that a user configured, checked and taken apart (protocol, section 1).
//
// Both forms give the same value: a base URL `http(s)://host[:port][/prefix]`, to which `/worker/v1/ws` is
// added, or a full `ws(s)://host[:port]/path`, used as it is. Not a general URL parser.
#pragma once

#include <distworker/config_fault.hpp>

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

namespace distworker {

/// A checked WebSocket address. Made by `parse_controller_url`; a plain value, free of credentials.
struct controller_url {
    bool secure = false;    ///< `wss`: TLS.
    std::string host;       ///< Lower case, ASCII. An IPv6 address without brackets, its zone after `%`.
    std::uint16_t port = 0; ///< 1 to 65535; 80 and 443 unless the URL said otherwise.
    std::string target;     ///< Path and query as they go into the request line; begins with `/`.

    /// The `Host` header: brackets around IPv6, no zone, no default port.
    [[nodiscard]] std::string host_header() const;
    /// The name to verify a certificate against and to send as SNI: the host without zone and final dot.
    [[nodiscard]] std::string tls_name() const;
    /// Whether `host` is an IPv4 or IPv6 address rather than a name (no SNI then, RFC 6066).
    [[nodiscard]] bool is_address() const noexcept;
    /// Whether traffic stays on this machine: 127.0.0.0/8, ::1, `localhost` and names below it (RFC 6761).
    [[nodiscard]] bool is_loopback() const noexcept;
    /// The whole address, `ws(s)://host:port/target`, to connect with. A query may hold a gateway's key: do
    /// not log it.
    [[nodiscard]] std::string uri() const;
    /// The same for logs: a query is shown as `?...`.
    [[nodiscard]] std::string to_string() const;

    [[nodiscard]] friend bool operator==(const controller_url&, const controller_url&) = default;
};

/// Reads and checks a configured URL. Faults carry the field name "controller" and never repeat the URL.
/// Faults: a missing or other scheme, a user name or password, a fragment, a bad port, a bad or non-ASCII
/// host (write it in punycode), characters that a request line cannot hold.
[[nodiscard]] std::expected<controller_url, config_fault> parse_controller_url(std::string_view text);

} // namespace distworker
