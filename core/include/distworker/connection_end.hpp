// How a connection ended: what a transport reports, and what an engine makes of it.
//
// A transport fills a `link_end`; an engine judges it by its own state and tells it once, as a
// `connection_end` in `output::disconnected`.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace distworker {

/// What a transport saw at the end of one connection. It describes; the engine judges.
struct link_end {
    /// The step that failed, or who ended it.
    enum class kind : std::uint8_t {
        name_resolution, ///< The host name has no address, or the resolver failed.
        connect,         ///< TCP: refused, unreachable, reset before the upgrade.
        tls,             ///< The TLS handshake failed: certificate, name, version, protocol.
        upgrade,         ///< HTTP answered, but not with a valid 101. `http_status` says what.
        protocol,        ///< The peer broke WebSocket framing (RFC 6455). We failed the connection.
        peer_close,      ///< A Close frame came from the peer. `close_code` says which.
        lost,            ///< The TCP connection ended or broke without a Close frame.
        closed,          ///< We asked for the close, and it is done.
    };
    kind what = kind::lost; ///< Which of them.
    /// In words, for a log: printable ASCII, at most a few hundred characters, never a secret.
    std::string detail;
    /// The status of the HTTP answer to the upgrade; 0 when there was none.
    int http_status = 0;
    /// The peer's close code (RFC 6455, section 7.4); 1005 when it gave none, 0 when there was no Close.
    std::uint16_t close_code = 0;
    /// `Retry-After` of the HTTP answer.
    std::optional<std::chrono::seconds> retry_after{};
    /// The peer's wall clock minus ours, when an HTTP `Date` was seen: names a skewed clock as a cause.
    std::optional<std::chrono::seconds> clock_skew{};
};

/// Who or what ended a connection. Exactly one is told per connection.
enum class end_cause : std::uint8_t {
    refused,        ///< The controller does not want this worker: token, clock, provisioner, worker id.
    peer_violation, ///< The controller broke the protocol in a way that cannot go on.
    peer_closed,    ///< The controller closed, in order or without a word.
    transport,      ///< Name, TCP, TLS or upgrade trouble between here and there.
    timed_out,      ///< A deadline of ours passed; `detail` names it.
    local,          ///< We ended it: stop, drain, idle exit, a failing signer.
};

[[nodiscard]] const char* to_string(end_cause cause) noexcept;
[[nodiscard]] const char* to_string(link_end::kind kind) noexcept;

} // namespace distworker
