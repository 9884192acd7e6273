#include <distworker/byte_buffer.hpp>
#include <distworker/websocket_upgrade.hpp>

namespace distworker {
namespace {

// RFC 4648, section 4.
std::string base64(std::span<const std::byte> bytes) {
    constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const auto octet = [bytes](std::size_t i) {
        return i < bytes.size() ? std::to_integer<unsigned>(bytes[i]) : 0U;
    };
    std::string text;
    for (std::size_t bit = 0; bit < bytes.size() * 8; bit += 6) {
        const unsigned pair = octet(bit / 8) << 8U | octet(bit / 8 + 1);
        text += digits[pair >> (10 - bit % 8) & 63U];
    }
    text.append((4 - text.size() % 4) % 4, '=');
    return text;
}

} // namespace

std::string websocket_key(std::span<const std::byte, 16> nonce) {
    return base64(nonce);
}

std::string websocket_request(const controller_url& url, std::string_view key) {
    return "GET " + url.target + " HTTP/1.1\r\nHost: " + url.host_header() +
           "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: "
           "13\r\nSec-WebSocket-Key: " +
           std::string{key} + "\r\n\r\n";
}

std::expected<std::string, crypto_error> websocket_accept(const crypto& crypto, std::string_view key) {
    const auto digest = crypto.sha1(as_byte_span(std::string{key} + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"));
    if (!digest) {
        return std::unexpected{digest.error()};
    }
    return base64(*digest);
}

} // namespace distworker
