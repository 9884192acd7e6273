// What Botan asks for when it makes a connection: trusted authorities, our certificate, policy.
#pragma once

#include <distworker/botan_tls_client.hpp>

#include <botan/certstor.h>
#include <botan/credentials_manager.h>
#include <botan/pkcs8.h>
#include <botan/tls_policy.h>
#include <botan/x509cert.h>

#include <array>
#include <optional>

namespace distworker {

class botan_policy final : public Botan::TLS::Policy {
public:
    // Few authorities answer to that question in time, and a worker is no browser.
    [[nodiscard]] bool require_cert_revocation_info() const override { return false; }
    [[nodiscard]] bool allow_tls10() const override { return false; }
    [[nodiscard]] bool allow_tls11() const override { return false; }
    [[nodiscard]] bool allow_dtls10() const override { return false; }
    [[nodiscard]] bool allow_dtls12() const override { return false; }
    // As OpenSSL.
    [[nodiscard]] std::size_t maximum_certificate_chain_size() const override {
        return std::size_t{100} * 1024;
    }
};

/// Botan asks for these through pointers that are not const, and changes nothing.
class botan_credentials final : public Botan::Credentials_Manager {
public:
    std::unique_ptr<Botan::Certificate_Store> authorities;
    std::vector<Botan::X509_Certificate> chain; // ours; empty: none
    std::unique_ptr<Botan::Private_Key> key;

    std::vector<Botan::Certificate_Store*> trusted_certificate_authorities(const std::string&,
                                                                           const std::string&) override {
        return {authorities.get()};
    }
    std::vector<Botan::X509_Certificate> cert_chain(const std::vector<std::string>& key_types,
                                                    const std::string&, const std::string&) override;
    Botan::Private_Key* private_key_for(const Botan::X509_Certificate&, const std::string&,
                                        const std::string&) override {
        return key.get();
    }
};

struct botan_tls_settings::contents {
    mutable botan_credentials credentials;
    botan_policy policy;
    std::optional<std::array<std::byte, 32>> pinned; // SHA-256 of a SubjectPublicKeyInfo
    bool skip_verification = false;
};

} // namespace distworker
