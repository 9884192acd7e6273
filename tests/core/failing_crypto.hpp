// A crypto of which one call fails, to see that each is looked at.
#pragma once

#include <distworker/crypto.hpp>

namespace distworker::testing {

class failing_crypto : public crypto {
public:
    /// The HMAC after `sound` sound ones fails, and so do all later ones. Digests are no secrets here: all
    /// zero.
    explicit failing_crypto(int sound) noexcept : sound_{sound} {}

    std::expected<digest32, crypto_error> hmac_sha256(std::span<const std::byte>,
                                                      std::span<const std::byte>) const override {
        if (sound_-- > 0) {
            return digest32{};
        }
        return std::unexpected{crypto_error{"no entropy in the test"}};
    }
    std::expected<digest32, crypto_error> sha256(std::span<const std::byte>) const override {
        return digest32{};
    }
    std::expected<digest20, crypto_error> sha1(std::span<const std::byte>) const override {
        return digest20{};
    }
    std::expected<void, crypto_error> random(std::span<std::byte>) const override { return {}; }
    std::string description() const override { return "failing"; }

private:
    mutable int sound_;
};

} // namespace distworker::testing
