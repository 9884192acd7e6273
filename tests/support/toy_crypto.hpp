// Crypto that proves nothing and needs no library: the same in, the same out. For tests of what lies around
// it.
#pragma once

#include <distworker/crypto.hpp>

#include <algorithm>

namespace distworker::testing {

class toy_crypto final : public crypto {
public:
    [[nodiscard]] std::expected<digest32, crypto_error>
    hmac_sha256(std::span<const std::byte> key, std::span<const std::byte> data) const override {
        return mixed<digest32>(key, data);
    }
    [[nodiscard]] std::expected<digest32, crypto_error>
    sha256(std::span<const std::byte> data) const override {
        return mixed<digest32>({}, data);
    }
    [[nodiscard]] std::expected<digest20, crypto_error> sha1(std::span<const std::byte> data) const override {
        return mixed<digest20>({}, data);
    }
    [[nodiscard]] std::expected<void, crypto_error> random(std::span<std::byte> out) const override {
        std::ranges::fill(out, std::byte{7});
        return {};
    }
    [[nodiscard]] std::string description() const override { return "none"; }

private:
    template <typename Digest>
    static Digest mixed(std::span<const std::byte> key, std::span<const std::byte> data) {
        Digest digest{};
        std::uint64_t sum = 1;
        for (const auto& part : {key, data}) {
            for (const std::byte b : part) {
                sum = (sum ^ std::to_integer<std::uint64_t>(b)) * 0x0000'0100'0000'01B3U + 1;
                digest[sum % digest.size()] ^= static_cast<std::byte>(sum >> 32U);
            }
        }
        return digest;
    }
};

} // namespace distworker::testing
