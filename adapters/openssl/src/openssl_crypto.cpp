#include <distworker/openssl_crypto.hpp>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include <algorithm>
#include <climits>
#include <stdexcept>
#include <string_view>
#include <utility>

namespace distworker {
namespace {

template <auto Free>
struct freed_by {
    template <typename T>
    void operator()(T* object) const noexcept {
        Free(object);
    }
};
using mac_ptr = std::unique_ptr<EVP_MAC, freed_by<EVP_MAC_free>>;
using mac_context_ptr = std::unique_ptr<EVP_MAC_CTX, freed_by<EVP_MAC_CTX_free>>;
using digest_ptr = std::unique_ptr<EVP_MD, freed_by<EVP_MD_free>>;

// The reason that OpenSSL left on this thread's queue; the queue is emptied.
crypto_error failure(std::string_view what) {
    std::string message{what};
    const unsigned long code = ERR_peek_last_error();
    const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
    message.append(": ").append(reason == nullptr ? "no reason given by OpenSSL" : reason);
    ERR_clear_error();
    return {std::move(message)};
}

const unsigned char* raw_bytes(std::span<const std::byte> bytes) noexcept {
    // OpenSSL takes a null key for "the key of before"; an empty one needs an address.
    static constexpr unsigned char nothing = 0;
    return bytes.empty() ? &nothing : reinterpret_cast<const unsigned char*>(bytes.data());
}

template <typename Digest>
std::expected<Digest, crypto_error> digest_of(const EVP_MD* algorithm, std::span<const std::byte> data,
                                              std::string_view name) {
    Digest out{};
    if (algorithm == nullptr) {
        return std::unexpected{crypto_error{std::string{name} + " is not available in this OpenSSL"}};
    }
    if (EVP_Digest(raw_bytes(data), data.size(), reinterpret_cast<unsigned char*>(out.data()), nullptr,
                   algorithm, nullptr) != 1) {
        return std::unexpected{failure(name)};
    }
    return out;
}

class openssl_crypto final : public crypto {
public:
    openssl_crypto(mac_ptr hmac, digest_ptr sha256, digest_ptr sha1) noexcept
        : hmac_{std::move(hmac)}, sha256_{std::move(sha256)}, sha1_{std::move(sha1)} {}

    std::expected<digest32, crypto_error> hmac_sha256(std::span<const std::byte> key,
                                                      std::span<const std::byte> data) const override {
        const mac_context_ptr context{EVP_MAC_CTX_new(hmac_.get())};
        if (!context) {
            return std::unexpected{failure("HMAC-SHA256")};
        }
        char name[] = "SHA256";
        const OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name, 0),
                                         OSSL_PARAM_construct_end()};
        digest32 out{};
        std::size_t written = 0;
        if (EVP_MAC_init(context.get(), raw_bytes(key), key.size(), parameters) != 1 ||
            EVP_MAC_update(context.get(), raw_bytes(data), data.size()) != 1 ||
            EVP_MAC_final(context.get(), reinterpret_cast<unsigned char*>(out.data()), &written,
                          out.size()) != 1 ||
            written != out.size()) {
            return std::unexpected{failure("HMAC-SHA256")};
        }
        return out;
    }

    std::expected<digest32, crypto_error> sha256(std::span<const std::byte> data) const override {
        return digest_of<digest32>(sha256_.get(), data, "SHA-256");
    }

    std::expected<digest20, crypto_error> sha1(std::span<const std::byte> data) const override {
        return digest_of<digest20>(sha1_.get(), data, "SHA-1");
    }

    std::expected<void, crypto_error> random(std::span<std::byte> out) const override {
        while (!out.empty()) {
            const std::size_t count = std::min<std::size_t>(out.size(), INT_MAX);
            if (RAND_bytes(reinterpret_cast<unsigned char*>(out.data()), static_cast<int>(count)) != 1) {
                return std::unexpected{failure("the random generator")};
            }
            out = out.subspan(count);
        }
        return {};
    }

    std::string description() const override {
        return std::string{"OpenSSL "} + OpenSSL_version(OPENSSL_VERSION_STRING);
    }

private:
    mac_ptr hmac_;
    digest_ptr sha256_;
    digest_ptr sha1_; // null where the provider has none
};

} // namespace

std::expected<std::shared_ptr<const crypto>, crypto_error> try_make_openssl_crypto() {
    mac_ptr hmac{EVP_MAC_fetch(nullptr, "HMAC", nullptr)};
    if (!hmac) {
        return std::unexpected{failure("HMAC is not available in this OpenSSL")};
    }
    digest_ptr sha256{EVP_MD_fetch(nullptr, "SHA256", nullptr)};
    if (!sha256) {
        return std::unexpected{failure("SHA-256 is not available in this OpenSSL")};
    }
    digest_ptr sha1{EVP_MD_fetch(nullptr, "SHA1", nullptr)};
    ERR_clear_error();
    return std::make_shared<const openssl_crypto>(std::move(hmac), std::move(sha256), std::move(sha1));
}

std::shared_ptr<const crypto> make_openssl_crypto() {
    auto made = try_make_openssl_crypto();
    if (!made) {
        throw std::runtime_error{made.error().message};
    }
    return *std::move(made);
}

} // namespace distworker
