// An HTTP proxy between a worker and its controller: for those who write a transport, so that a user meets
// the same rules and words whatever library is underneath.
//
// A transport asks it for a tunnel (CONNECT; RFC 9110, section 9.3.6), for `ws` as for `wss`: a proxy that
// forwards requests knows nothing of WebSocket.
#pragma once

#include <distworker/config_fault.hpp>
#include <distworker/connection_end.hpp>
#include <distworker/secret.hpp>

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

namespace distworker {

/// Where a proxy is.
struct proxy_address {
    std::string host;       ///< As in `controller_url`.
    std::uint16_t port = 0; ///< 1 to 65535.
};

/// Reads `http://host:port`. Faults carry the field name "proxy" and never repeat the text.
[[nodiscard]] std::expected<proxy_address, config_fault> parse_proxy(std::string_view text);

/// What is wrong with `user:password`; the field is "proxy_credentials_file".
[[nodiscard]] std::optional<config_fault> check_proxy_credentials(const secret& credentials);

/// The header line that shows them to the proxy, its CR LF included (Basic; RFC 7617).
[[nodiscard]] secret proxy_authorization(const secret& credentials);

/// The end of a connection that the proxy did not make. `status` is that of its answer; 0 when that was none.
[[nodiscard]] link_end describe_proxy_refusal(const proxy_address& proxy, int status);

} // namespace distworker
