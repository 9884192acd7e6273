// A self-signed certificate in files that go with it.
#pragma once

#include "support/temporary.hpp"

#include <string>

namespace distworker::testing {

class certificate {
public:
    /// `names` as OpenSSL writes them: "DNS:localhost,IP:127.0.0.1".
    explicit certificate(const std::string& names);
    [[nodiscard]] std::string file() const { return folder_ / "certificate.pem"; }
    [[nodiscard]] std::string key_file() const { return folder_ / "key.pem"; }

private:
    temporary_folder folder_;
};

} // namespace distworker::testing
