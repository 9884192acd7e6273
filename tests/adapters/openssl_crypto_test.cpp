#include <distworker/openssl_crypto.hpp>
#include <distworker/request_signing.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <string_view>
#include <thread>
#include <vector>

namespace distworker {
namespace {

std::span<const std::byte> bytes_of(std::string_view text) {
    return std::as_bytes(std::span{text});
}

std::string hex(const auto& digest) {
    return digest ? to_hex(*digest) : digest.error().message;
}

TEST(OpensslCrypto, HmacSha256) {
    const auto crypto = make_openssl_crypto();
    // RFC 4231, test cases 2 and 6.
    EXPECT_EQ(hex(crypto->hmac_sha256(bytes_of("Jefe"), bytes_of("what do ya want for nothing?"))),
              "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    EXPECT_EQ(hex(crypto->hmac_sha256(bytes_of(std::string(131, '\xaa')),
                                      bytes_of("Test Using Larger Than Block-Size Key - Hash Key First"))),
              "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
    // An empty key and empty data: what Python's hmac module says too.
    EXPECT_EQ(hex(crypto->hmac_sha256({}, {})),
              "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

TEST(OpensslCrypto, Digests) {
    const auto crypto = make_openssl_crypto();
    EXPECT_EQ(hex(crypto->sha256({})), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    EXPECT_EQ(hex(crypto->sha256(bytes_of("abc"))),
              "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    EXPECT_EQ(hex(crypto->sha1(bytes_of("abc"))), "a9993e364706816aba3e25717850c26c9cd0d89d");
    EXPECT_EQ(hex(crypto->sha1({})), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
}

TEST(OpensslCrypto, RandomFillsAndDiffers) {
    const auto crypto = make_openssl_crypto();
    std::array<std::byte, 32> first{};
    std::array<std::byte, 32> second{};
    ASSERT_TRUE(crypto->random(first).has_value());
    ASSERT_TRUE(crypto->random(second).has_value());
    EXPECT_NE(first, second);
    EXPECT_NE(first, (std::array<std::byte, 32>{}));
    EXPECT_TRUE(crypto->random({}).has_value());
}

TEST(OpensslCrypto, NamesItself) {
    EXPECT_EQ(make_openssl_crypto()->description().rfind("OpenSSL 3.", 0), 0U);
}

TEST(OpensslCrypto, ServesManyThreads) {
    const auto crypto = make_openssl_crypto();
    const auto expected = crypto->hmac_sha256(bytes_of("key"), bytes_of("data"));
    std::vector<int> wrong(4, 0);
    {
        std::vector<std::jthread> threads;
        for (int& count : wrong) {
            threads.emplace_back([&crypto, &expected, &count] {
                for (int i = 0; i < 500; ++i) {
                    const auto digest = crypto->hmac_sha256(bytes_of("key"), bytes_of("data"));
                    count += digest.has_value() && *digest == *expected ? 0 : 1;
                }
            });
        }
    }
    EXPECT_EQ(std::ranges::count(wrong, 0), 4);
}

} // namespace
} // namespace distworker
