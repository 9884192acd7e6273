// The opening handshake of a WebSocket, held to RFC 6455's own example.
#include <distworker/byte_buffer.hpp>
#include <distworker/openssl_crypto.hpp>
#include <distworker/websocket_upgrade.hpp>

#include <gtest/gtest.h>

namespace distworker {
namespace {

std::string key_of(std::string_view nonce) {
    return websocket_key(as_byte_span(nonce).first<16>());
}

TEST(WebsocketUpgrade, TheKeyIsTheNonceInBase64) {
    EXPECT_EQ(key_of("the sample nonce"), "dGhlIHNhbXBsZSBub25jZQ=="); // section 1.3
    EXPECT_EQ(key_of(std::string_view{"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16}), "AAAAAAAAAAAAAAAAAAAAAA==");
    EXPECT_EQ(key_of("\xFB\xFF\xFE\xFB\xFF\xFE\xFB\xFF\xFE\xFB\xFF\xFE\xFB\xFF\xFE\xFF"),
              "+//++//++//++//++//+/w==");
}

TEST(WebsocketUpgrade, OnlyAWebSocketKnowsTheAnswer) {
    EXPECT_EQ(websocket_accept(*make_openssl_crypto(), "dGhlIHNhbXBsZSBub25jZQ==").value(),
              "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="); // section 1.3
}

TEST(WebsocketUpgrade, AsksForTheTargetAtTheHost) {
    EXPECT_EQ(websocket_request(parse_controller_url("http://Example.org:8081/base/?a=b").value(), "KEY"),
              "GET /base/worker/v1/ws?a=b HTTP/1.1\r\n"
              "Host: example.org:8081\r\n"
              "Upgrade: websocket\r\n"
              "Connection: Upgrade\r\n"
              "Sec-WebSocket-Version: 13\r\n"
              "Sec-WebSocket-Key: KEY\r\n"
              "\r\n");
}

class no_sha1 final : public crypto {
public:
    [[nodiscard]] std::expected<digest32, crypto_error>
    hmac_sha256(std::span<const std::byte>, std::span<const std::byte>) const override {
        return digest32{};
    }
    [[nodiscard]] std::expected<digest32, crypto_error> sha256(std::span<const std::byte>) const override {
        return digest32{};
    }
    [[nodiscard]] std::expected<digest20, crypto_error> sha1(std::span<const std::byte>) const override {
        return std::unexpected{crypto_error{"SHA-1 is forbidden here"}};
    }
    [[nodiscard]] std::expected<void, crypto_error> random(std::span<std::byte>) const override { return {}; }
    [[nodiscard]] std::string description() const override { return "without SHA-1"; }
};

TEST(WebsocketUpgrade, TellsWhyTheAnswerCannotBeKnown) {
    const auto answer = websocket_accept(no_sha1{}, "dGhlIHNhbXBsZSBub25jZQ==");
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().message, "SHA-1 is forbidden here");
}

} // namespace
} // namespace distworker
