// What `tls_options` name, read once: libcurl gets the text, and finds out at a connection what is wrong with
// it.
//
// So what can be told from the text is told here.
#pragma once

#include <distworker/config_fault.hpp>
#include <distworker/transport.hpp>

#include <expected>
#include <string>

namespace distworker::curl {

struct tls_files {
    std::string authorities; ///< PEM; empty: those that libcurl trusts by itself.
    std::string certificate; ///< PEM; empty: none.
    std::string key;
    std::string pinned_public_key;
    bool skip_verification = false;
};

/// Faults name their field. Whether a key belongs to its certificate shows at the first connection.
[[nodiscard]] std::expected<tls_files, config_fault> read_tls_files(const tls_options& options);

} // namespace distworker::curl
