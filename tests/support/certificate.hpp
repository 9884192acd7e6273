// A self-signed certificate in files that go with it.
#pragma once

#include "support/temporary.hpp"

#include <chrono>
#include <string>

namespace distworker::testing {

class certificate {
public:
    /// From now.
    struct validity {
        std::chrono::seconds begins = std::chrono::hours{-1};
        std::chrono::seconds ends = std::chrono::hours{48};
    };
    /// `names` as OpenSSL writes them: "DNS:localhost,IP:127.0.0.1".
    explicit certificate(const std::string& names);
    certificate(const std::string& names, validity valid);
    [[nodiscard]] std::string file() const { return folder_ / "certificate.pem"; }
    [[nodiscard]] std::string key_file() const { return folder_ / "key.pem"; }
    /// As `tls_options::pinned_public_key` wants it.
    [[nodiscard]] std::string pin() const { return pin_; }

private:
    temporary_folder folder_;
    std::string pin_;
};

} // namespace distworker::testing
