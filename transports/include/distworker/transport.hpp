// The transport seam: one object carries WebSocket messages and pings over one connection.
//
// A transport knows frames, fragments, TLS and proxies; it knows nothing of tasks, registrations or
// reconnects, and keeps no time of its own: the engine owns every deadline and says `close` or `abort`.
// Write one for a stack of yours by implementing `transport` and `connector`.
#pragma once

#include <distworker/connection_end.hpp>
#include <distworker/controller_url.hpp>
#include <distworker/loop.hpp>
#include <distworker/message_kind.hpp>
#include <distworker/secret.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace distworker {

/// What a transport tells about its connection. All calls come on the loop's thread, never from inside a
/// call into the transport, and none after `closed`, or after `abort` or the destructor.
class transport_events {
public:
    virtual ~transport_events() = default;
    /// The upgrade is complete and verified: messages may flow.
    virtual void opened() = 0;
    /// A piece of a data message, in order; pieces are never merged across messages. `part` is valid during
    /// the call only. `announced_size` is what the WebSocket frame's header claims (unverified), 0 if
    /// unknown.
    virtual void received(message_kind kind, std::span<const std::byte> part, bool end_of_message,
                          std::uint64_t announced_size) = 0;
    /// The peer sent a ping of its own; the transport has answered it.
    virtual void pinged() = 0;
    /// The peer answered a ping of ours.
    virtual void pong(std::span<const std::byte> payload) = 0;
    /// Bytes came that completed none of the above (a part of a frame): the link lives.
    virtual void alive() = 0;
    /// The message given to `send` is written out completely: its bytes may go. Told before anything that the
    /// peer may have sent in answer.
    virtual void sent() = 0;
    /// The connection is over. The last call; told exactly once unless `abort` was called.
    virtual void closed(link_end end) = 0;
};

/// One WebSocket connection, from dial to end. Used on the loop's thread only. The destructor aborts.
class transport {
public:
    virtual ~transport() = default;
    /// Sends one binary message, in fragments of at most 16 KiB so that pongs get out between them. One
    /// message at a time: the next `send` only after `sent`. The bytes stay valid until then.
    virtual void send(std::span<const std::byte> message) = 0;
    /// Sends a ping of at most 125 bytes (copied). Never called while a `send` is under way.
    virtual void ping(std::span<const std::byte> payload) = 0;
    /// Starts the closing handshake (RFC 6455, section 7); `closed` follows when it is done.
    virtual void close(std::uint16_t code) = 0;
    /// Drops the connection at once. Nothing is reported afterwards.
    virtual void abort() = 0;
};

/// Makes connections. One connector serves all slots of a worker and outlives its transports.
class connector {
public:
    virtual ~connector() = default;
    /// Starts to connect to `url`; success and failure arrive through `events`, which outlives the transport.
    [[nodiscard]] virtual std::unique_ptr<transport> open(const controller_url& url,
                                                          transport_events& events) = 0;
    /// What this is, for `--version` and logs: "beast (Boost 1.81, OpenSSL 3.0.15)".
    [[nodiscard]] virtual std::string description() const = 0;
};

/// How a `wss` connection is secured: the same on every transport, with whatever TLS library. TLS 1.2 is the
/// oldest version that is spoken. The default verifies certificate and name against the system's authorities.
/// Files are read once, when the connector is made.
struct tls_options {
    /// PEM file of the certificate authorities to trust instead of the system's.
    std::string ca_file{};
    /// Directory of PEM files (`*.pem`, `*.crt`) of authorities to trust instead of the system's, or beside
    /// `ca_file`.
    std::string ca_directory{};
    /// PEM files of a certificate of ours, its chain behind it, and of its private key, without a passphrase:
    /// for controllers that ask for one. Both or none.
    std::string certificate_file{};
    std::string key_file{};
    /// The one public key that is accepted, beside everything else that is verified: "sha256//" and the
    /// base64 of the SHA-256 of its SubjectPublicKeyInfo (RFC 7469, section 2.4), as `curl --pinnedpubkey`
    /// takes it.
    std::string pinned_public_key{};
    /// Accepts any certificate, and so any machine in the middle; a pinned key is still asked for.
    bool insecure_skip_verification = false;

    friend bool operator==(const tls_options&, const tls_options&) = default;
};

/// An HTTP proxy to go through, for `ws` as for `wss`; none by default. The environment's is not looked at.
struct proxy_options {
    std::string address{}; ///< http://host:port; empty: none.
    /// "user:password", or null for a proxy that asks for none.
    std::shared_ptr<const secret> credentials{};
};

} // namespace distworker
