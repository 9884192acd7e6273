#include "openssl_context.hpp"

#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <optional>
#include <string_view>

namespace distworker::beast {
namespace {

namespace ssl = boost::asio::ssl;
using boost::system::error_code;
using fault_or_nothing = std::optional<config_fault>;
using key_hash = std::array<unsigned char, 32>;

fault_or_nothing load_authorities(ssl::context& into, const tls_options& options) {
    error_code failed;
    if (options.ca_file.empty() && options.ca_directory.empty()) {
        // Without any authority no certificate is accepted, which the connection's end then tells.
        into.set_default_verify_paths(failed);
        return std::nullopt;
    }
    if (!options.ca_file.empty()) {
        into.load_verify_file(options.ca_file, failed);
        if (failed) {
            return config_fault{"ca_file",
                                "no certificate authority can be read from it: " + failed.message(),
                                "name a readable PEM file that holds at least one certificate"};
        }
    }
    if (!options.ca_directory.empty()) {
        bool found = false;
        std::error_code unreadable;
        for (const auto& entry : std::filesystem::directory_iterator{options.ca_directory, unreadable}) {
            if (entry.path().extension() == ".pem" || entry.path().extension() == ".crt") {
                into.load_verify_file(entry.path(), failed);
                found = found || !failed;
            }
        }
        if (!found) {
            return config_fault{"ca_directory", "no certificate authority can be read from it",
                                "name a directory with readable PEM files, *.pem or *.crt"};
        }
    }
    return std::nullopt;
}

fault_or_nothing load_certificate(ssl::context& into, const tls_options& options) {
    if (options.certificate_file.empty() != options.key_file.empty()) {
        return config_fault{options.key_file.empty() ? "key_file" : "certificate_file",
                            "is empty although the other one of the two is set", "set both or none"};
    }
    if (options.certificate_file.empty()) {
        return std::nullopt;
    }
    error_code failed;
    into.use_certificate_chain_file(options.certificate_file, failed);
    if (failed) {
        return config_fault{"certificate_file", "no certificate can be read from it: " + failed.message(),
                            "name a readable PEM file with the client's certificate first"};
    }
    into.use_private_key_file(options.key_file, ssl::context::pem, failed);
    if (failed) {
        return config_fault{"key_file",
                            "no private key that belongs to the certificate can be read from it: " +
                                failed.message(),
                            "name a readable PEM file without a passphrase"};
    }
    return std::nullopt;
}

std::optional<key_hash> parse_pin(std::string_view text) {
    constexpr std::string_view prefix = "sha256//";
    constexpr std::size_t digits = 44; // of 32 bytes, one sign of padding included
    std::array<unsigned char, 34> decoded{};
    if (!text.starts_with(prefix) || text.size() != prefix.size() + digits || text.back() != '=' ||
        text[text.size() - 2] == '=' ||
        EVP_DecodeBlock(decoded.data(), reinterpret_cast<const unsigned char*>(text.data() + prefix.size()),
                        digits) < 0) {
        return std::nullopt;
    }
    key_hash hash{};
    std::copy_n(decoded.begin(), hash.size(), hash.begin());
    return hash;
}

bool has_key(X509* certificate, const key_hash& pinned) {
    unsigned char* der = nullptr;
    const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
    key_hash seen{};
    const bool hashed = size > 0 && EVP_Digest(der, static_cast<std::size_t>(size), seen.data(), nullptr,
                                               EVP_sha256(), nullptr) == 1;
    OPENSSL_free(der);
    return hashed && seen == pinned;
}

// How a refusal for the pinned key's sake shows in the session.
constexpr int other_key = X509_V_ERR_APPLICATION_VERIFICATION;

} // namespace

std::expected<ssl::context, config_fault> load_openssl_context(const tls_options& options) {
    ssl::context context{ssl::context::tls_client};
    SSL_CTX_set_min_proto_version(context.native_handle(), TLS1_2_VERSION);
    context.set_verify_mode(ssl::verify_peer);
    if (auto fault = load_authorities(context, options)) {
        return std::unexpected{*std::move(fault)};
    }
    if (auto fault = load_certificate(context, options)) {
        return std::unexpected{*std::move(fault)};
    }
    std::optional<key_hash> pinned;
    if (!options.pinned_public_key.empty()) {
        pinned = parse_pin(options.pinned_public_key);
        if (!pinned) {
            return std::unexpected{config_fault{"pinned_public_key", "is no SHA-256 of a public key",
                                                "write sha256// and 44 characters of base64"}};
        }
    }
    if (pinned || options.insecure_skip_verification) {
        context.set_verify_callback(
            [pinned, skip = options.insecure_skip_verification](bool good, ssl::verify_context& chain) {
                X509_STORE_CTX* const found = chain.native_handle();
                if (pinned && X509_STORE_CTX_get_error_depth(found) == 0 &&
                    !has_key(X509_STORE_CTX_get_current_cert(found), *pinned)) {
                    X509_STORE_CTX_set_error(found, other_key);
                    return false;
                }
                return good || skip;
            });
    }
    return context;
}

bool is_other_key(long verdict) noexcept {
    return verdict == other_key;
}

} // namespace distworker::beast
