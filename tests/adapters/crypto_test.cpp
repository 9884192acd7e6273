// The crypto seam over each library that was built, against published vectors and those of the protocol.
#include "support/vectors.hpp"

#include <distworker/crypto.hpp>
#ifdef DISTWORKER_WITH_OPENSSL
#include <distworker/openssl_crypto.hpp>
#endif
#ifdef DISTWORKER_WITH_BOTAN
#include <distworker/botan_crypto.hpp>
#endif
#include <distworker/request_signing.hpp>
#include <distworker/signing.hpp>

#include <gmock/gmock.h>
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

struct library {
    const char* name;
    std::shared_ptr<const crypto> (*make)();

    friend std::ostream& operator<<(std::ostream& out, const library& l) { return out << l.name; }
};

std::vector<library> libraries() {
    return {
#ifdef DISTWORKER_WITH_OPENSSL
        {"OpenSSL", make_openssl_crypto},
#endif
#ifdef DISTWORKER_WITH_BOTAN
        {"Botan", make_botan_crypto},
#endif
    };
}

class Crypto : public ::testing::TestWithParam<library> {
protected:
    std::shared_ptr<const crypto> crypto_ = GetParam().make();
};

TEST_P(Crypto, HmacSha256) {
    // RFC 4231, test cases 2 and 6.
    EXPECT_EQ(hex(crypto_->hmac_sha256(bytes_of("Jefe"), bytes_of("what do ya want for nothing?"))),
              "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    EXPECT_EQ(hex(crypto_->hmac_sha256(bytes_of(std::string(131, '\xaa')),
                                       bytes_of("Test Using Larger Than Block-Size Key - Hash Key First"))),
              "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
    // An empty key and empty data: what Python's hmac module says too.
    EXPECT_EQ(hex(crypto_->hmac_sha256({}, {})),
              "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

TEST_P(Crypto, Digests) {
    EXPECT_EQ(hex(crypto_->sha256({})), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    EXPECT_EQ(hex(crypto_->sha256(bytes_of("abc"))),
              "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    EXPECT_EQ(hex(crypto_->sha1(bytes_of("abc"))), "a9993e364706816aba3e25717850c26c9cd0d89d");
    EXPECT_EQ(hex(crypto_->sha1({})), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
}

TEST_P(Crypto, SignsAsTheVectorsSay) {
    for (const auto& c : testing::load_vectors("websocket_signatures.json")) {
        const secret token{c.at("token").get<std::string>()};
        const auto data = testing::from_hex(c.at("data_hex").get<std::string>());
        const auto signature = sign_registration(*crypto_, token, c.at("date").get<std::string>(), data);
        ASSERT_TRUE(signature.has_value());
        EXPECT_EQ(to_hex(*signature), c.at("signature_hex").get<std::string>());
    }
}

TEST_P(Crypto, RandomFillsAndDiffers) {
    std::array<std::byte, 32> first{};
    std::array<std::byte, 32> second{};
    ASSERT_TRUE(crypto_->random(first).has_value());
    ASSERT_TRUE(crypto_->random(second).has_value());
    EXPECT_NE(first, second);
    EXPECT_NE(first, (std::array<std::byte, 32>{}));
    EXPECT_TRUE(crypto_->random({}).has_value());
}

TEST_P(Crypto, NamesItself) {
    EXPECT_THAT(crypto_->description(), ::testing::MatchesRegex(std::string{GetParam().name} + " [23]\\..*"));
}

TEST_P(Crypto, ServesManyThreads) {
    const auto expected = crypto_->hmac_sha256(bytes_of("key"), bytes_of("data"));
    std::vector<int> wrong(4, 0);
    {
        std::vector<std::jthread> threads;
        for (int& count : wrong) {
            threads.emplace_back([this, &expected, &count] {
                for (int i = 0; i < 500; ++i) {
                    const auto digest = crypto_->hmac_sha256(bytes_of("key"), bytes_of("data"));
                    count += digest.has_value() && *digest == *expected ? 0 : 1;
                }
            });
        }
    }
    EXPECT_EQ(std::ranges::count(wrong, 0), 4);
}

// What a worker signs with is the same, whatever library it was built with.
TEST_P(Crypto, FollowsTheFirstLibrary) {
    const auto first = libraries().front().make();
    std::vector<std::byte> text;
    for (std::size_t size = 0; size < 200; ++size) {
        EXPECT_EQ(hex(crypto_->hmac_sha256(text, bytes_of("data"))),
                  hex(first->hmac_sha256(text, bytes_of("data"))));
        EXPECT_EQ(hex(crypto_->sha256(text)), hex(first->sha256(text)));
        text.push_back(static_cast<std::byte>(size * 7));
    }
}

INSTANTIATE_TEST_SUITE_P(Of, Crypto, ::testing::ValuesIn(libraries()),
                         [](const auto& test) { return std::string{test.param.name}; });

} // namespace
} // namespace distworker
