#include "tls_context.hpp"

#include <distworker/tls_fault.hpp>

#include <openssl/ssl.h>
#include <openssl/x509v3.h>

namespace distworker::beast {

namespace ssl = boost::asio::ssl;

std::expected<ssl::context, config_fault> make_tls_context(const tls_options& options) {
    ssl::context context{ssl::context::tls_client};
    SSL_CTX_set_min_proto_version(context.native_handle(), TLS1_2_VERSION);
    context.set_verify_mode(ssl::verify_peer);
    boost::system::error_code failed;
    if (options.ca_file.empty()) {
        context.set_default_verify_paths(failed);
    } else {
        context.load_verify_file(options.ca_file, failed);
    }
    if (failed) {
        return std::unexpected{
            config_fault{"ca_file", "no certificate authority can be read from it: " + failed.message(),
                         "name a readable PEM file that holds at least one certificate"}};
    }
    return context;
}

bool expect_peer(SSL* session, const controller_url& url) {
    const std::string name = url.tls_name();
    if (url.is_address()) {
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(session), name.c_str()) == 1;
    }
    // What the macro SSL_set_tlsext_host_name does, without its C cast.
    const long named = SSL_ctrl(session, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
                                const_cast<char*>(name.c_str()));
    return SSL_set1_host(session, name.c_str()) == 1 && named == 1;
}

std::string describe_tls_failure(SSL* session, const boost::system::error_code& error) {
    const long verdict = SSL_get_verify_result(session);
    if (verdict != X509_V_OK) {
        return describe(fault_of_verification(verdict), X509_verify_cert_error_string(verdict));
    }
    return describe(fault_of_words(error.message()), error.message());
}

} // namespace distworker::beast
