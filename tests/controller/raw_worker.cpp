#include "raw_worker.hpp"

#include <sys/socket.h>
#include <sys/time.h>

#include <stdexcept>

namespace distworker::testing {

raw_worker::raw_worker(const std::string& url) {
    const std::string address = url.substr(url.find("//") + 2);
    if (url.starts_with("https:")) {
        tls_.reset(SSL_CTX_new(TLS_client_method()));
        bio_.reset(BIO_new_ssl_connect(tls_.get()));
        BIO_set_conn_hostname(bio_.get(), address.c_str());
    } else {
        bio_.reset(BIO_new_connect(address.c_str()));
    }
    if (BIO_do_connect(bio_.get()) != 1) {
        throw std::runtime_error{"cannot connect to " + url};
    }
    int descriptor = -1;
    BIO_get_fd(bio_.get(), &descriptor);
    const timeval patience{.tv_sec = 30, .tv_usec = 0};
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
}

std::string raw_worker::upgrade(std::string_view target) {
    send_raw("GET " + std::string{target} +
             " HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
             "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n");
    std::string head;
    std::byte byte{};
    while (!head.ends_with("\r\n\r\n") && read_exactly({&byte, 1})) {
        head += static_cast<char>(byte);
    }
    return head;
}

void raw_worker::send(opcode code, std::span<const std::byte> payload, bool last) {
    std::string out;
    out += static_cast<char>((last ? 0x80 : 0) | static_cast<int>(code));
    const auto length = [&](int bytes) {
        for (int i = bytes - 1; i >= 0; --i) {
            out += static_cast<char>((payload.size() >> (8 * i)) & 0xFFU);
        }
    };
    if (payload.size() < 126) {
        out += static_cast<char>(0x80U | payload.size());
    } else if (payload.size() < 65536) {
        out += static_cast<char>(0x80U | 126U);
        length(2);
    } else {
        out += static_cast<char>(0x80U | 127U);
        length(8);
    }
    out.append(4, '\0'); // a mask of zeros changes nothing
    out.append(reinterpret_cast<const char*>(payload.data()), payload.size());
    send_raw(out);
}

void raw_worker::send_raw(std::string_view bytes) {
    while (!bytes.empty()) {
        const int written = BIO_write(bio_.get(), bytes.data(), static_cast<int>(bytes.size()));
        if (written <= 0) {
            return; // the peer hung up: what comes next will tell
        }
        bytes.remove_prefix(static_cast<std::size_t>(written));
    }
}

std::optional<raw_worker::frame> raw_worker::receive() {
    std::byte head[2];
    if (!read_exactly(head)) {
        return std::nullopt;
    }
    std::size_t length = static_cast<std::size_t>(head[1]);
    if (length >= 126) {
        std::byte wide[8];
        const std::span<std::byte> bytes{wide, length == 126 ? std::size_t{2} : std::size_t{8}};
        if (!read_exactly(bytes)) {
            return std::nullopt;
        }
        length = 0;
        for (const std::byte b : bytes) {
            length = (length << 8U) | static_cast<std::size_t>(b);
        }
    }
    frame out{static_cast<opcode>(static_cast<unsigned>(head[0]) & 0x0FU), std::vector<std::byte>(length)};
    return read_exactly(out.payload) ? std::optional{std::move(out)} : std::nullopt;
}

std::optional<raw_worker::frame> raw_worker::receive_data() {
    for (;;) {
        auto next = receive();
        if (!next || next->code != opcode::ping) {
            return next;
        }
        send(opcode::pong, next->payload);
    }
}

bool raw_worker::read_exactly(std::span<std::byte> into) {
    while (!into.empty()) {
        const int count = BIO_read(bio_.get(), into.data(), static_cast<int>(into.size()));
        if (count <= 0) {
            if (BIO_should_retry(bio_.get()) != 0) {
                throw std::runtime_error{"waited in vain for the controller"};
            }
            return false;
        }
        into = into.subspan(static_cast<std::size_t>(count));
    }
    return true;
}

} // namespace distworker::testing
