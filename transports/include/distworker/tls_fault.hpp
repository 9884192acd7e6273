// Why a TLS connection was not made, as one of a few causes with a name and a remedy each: for those who
// write a transport, so that a user reads the same words whatever library is underneath.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace distworker {

/// What a failed handshake is called.
enum class tls_fault : std::uint8_t {
    certificate_time,   ///< Expired, or not valid yet: or this machine's clock is wrong.
    host,               ///< Made for another name or address than the URL's.
    authority,          ///< Signed by nobody that is trusted here.
    pinned_key,         ///< Not the public key that was asked for.
    version,            ///< No version of TLS, or no cipher, that both sides accept.
    protocol_choice,    ///< The server chose an application protocol (ALPN) that was not offered.
    client_certificate, ///< The server wants a certificate of ours.
    not_tls,            ///< What answers on this port does not speak TLS.
    handshake,          ///< Anything else.
};

/// The stable name: "TLS_CERT_TIME", "TLS_HOST", …
[[nodiscard]] const char* to_string(tls_fault fault) noexcept;
/// Name, meaning, the library's own words (escaped) and what to do.
[[nodiscard]] std::string describe(tls_fault fault, std::string_view library_words);

/// What a result of certificate verification means: the numbers X509_V_ERR_… of OpenSSL, which other
/// libraries' wrappers report too.
[[nodiscard]] tls_fault fault_of_verification(long x509_error) noexcept;
/// What OpenSSL's words for a failed handshake mean.
[[nodiscard]] tls_fault fault_of_words(std::string_view library_words) noexcept;

} // namespace distworker
