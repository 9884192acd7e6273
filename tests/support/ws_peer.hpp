// A WebSocket server for tests that can misbehave at will: raw sockets, frames by hand, TLS when wanted.
//
// It blocks: run its script on a thread of its own. Whatever takes longer than a minute throws.
#pragma once

#include "support/certificate.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace distworker::testing {

struct ws_frame {
    std::uint8_t opcode = 0;
    bool fin = true;
    std::string payload;
    std::uint32_t mask = 0; ///< That it came with.

    static constexpr std::uint8_t continuation = 0;
    static constexpr std::uint8_t text = 1;
    static constexpr std::uint8_t binary = 2;
    static constexpr std::uint8_t close = 8;
    static constexpr std::uint8_t ping = 9;
    static constexpr std::uint8_t pong = 10;
};

/// What `Sec-WebSocket-Accept` must be for this request.
[[nodiscard]] std::string accept_for(const std::string& request);

class ws_server;

/// One accepted connection.
class ws_peer {
public:
    explicit ws_peer(int socket) noexcept;
    ws_peer(const ws_peer&) = delete;
    ws_peer& operator=(const ws_peer&) = delete;
    ~ws_peer();

    /// Speaks TLS from here on, as this server does.
    void begin_tls(const ws_server& as);
    /// The request with its headers, as it came.
    std::string read_request();
    /// Reads the request and agrees to it; returns it.
    std::string upgrade();
    void write(std::string_view bytes);
    /// Writes until the connection has taken nothing for so long, and says how much it has taken; little is
    /// kept on this side. Not over TLS.
    [[nodiscard]] std::size_t write_until_full(std::string_view bytes, std::chrono::milliseconds patience);
    void send(std::uint8_t opcode, std::string_view payload, bool fin = true);
    /// The next frame, unmasked; nothing at the end of the connection. Throws when it is not masked.
    std::optional<ws_frame> read();
    /// The next data message, put together; frames of control are left out.
    std::optional<ws_frame> read_message();
    /// Waits for the end of the connection, in whatever way, and looks at no further byte.
    void read_to_end();

    /// FIN, with nothing said (nor a close_notify in TLS).
    void finish();
    /// FIN, as a server that has closed sends it first (RFC 6455, section 7.1.1), then waits for the end.
    void hang_up();
    /// RST.
    void reset();

private:
    [[nodiscard]] bool read_exactly(void* to, std::size_t size);

    int socket_;
    void* tls_ = nullptr;
    std::string buffered_;
};

/// Listens on 127.0.0.1, on a port of the system's choice, with small buffers.
class ws_server {
public:
    explicit ws_server(const certificate* tls = nullptr);
    ws_server(const ws_server&) = delete;
    ws_server& operator=(const ws_server&) = delete;
    ~ws_server();
    [[nodiscard]] std::uint16_t port() const { return port_; }
    [[nodiscard]] bool tls() const { return tls_context_ != nullptr; }
    /// OpenSSL's SSL_CTX, to be changed before anybody connects; null without TLS.
    [[nodiscard]] void* tls_context() const { return tls_context_; }
    /// The next connection, TLS handshake done. It stays open as long as the server lives, or until `let_go`.
    ws_peer& accept();
    /// Whether somebody has connected who was not accepted yet.
    [[nodiscard]] bool pending() const;
    /// Refuses connections from now on.
    void close();
    /// Ends and forgets all that were accepted.
    void let_go();

private:
    int listener_ = -1;
    std::uint16_t port_ = 0;
    void* tls_context_ = nullptr;
    std::vector<std::unique_ptr<ws_peer>> peers_;
};

} // namespace distworker::testing
