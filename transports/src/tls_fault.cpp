#include <distworker/tls_fault.hpp>
#include <distworker/utf8.hpp>

#include <array>

namespace distworker {
namespace {

struct explanation {
    const char* name;
    const char* meaning;
    const char* remedy;
};

const explanation& explanation_of(tls_fault fault) noexcept {
    static constexpr std::array<explanation, 9> all{{
        {"TLS_CERT_TIME", "the controller's certificate is not valid at this time",
         "renew it, or set this machine's clock, which may be wrong"},
        {"TLS_HOST", "the controller's certificate has another name (mismatch)",
         "use a name in the URL that the certificate is made for"},
        {"TLS_CA", "the controller's certificate is signed by nobody that is trusted here",
         "name the authority that signed it with ca_file"},
        {"TLS_PIN", "the controller's public key is not the pinned one",
         "make sure who answers there; after a change of its key, pin the new one"},
        {"TLS_VERSION", "no version of TLS or no cipher that both sides accept",
         "let the controller offer TLS 1.2 or newer"},
        {"TLS_ALPN", "the controller chose an application protocol that was not offered",
         "serve WebSocket over HTTP/1.1 on this port"},
        {"TLS_CLIENT_CERT", "the controller wants a client certificate", "set certificate_file and key_file"},
        {"TLS_PLAIN", "what answers on this port does not speak TLS",
         "use http:// or ws:// in the URL, or the port that speaks TLS"},
        {"TLS_HANDSHAKE", "the TLS handshake failed", "see the words of the library"},
    }};
    return all[static_cast<std::size_t>(fault)];
}

bool holds(std::string_view text, std::string_view words) noexcept {
    return text.find(words) != std::string_view::npos;
}

} // namespace

const char* to_string(tls_fault fault) noexcept {
    return explanation_of(fault).name;
}

std::string describe(tls_fault fault, std::string_view library_words) {
    const explanation& known = explanation_of(fault);
    return std::string{known.name} + ": " + known.meaning + " (" + escape_for_log(library_words) + "); " +
           known.remedy;
}

tls_fault fault_of_verification(long x509_error) noexcept {
    constexpr long not_yet_valid = 9;
    constexpr long has_expired = 10;
    constexpr long hostname_mismatch = 62;
    constexpr long ip_address_mismatch = 64;
    switch (x509_error) {
    case not_yet_valid:
    case has_expired:
        return tls_fault::certificate_time;
    case hostname_mismatch:
    case ip_address_mismatch:
        return tls_fault::host;
    default:
        return tls_fault::authority;
    }
}

tls_fault fault_of_words(std::string_view words) noexcept {
    if (holds(words, "certificate required") || holds(words, "peer did not return a certificate")) {
        return tls_fault::client_certificate;
    }
    if (holds(words, "unsupported protocol") || holds(words, "protocol version") ||
        holds(words, "no ciphers") || holds(words, "no shared cipher") || holds(words, "cipher returned") ||
        holds(words, "dh key too small") || holds(words, "handshake failure") ||
        holds(words, "unsafe legacy")) {
        return tls_fault::version;
    }
    if (holds(words, "alpn") || holds(words, "application protocol") || holds(words, "bad extension") ||
        holds(words, "unsolicited extension")) {
        return tls_fault::protocol_choice;
    }
    if (holds(words, "wrong version number") || holds(words, "http request") ||
        holds(words, "packet length")) {
        return tls_fault::not_tls;
    }
    return tls_fault::handshake;
}

} // namespace distworker
