#include "botan_tls_settings.hpp"

#include <botan/base64.h>
#include <botan/certstor_system.h>
#include <botan/data_src.h>
#include <botan/version.h>

#include <algorithm>
#include <cstring>
#include <filesystem>

namespace distworker {
namespace {

using fault_or_nothing = std::optional<config_fault>;

// Adds every certificate of a PEM file; false when there is none, or one that cannot be read.
bool add_certificates(const std::string& file, std::vector<Botan::X509_Certificate>& to) {
    try {
        Botan::DataSource_Stream source{file};
        const std::size_t before = to.size();
        while (!source.end_of_data()) {
            try {
                to.emplace_back(source);
            } catch (const Botan::Decoding_Error&) {
                return to.size() > before && source.end_of_data(); // blank lines at the end
            }
        }
        return to.size() > before;
    } catch (const std::exception&) {
        return false;
    }
}

fault_or_nothing load_authorities(const tls_options& options, botan_credentials& into) {
    if (options.ca_file.empty() && options.ca_directory.empty()) {
        try {
            into.authorities = std::make_unique<Botan::System_Certificate_Store>();
            return std::nullopt;
        } catch (const std::exception&) {
            // Without any authority no certificate is accepted, which the connection's end then tells.
            into.authorities = std::make_unique<Botan::Certificate_Store_In_Memory>();
            return std::nullopt;
        }
    }
    std::vector<Botan::X509_Certificate> found;
    if (!options.ca_file.empty() && !add_certificates(options.ca_file, found)) {
        return config_fault{"ca_file", "no certificate authority can be read from it",
                            "name a readable PEM file that holds at least one certificate"};
    }
    if (!options.ca_directory.empty()) {
        const std::size_t before = found.size();
        std::error_code failed;
        for (const auto& entry : std::filesystem::directory_iterator{options.ca_directory, failed}) {
            if (entry.path().extension() == ".pem" || entry.path().extension() == ".crt") {
                add_certificates(entry.path(), found);
            }
        }
        if (found.size() == before) {
            return config_fault{"ca_directory", "no certificate authority can be read from it",
                                "name a directory with readable PEM files, *.pem or *.crt"};
        }
    }
    auto store = std::make_unique<Botan::Certificate_Store_In_Memory>();
    for (const auto& certificate : found) {
        store->add_certificate(certificate);
    }
    into.authorities = std::move(store);
    return std::nullopt;
}

fault_or_nothing load_certificate(const tls_options& options, botan_credentials& into) {
    if (options.certificate_file.empty() != options.key_file.empty()) {
        return config_fault{options.key_file.empty() ? "key_file" : "certificate_file",
                            "is empty although the other one of the two is set", "set both or none"};
    }
    if (options.certificate_file.empty()) {
        return std::nullopt;
    }
    if (!add_certificates(options.certificate_file, into.chain)) {
        return config_fault{"certificate_file", "no certificate can be read from it",
                            "name a readable PEM file with the client's certificate first"};
    }
    try {
        Botan::DataSource_Stream source{options.key_file};
        into.key = Botan::PKCS8::load_key(source);
    } catch (const std::exception&) {
        return config_fault{"key_file", "no private key can be read from it",
                            "name a readable PEM file (PKCS #8) without a passphrase"};
    }
    if (into.key->subject_public_key() != into.chain.front().subject_public_key_info()) {
        return config_fault{"key_file", "does not belong to the certificate",
                            "give the key of that certificate"};
    }
    return std::nullopt;
}

std::optional<std::array<std::byte, 32>> parse_pin(std::string_view text) {
    constexpr std::string_view prefix = "sha256//";
    if (!text.starts_with(prefix)) {
        return std::nullopt;
    }
    text.remove_prefix(prefix.size());
    try {
        const auto bytes = Botan::base64_decode(text.data(), text.size(), false);
        std::array<std::byte, 32> hash{};
        if (bytes.size() != hash.size()) {
            return std::nullopt;
        }
        std::memcpy(hash.data(), bytes.data(), bytes.size());
        return hash;
    } catch (const std::exception&) {
        return std::nullopt;
    }
}

} // namespace

std::vector<Botan::X509_Certificate> botan_credentials::cert_chain(const std::vector<std::string>& key_types,
                                                                   const std::string&, const std::string&) {
    const bool fits = key != nullptr && std::ranges::find(key_types, key->algo_name()) != key_types.end();
    return fits ? chain : std::vector<Botan::X509_Certificate>{};
}

botan_tls_settings::botan_tls_settings(std::unique_ptr<contents> loaded) noexcept
    : contents_{std::move(loaded)} {}
botan_tls_settings::~botan_tls_settings() = default;

std::expected<std::shared_ptr<const botan_tls_settings>, config_fault>
botan_tls_settings::load(const tls_options& options) {
    auto loaded = std::make_unique<contents>();
    loaded->skip_verification = options.insecure_skip_verification;
    if (auto fault = load_authorities(options, loaded->credentials)) {
        return std::unexpected{*std::move(fault)};
    }
    if (auto fault = load_certificate(options, loaded->credentials)) {
        return std::unexpected{*std::move(fault)};
    }
    if (!options.pinned_public_key.empty()) {
        loaded->pinned = parse_pin(options.pinned_public_key);
        if (!loaded->pinned) {
            return std::unexpected{config_fault{"pinned_public_key", "is no SHA-256 of a public key",
                                                "write sha256// and 44 characters of base64"}};
        }
    }
    return std::shared_ptr<const botan_tls_settings>{new botan_tls_settings{std::move(loaded)}};
}

std::string botan_tls_description() {
    return "Botan " + Botan::short_version_string();
}

} // namespace distworker
