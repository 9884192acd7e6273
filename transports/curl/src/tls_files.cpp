#include "tls_files.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string_view>

namespace distworker::curl {
namespace {

using fault_or_nothing = std::optional<config_fault>;

constexpr std::string_view certificate_mark = "-----BEGIN CERTIFICATE-----";
constexpr std::string_view key_mark = "PRIVATE KEY-----";

// Adds a file's text when it holds `mark`.
bool add_file(const std::filesystem::path& file, std::string_view mark, std::string& to) {
    std::ifstream in{file, std::ios::binary};
    const std::string text{std::istreambuf_iterator<char>{in}, std::istreambuf_iterator<char>{}};
    if (text.find(mark) == std::string::npos) {
        return false;
    }
    to += text + "\n";
    return true;
}

fault_or_nothing read_authorities(const tls_options& options, std::string& to) {
    if (!options.ca_file.empty() && !add_file(options.ca_file, certificate_mark, to)) {
        return config_fault{"ca_file", "no certificate authority can be read from it",
                            "name a readable PEM file that holds at least one certificate"};
    }
    if (!options.ca_directory.empty()) {
        bool found = false;
        std::error_code unreadable;
        for (const auto& entry : std::filesystem::directory_iterator{options.ca_directory, unreadable}) {
            const auto extension = entry.path().extension();
            found = ((extension == ".pem" || extension == ".crt") &&
                     add_file(entry.path(), certificate_mark, to)) ||
                    found;
        }
        if (!found) {
            return config_fault{"ca_directory", "no certificate authority can be read from it",
                                "name a directory with readable PEM files, *.pem or *.crt"};
        }
    }
    return std::nullopt;
}

fault_or_nothing read_certificate(const tls_options& options, tls_files& to) {
    if (options.certificate_file.empty() != options.key_file.empty()) {
        return config_fault{options.key_file.empty() ? "key_file" : "certificate_file",
                            "is empty although the other one of the two is set", "set both or none"};
    }
    if (options.certificate_file.empty()) {
        return std::nullopt;
    }
    if (!add_file(options.certificate_file, certificate_mark, to.certificate)) {
        return config_fault{"certificate_file", "no certificate can be read from it",
                            "name a readable PEM file with the client's certificate first"};
    }
    if (!add_file(options.key_file, key_mark, to.key)) {
        return config_fault{"key_file", "no private key can be read from it",
                            "name a readable PEM file without a passphrase"};
    }
    return std::nullopt;
}

bool is_pin(std::string_view text) {
    constexpr std::string_view prefix = "sha256//";
    constexpr std::size_t digits = 43; // of 32 bytes, without the one sign of padding
    const auto is_digit = [](char c) {
        return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' ||
               c == '/';
    };
    return text.size() == prefix.size() + digits + 1 && text.starts_with(prefix) && text.back() == '=' &&
           std::ranges::all_of(text.substr(prefix.size(), digits), is_digit);
}

} // namespace

std::expected<tls_files, config_fault> read_tls_files(const tls_options& options) {
    tls_files files{.pinned_public_key = options.pinned_public_key,
                    .skip_verification = options.insecure_skip_verification};
    if (auto fault = read_authorities(options, files.authorities)) {
        return std::unexpected{*std::move(fault)};
    }
    if (auto fault = read_certificate(options, files)) {
        return std::unexpected{*std::move(fault)};
    }
    if (!options.pinned_public_key.empty() && !is_pin(options.pinned_public_key)) {
        return std::unexpected{config_fault{"pinned_public_key", "is no SHA-256 of a public key",
                                            "write sha256// and 44 characters of base64"}};
    }
    return files;
}

} // namespace distworker::curl
