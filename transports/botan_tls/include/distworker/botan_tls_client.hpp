// A TLS client without I/O, on Botan: bytes from the network go in, bytes for it and plain text come out.
//
//     botan_tls_client tls{settings, "controller.example.org"};
//     for (;;) {
//         write_to_socket(tls.take_outgoing());              // after each call
//         if (auto done = tls.received(read_from_socket()); !done) { … done.error() … }
//         use(tls.take_plain_text());
//     }
//
// The Beast transport puts it under a socket of Asio's; it fits any other. TLS 1.2 with Botan 2.
#pragma once

#include <distworker/config_fault.hpp>
#include <distworker/tls_fault.hpp>
#include <distworker/transport.hpp>

#include <cstddef>
#include <expected>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace distworker {

/// What is trusted and shown: read from files once, shared by all connections, never changed.
class botan_tls_settings {
public:
    /// Fails when a file of `options` cannot be used; the fault names its field.
    [[nodiscard]] static std::expected<std::shared_ptr<const botan_tls_settings>, config_fault>
    load(const tls_options& options);

    botan_tls_settings(const botan_tls_settings&) = delete;
    botan_tls_settings& operator=(const botan_tls_settings&) = delete;
    ~botan_tls_settings();

private:
    friend class botan_tls_client;
    struct contents;
    explicit botan_tls_settings(std::unique_ptr<contents> loaded) noexcept;
    std::unique_ptr<contents> contents_;
};

/// One connection. Not synchronised.
class botan_tls_client {
public:
    /// Why a connection is of no more use.
    struct failure {
        tls_fault fault;   ///< What to tell the user.
        std::string words; ///< Botan's own.
    };

    /// Begins the handshake: its first bytes are in `take_outgoing`. `host` is a name or an address, which
    /// the server's certificate must be made for; only names are sent (RFC 6066, section 3).
    botan_tls_client(std::shared_ptr<const botan_tls_settings> settings, const std::string& host);
    /// One that was moved from may only be destroyed or assigned to.
    botan_tls_client(botan_tls_client&&) noexcept;
    botan_tls_client& operator=(botan_tls_client&&) noexcept;
    ~botan_tls_client();

    /// Takes bytes from the network, any number. After a failure the connection is of no more use;
    /// `take_outgoing` may still hold an alert that tells the server why.
    [[nodiscard]] std::expected<void, failure> received(std::span<const std::byte> bytes);
    /// Encrypts plain text. Only once `established`, and not after `close`.
    [[nodiscard]] std::expected<void, failure> send(std::span<const std::byte> plain_text);
    /// Says goodbye (close_notify).
    void close();

    /// Whether the handshake is done.
    [[nodiscard]] bool established() const noexcept;
    /// Whether the server has said goodbye: an end of the connection without that is a truncation.
    [[nodiscard]] bool closed_by_peer() const noexcept;

    /// Whether `take_outgoing` would give any bytes.
    [[nodiscard]] bool has_outgoing() const noexcept;
    /// What is to be written to the network, in order.
    [[nodiscard]] std::vector<std::byte> take_outgoing();
    /// Plain text that waits to be read.
    [[nodiscard]] std::size_t plain_text_size() const noexcept;
    /// Moves up to `into.size()` bytes of it, and says how many.
    std::size_t read(std::span<std::byte> into);

private:
    class session;
    std::unique_ptr<session> session_;
};

/// Which library this is: "Botan 2.19.3".
[[nodiscard]] std::string botan_tls_description();

} // namespace distworker
