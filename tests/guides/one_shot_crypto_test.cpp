#include "one_shot_crypto.hpp"

#include <distworker/openssl_crypto.hpp>
#include <distworker/signing.hpp>

#include <gtest/gtest.h>

namespace {

std::string hex(std::span<const std::byte> bytes) {
    std::string text;
    for (const std::byte octet : bytes) {
        constexpr const char* digits = "0123456789abcdef";
        text += digits[static_cast<unsigned>(octet) >> 4U];
        text += digits[static_cast<unsigned>(octet) & 15U];
    }
    return text;
}

std::span<const std::byte> bytes(std::string_view text) {
    return std::as_bytes(std::span{text});
}

// RFC 4231, case 2; FIPS 180-4.
TEST(OneShotCrypto, GivesThePublishedDigests) {
    const one_shot_crypto crypto;
    EXPECT_EQ(hex(crypto.hmac_sha256(bytes("Jefe"), bytes("what do ya want for nothing?")).value()),
              "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    EXPECT_EQ(hex(crypto.sha256(bytes("abc")).value()),
              "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    EXPECT_EQ(hex(crypto.sha1(bytes("abc")).value()), "a9993e364706816aba3e25717850c26c9cd0d89d");
}

TEST(OneShotCrypto, SignsAsTheOthersDo) {
    for (const char* const token : {"token", ""}) {
        const auto sign = [&](const distworker::crypto& with) {
            return distworker::sign_registration(with, distworker::secret{std::string_view{token}},
                                                 "20260101T000000Z", bytes("data"))
                .value();
        };
        EXPECT_EQ(sign(one_shot_crypto{}), sign(*distworker::make_openssl_crypto()));
    }
}

TEST(OneShotCrypto, DrawsOtherBytesEachTime) {
    std::array<std::byte, 32> first{};
    std::array<std::byte, 32> second{};
    EXPECT_TRUE(one_shot_crypto{}.random(first));
    EXPECT_TRUE(one_shot_crypto{}.random(second));
    EXPECT_NE(first, second);
}

} // namespace
