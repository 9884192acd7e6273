// A worker that speaks WebSocket by hand over a blocking socket, plain or TLS: it can be as rude as a test
// wants.
#pragma once

#include <openssl/bio.h>
#include <openssl/ssl.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace distworker::testing {

class raw_worker {
public:
    enum class opcode : std::uint8_t {
        continuation = 0,
        text = 1,
        binary = 2,
        close = 8,
        ping = 9,
        pong = 10
    };
    struct frame {
        opcode code{};
        std::vector<std::byte> payload;
    };

    /// Connects to "http(s)://address:port"; certificates are not checked. Throws when nobody answers.
    explicit raw_worker(const std::string& url);

    /// Sends the upgrade for a target; returns the head of the answer.
    std::string upgrade(std::string_view target = "/worker/v1/ws");
    void send(opcode code, std::span<const std::byte> payload, bool last = true);
    void send_raw(std::string_view bytes);
    /// The next frame; empty when the connection ended. Throws after 30 s of silence.
    std::optional<frame> receive();
    /// The next frame that is no ping; pings are answered on the way.
    std::optional<frame> receive_data();
    void disconnect() { bio_.reset(); }

private:
    bool read_exactly(std::span<std::byte> into);

    struct free_bio {
        void operator()(BIO* bio) const noexcept { BIO_free_all(bio); }
    };
    struct free_context {
        void operator()(SSL_CTX* context) const noexcept { SSL_CTX_free(context); }
    };
    std::unique_ptr<SSL_CTX, free_context> tls_;
    std::unique_ptr<BIO, free_bio> bio_;
};

} // namespace distworker::testing
