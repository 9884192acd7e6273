#include "core/failing_crypto.hpp"
#include "support/vectors.hpp"

#include <distworker/openssl_crypto.hpp>
#include <distworker/request_signing.hpp>
#include <distworker/signing.hpp>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <clocale>
#include <cstdlib>

namespace distworker {
namespace {

using namespace std::chrono_literals;
using testing::failing_crypto;
using testing::from_hex;
using testing::load_vectors;

wall_time at(int year, unsigned month, unsigned day, std::chrono::milliseconds time = 0ms) {
    return std::chrono::sys_days{std::chrono::year{year} / static_cast<int>(month) / static_cast<int>(day)} +
           time;
}

TEST(SigningVectors, EveryLinkOfTheChain) {
    const auto crypto = make_openssl_crypto();
    for (const auto& c : load_vectors("websocket_signatures.json")) {
        const secret token{c.at("token").get<std::string>()};
        const auto date = c.at("date").get<std::string>();
        const auto data = from_hex(c.at("data_hex").get<std::string>());
        SCOPED_TRACE(date + ", " + std::to_string(token.size()) + " bytes of token");

        const auto day_key = date_key(*crypto, token, date);
        ASSERT_TRUE(day_key.has_value());
        EXPECT_EQ(to_hex(day_key->bytes()), c.at("date_key_hex").get<std::string>());
        const auto key = signing_key(*crypto, *day_key, websocket_scope);
        ASSERT_TRUE(key.has_value());
        EXPECT_EQ(to_hex(key->bytes()), c.at("signing_key_hex").get<std::string>());
        const auto signature = sign_registration(*crypto, token, date, data);
        ASSERT_TRUE(signature.has_value());
        EXPECT_EQ(to_hex(*signature), c.at("signature_hex").get<std::string>());

        EXPECT_EQ(verify_registration(*crypto, token, date, data, *signature), true);
        auto sign = make_signer(crypto, token.copy());
        EXPECT_EQ(sign(date, data), *signature);
    }
}

TEST(Signing, VerificationSeesEveryChange) {
    const auto crypto = make_openssl_crypto();
    const secret token{"token"};
    const auto data = from_hex("0102");
    const auto good = sign_registration(*crypto, token, "20250101T000000Z", data);
    ASSERT_TRUE(good.has_value());
    for (std::size_t i = 0; i < good->size(); ++i) {
        digest32 bad = *good;
        bad[i] ^= std::byte{1};
        EXPECT_EQ(verify_registration(*crypto, token, "20250101T000000Z", data, bad), false);
    }
    EXPECT_EQ(verify_registration(*crypto, secret{"tokem"}, "20250101T000000Z", data, *good), false);
    EXPECT_EQ(verify_registration(*crypto, token, "20250102T000000Z", data, *good), false);
    EXPECT_EQ(verify_registration(*crypto, token, "20250101T000000Z", from_hex("0103"), *good), false);
    EXPECT_EQ(verify_registration(*crypto, token, "20250101T000000Z", data, std::span{*good}.first(31)),
              false);
    EXPECT_EQ(verify_registration(*crypto, token, "20250101T000000Z", data, {}), false);
}

TEST(Signing, AFailureAtEachLinkOfTheChainIsAValueWithItsReason) {
    for (int sound = 0; sound < 3; ++sound) {
        const auto signature =
            sign_registration(failing_crypto{sound}, secret{"canary-token"}, "20250101T000000Z", {});
        ASSERT_FALSE(signature.has_value()) << sound;
        EXPECT_EQ(signature.error().what, signing_error::kind::crypto_failed);
        EXPECT_NE(signature.error().message.find("no entropy in the test"), std::string::npos);
        EXPECT_EQ(signature.error().message.find("canary"), std::string::npos);
        EXPECT_FALSE(
            verify_registration(failing_crypto{sound}, secret{"t"}, "20250101T000000Z", {}, digest32{})
                .has_value());
    }
    EXPECT_TRUE(sign_registration(failing_crypto{3}, secret{"t"}, "20250101T000000Z", {}).has_value());
}

TEST(SigningDate, IsUtcAndExact) {
    EXPECT_EQ(signing_date(at(2024, 2, 29, 23h + 59min + 59s + 999ms))->view(), "20240229T235959Z");
    EXPECT_EQ(signing_date(at(2020, 1, 1))->view(), "20200101T000000Z");
    EXPECT_EQ(signing_date(at(9999, 12, 31, 24h - 1ms))->view(), "99991231T235959Z");
}

TEST(SigningDate, RefusesAClockThatIsNotSet) {
    for (const wall_time wrong : {at(1970, 1, 1), at(2019, 12, 31, 24h - 1ms), at(10000, 1, 1),
                                  wall_time::min(), wall_time::max(), at(-5, 1, 1)}) {
        const auto date = signing_date(wrong);
        ASSERT_FALSE(date.has_value());
        EXPECT_EQ(date.error().what, signing_error::kind::clock_not_set);
        EXPECT_NE(date.error().message.find("clock not set"), std::string::npos);
    }
}

TEST(SigningDate, ForgetsTimeZoneAndLocale) {
    const char* before = std::getenv("TZ");
    const std::string saved = before == nullptr ? "" : before;
    ::setenv("TZ", "Asia/Seoul", 1);
    std::setlocale(LC_ALL, "");
    EXPECT_EQ(signing_date(at(2025, 3, 30, 1h))->view(), "20250330T010000Z");
    std::setlocale(LC_ALL, "C");
    saved.empty() ? ::unsetenv("TZ") : ::setenv("TZ", saved.c_str(), 1);
}

TEST(SigningDate, ReadsBackOnlyWhatItWrites) {
    EXPECT_EQ(parse_signing_date("20240229T235959Z"), at(2024, 2, 29, 23h + 59min + 59s));
    for (const std::string_view bad :
         {"", "20240229T235959", "20240229T235959z", "20240229 235959Z", "20230229T000000Z",
          "20241301T000000Z", "20240100T000000Z", "20240101T240000Z", "20240101T006000Z", "20240101T000060Z",
          "2024010aT000000Z", "+0240101T000000Z", "20240101T000000ZZ", "20240101T0000 0Z", "20240/01T000000Z",
          "20240101T0:0000Z", "20240101T000x00Z", "20240101T00000-Z"}) {
        EXPECT_FALSE(parse_signing_date(bad).has_value()) << bad;
    }
}

RC_GTEST_PROP(SigningDate, RoundTrips, ()) {
    const auto seconds = *rc::gen::inRange<std::int64_t>(at(2020, 1, 1).time_since_epoch() / 1s,
                                                         at(10000, 1, 1).time_since_epoch() / 1s);
    const wall_time when{std::chrono::seconds{seconds}};
    const auto text = signing_date(when + std::chrono::milliseconds{*rc::gen::inRange(0, 1000)});
    RC_ASSERT(text.has_value());
    RC_ASSERT(parse_signing_date(text->view()) == when);
}

} // namespace
} // namespace distworker
