#include <distworker/botan_crypto.hpp>

#include <botan/hash.h>
#include <botan/mac.h>
#include <botan/system_rng.h>
#include <botan/version.h>

#include <cstdint>
#include <stdexcept>

namespace distworker {
namespace {

const std::uint8_t* raw(std::span<const std::byte> bytes) noexcept {
    return reinterpret_cast<const std::uint8_t*>(bytes.data());
}

// Calls Botan, which throws, and answers as the seam does.
template <typename Result, typename Call>
std::expected<Result, crypto_error> guarded(const char* what, Call call) {
    try {
        return call();
    } catch (const std::exception& error) {
        return std::unexpected{crypto_error{std::string{what} + ": " + error.what()}};
    }
}

template <typename Digest>
std::expected<Digest, crypto_error> digest_of(const char* algorithm, std::span<const std::byte> data) {
    return guarded<Digest>(algorithm, [&] {
        Digest out{};
        const auto hash = Botan::HashFunction::create_or_throw(algorithm);
        hash->update(raw(data), data.size());
        hash->final(reinterpret_cast<std::uint8_t*>(out.data()));
        return out;
    });
}

class botan_crypto final : public crypto {
public:
    std::expected<digest32, crypto_error> hmac_sha256(std::span<const std::byte> key,
                                                      std::span<const std::byte> data) const override {
        return guarded<digest32>("HMAC-SHA256", [&] {
            digest32 out{};
            const auto mac = Botan::MessageAuthenticationCode::create_or_throw("HMAC(SHA-256)");
            mac->set_key(raw(key), key.size());
            mac->update(raw(data), data.size());
            mac->final(reinterpret_cast<std::uint8_t*>(out.data()));
            return out;
        });
    }

    std::expected<digest32, crypto_error> sha256(std::span<const std::byte> data) const override {
        return digest_of<digest32>("SHA-256", data);
    }

    std::expected<digest20, crypto_error> sha1(std::span<const std::byte> data) const override {
        return digest_of<digest20>("SHA-1", data);
    }

    std::expected<void, crypto_error> random(std::span<std::byte> out) const override {
        try {
            Botan::system_rng().randomize(reinterpret_cast<std::uint8_t*>(out.data()), out.size());
            return {};
        } catch (const std::exception& error) {
            return std::unexpected{crypto_error{std::string{"the random generator: "} + error.what()}};
        }
    }

    std::string description() const override { return "Botan " + Botan::short_version_string(); }
};

} // namespace

std::expected<std::shared_ptr<const crypto>, crypto_error> try_make_botan_crypto() {
    if (Botan::MessageAuthenticationCode::create("HMAC(SHA-256)") == nullptr ||
        Botan::HashFunction::create("SHA-256") == nullptr) {
        return std::unexpected{crypto_error{"HMAC-SHA256 is not available in this Botan"}};
    }
    return std::make_shared<const botan_crypto>();
}

std::shared_ptr<const crypto> make_botan_crypto() {
    auto made = try_make_botan_crypto();
    if (!made) {
        throw std::runtime_error{made.error().message};
    }
    return *std::move(made);
}

} // namespace distworker
