// Other people's TLS in front of a server without it: what it decrypts goes to that server, and back.
//
// One front serves one connection: it connects to the server behind it at once.
#pragma once

#include "support/certificate.hpp"

#include <cstdint>
#include <memory>

namespace distworker::testing {

class tls_front {
public:
    virtual ~tls_front() = default;
    /// Where it listens.
    [[nodiscard]] virtual std::uint16_t port() const = 0;
};

/// `openssl s_server`, which speaks this version only: "-tls1_2" or "-tls1_3".
[[nodiscard]] std::unique_ptr<tls_front> openssl_front(std::uint16_t behind, const certificate& own,
                                                       const char* version);
/// Botan's own server.
[[nodiscard]] std::unique_ptr<tls_front> botan_front(std::uint16_t behind, const certificate& own);

} // namespace distworker::testing
