// What libcurl is told of a connection before it is made, and what it means when none could be made.
#include "connection.hpp"

#include <distworker/tls_fault.hpp>
#include <distworker/utf8.hpp>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <system_error>

namespace distworker::curl {
namespace {

/// libcurl reads on, into memory without bound, for as long as it gets whole pieces of 64 KiB. A socket has
/// room for twice this much and never fills one; a record of TLS does not either.
constexpr int plain_receive_buffer = 30 * 1024;

int prepare_socket(void* url, curl_socket_t fd, curlsocktype) noexcept {
    // A pong must not wait behind a full kernel buffer on a slow link.
    const int lowest = static_cast<int>(fragment_bytes);
    ::setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &lowest, sizeof lowest);
    if (!static_cast<const controller_url*>(url)->secure) {
        ::setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &plain_receive_buffer, sizeof plain_receive_buffer);
    }
    return CURL_SOCKOPT_OK;
}
std::size_t take_header(char* line, std::size_t, std::size_t size, void* check) noexcept {
    try {
        return static_cast<upgrade_check*>(check)->take_line({line, size}) == upgrade_check::progress::refused
                   ? 0
                   : size;
    } catch (const std::exception&) {
        return 0;
    }
}
std::size_t ignore_body(char*, std::size_t, std::size_t, void*) noexcept {
    return 0; // the status has said it all
}

} // namespace

void connection::set_options(const std::string& key) {
    CURL* const easy = easy_.get();
    const auto set = [easy](CURLoption option, auto value) { curl_easy_setopt(easy, option, value); };
    set(CURLOPT_URL, url_.uri().c_str());
    set(CURLOPT_PATH_AS_IS, 1L);
    set(CURLOPT_CONNECT_ONLY, 2L); // WebSocket
    set(CURLOPT_WS_OPTIONS, long{CURLWS_NOAUTOPONG});
    set(CURLOPT_HTTP_VERSION, long{CURL_HTTP_VERSION_1_1});
    headers_.reset(curl_slist_append(nullptr, ("Sec-WebSocket-Key: " + key).c_str()));
    set(CURLOPT_HTTPHEADER, headers_.get());
    set(CURLOPT_USERAGENT, "distworker-cpp/" DISTWORKER_VERSION);
    set(CURLOPT_FOLLOWLOCATION, 0L);
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_QUICK_EXIT, 1L); // nobody waits for a name that hangs
    set(CURLOPT_SOCKOPTFUNCTION, &prepare_socket);
    set(CURLOPT_SOCKOPTDATA, &url_);
    set(CURLOPT_HEADERFUNCTION, &take_header);
    set(CURLOPT_HEADERDATA, &answer_);
    set(CURLOPT_WRITEFUNCTION, &ignore_body);
    set(CURLOPT_ERRORBUFFER, error_.data());
    set(CURLOPT_PRIVATE, static_cast<transfer*>(this));
    set(CURLOPT_SSLVERSION, long{CURL_SSLVERSION_TLSv1_2});
    set(CURLOPT_SSL_ENABLE_ALPN, 0L);
    set_tls_options();
    set_proxy();
}

void connection::set_proxy() {
    CURL* const easy = easy_.get();
    const proxy_options& proxy = shared_->proxy;
    curl_easy_setopt(easy, CURLOPT_PROXY, proxy.address.c_str()); // empty: also not that of the environment
    curl_easy_setopt(easy, CURLOPT_HTTPPROXYTUNNEL, 1L);
    curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    if (proxy.credentials != nullptr) {
        const secret text = secret::join(proxy.credentials->view(), secret{std::string_view{"\0", 1}});
        curl_easy_setopt(easy, CURLOPT_PROXYAUTH, long{CURLAUTH_BASIC});
        curl_easy_setopt(easy, CURLOPT_PROXYUSERPWD, reinterpret_cast<const char*>(text.bytes().data()));
    }
}

void connection::set_tls_options() {
    CURL* const easy = easy_.get();
    const auto set = [easy](CURLoption option, auto value) { curl_easy_setopt(easy, option, value); };
    tls_files& tls = shared_->tls;
    const auto set_text = [&](CURLoption option, std::string& pem) {
        curl_blob text{pem.data(), pem.size(), CURL_BLOB_NOCOPY};
        if (!pem.empty()) {
            set(option, &text);
        }
    };
    if (!tls.authorities.empty()) {
        set(CURLOPT_CAPATH, static_cast<const char*>(nullptr));
    }
    set_text(CURLOPT_CAINFO_BLOB, tls.authorities);
    set_text(CURLOPT_SSLCERT_BLOB, tls.certificate);
    set_text(CURLOPT_SSLKEY_BLOB, tls.key);
    if (!tls.pinned_public_key.empty()) {
        set(CURLOPT_PINNEDPUBLICKEY, tls.pinned_public_key.c_str());
    }
    if (tls.skip_verification) {
        set(CURLOPT_SSL_VERIFYPEER, 0L);
        set(CURLOPT_SSL_VERIFYHOST, 0L);
    }
}

link_end connection::failure(CURLcode result) const {
    using kind = link_end::kind;
    const std::string_view said = error_.front() == '\0' ? curl_easy_strerror(result) : error_.data();
    switch (result) {
    case CURLE_COULDNT_RESOLVE_HOST:
        return {.what = kind::name_resolution, .detail = "'" + url_.host + "': " + escape_for_log(said)};
    case CURLE_COULDNT_RESOLVE_PROXY:
        return {.what = kind::name_resolution,
                .detail = "'" + shared_->proxy_at->host + "': " + escape_for_log(said)};
    case CURLE_COULDNT_CONNECT: {
        long reason = 0;
        curl_easy_getinfo(easy_.get(), CURLINFO_OS_ERRNO, &reason);
        const bool direct = !shared_->proxy_at;
        return {.what = kind::connect,
                .detail = (direct ? url_.host : shared_->proxy_at->host) + " port " +
                          std::to_string(direct ? url_.port : shared_->proxy_at->port) + ": " +
                          (reason == 0 ? escape_for_log(said)
                                       : std::generic_category().message(static_cast<int>(reason)))};
    }
    case CURLE_PEER_FAILED_VERIFICATION: {
        // The library under libcurl judges the certificate, libcurl itself its name.
        long verdict = 0;
        curl_easy_getinfo(easy_.get(), CURLINFO_SSL_VERIFYRESULT, &verdict);
        const bool is_name = said.find("subject name") != std::string_view::npos;
        return {.what = kind::tls,
                .detail = describe(is_name ? tls_fault::host : fault_of_verification(verdict), said)};
    }
    case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
        return {.what = kind::tls, .detail = describe(tls_fault::pinned_key, said)};
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
        return {.what = kind::tls, .detail = describe(fault_of_words(said), said)};
    default:
        break;
    }
    long tunnel = 0; // the proxy's answer
    curl_easy_getinfo(easy_.get(), CURLINFO_HTTP_CONNECTCODE, &tunnel);
    if (shared_->proxy_at && (tunnel < 200 || tunnel >= 300)) {
        return describe_proxy_refusal(*shared_->proxy_at, static_cast<int>(tunnel));
    }
    if (answer_.status() != 0 || answer_.state() == upgrade_check::progress::refused) {
        return answer_.verdict();
    }
    if (result == CURLE_UNSUPPORTED_PROTOCOL || result == CURLE_WEIRD_SERVER_REPLY) {
        return {.what = kind::upgrade, .detail = "no HTTP answer to the upgrade: " + escape_for_log(said)};
    }
    if (const tls_fault fault = fault_of_words(said); url_.secure && fault != tls_fault::handshake) {
        return {.what = kind::tls, .detail = describe(fault, said)};
    }
    return {.what = kind::connect,
            .detail =
                "the connection ended before the upgrade was answered: " + escape_for_log(said) +
                (shared_->proxy_at ? ", by way of the proxy " + shared_->proxy_at->host : std::string{})};
}

} // namespace distworker::curl
