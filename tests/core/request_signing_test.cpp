#include "core/failing_crypto.hpp"
#include "support/vectors.hpp"

#include <distworker/openssl_crypto.hpp>
#include <distworker/request_signing.hpp>

#include <gtest/gtest.h>

#include <deque>

namespace distworker {
namespace {

using testing::failing_crypto;
using testing::load_vectors;

// A request that owns its text; `view` is valid as long as it lives.
struct owned_request {
    std::string method, path, query;
    std::deque<std::string> texts{};
    std::vector<http_header> headers{};

    void add(std::string name, std::string value) {
        const std::string& kept_name = texts.emplace_back(std::move(name));
        const std::string& kept_value = texts.emplace_back(std::move(value));
        headers.push_back({kept_name, kept_value});
    }
    [[nodiscard]] http_request view() const { return {method, path, query, headers}; }
};

TEST(RequestSigningVectors, CanonicalRequestSignatureAndAuthorization) {
    const auto crypto = make_openssl_crypto();
    for (const auto& c : load_vectors("http_signatures.json")) {
        owned_request request{.method = c.at("method").get<std::string>(),
                              .path = c.at("path").get<std::string>(),
                              .query = c.at("query").get<std::string>()};
        for (const auto& [name, value] : c.at("headers").items()) {
            request.add(name, value.get<std::string>());
        }
        SCOPED_TRACE(c.at("canonical_request").get<std::string>());
        const secret token{c.at("token").get<std::string>()};
        const auto made = sign_request(*crypto, token, c.at("worker_id").get<std::string>(), request.view());
        ASSERT_TRUE(made.has_value());
        EXPECT_EQ(made->canonical, c.at("canonical_request").get<std::string>());
        EXPECT_EQ(made->signed_headers, c.at("signed_headers").get<std::string>());
        EXPECT_EQ(made->signature_hex, c.at("signature_hex").get<std::string>());
        EXPECT_EQ(made->authorization, c.at("authorization").get<std::string>());

        const auto claimed = parse_authorization(made->authorization);
        ASSERT_TRUE(claimed.has_value());
        EXPECT_EQ(claimed->worker_id, c.at("worker_id").get<std::string>());
        EXPECT_EQ(verify_request(*crypto, token, request.view(), *claimed), true);
    }
}

TEST(RequestSigning, VerificationSeesEveryChange) {
    const auto crypto = make_openssl_crypto();
    const secret token{"token"};
    owned_request request{"GET", "/worker/v1/file/a", "x=1"};
    request.add("X-DistWorker-Date", "20250101T000000Z");
    request.add("Accept", "*/*");
    const auto made = sign_request(*crypto, token, "worker", request.view());
    ASSERT_TRUE(made.has_value());
    const auto claimed = parse_authorization(made->authorization);
    ASSERT_TRUE(claimed.has_value());

    const auto verify = [&](const owned_request& changed) {
        return verify_request(*crypto, token, changed.view(), *claimed);
    };
    EXPECT_EQ(verify(request), true);
    owned_request unsigned_header = request;
    unsigned_header.headers[1].value = "text/html";
    EXPECT_EQ(verify(unsigned_header), true);
    owned_request other_method = request;
    other_method.method = "PUT";
    EXPECT_EQ(verify(other_method), false);
    owned_request other_path = request;
    other_path.path = "/worker/v1/file/b";
    EXPECT_EQ(verify(other_path), false);
    owned_request other_query = request;
    other_query.query = "x=2";
    EXPECT_EQ(verify(other_query), false);
    owned_request other_time = request;
    other_time.headers[0].value = "20250101T000001Z";
    EXPECT_EQ(verify(other_time), false);
    owned_request another_header = request;
    another_header.add("x-distworker-more", "1");
    EXPECT_EQ(verify(another_header), false);
    EXPECT_EQ(verify_request(*crypto, secret{"other"}, request.view(), *claimed), false);

    authorization_parts fewer = *claimed;
    fewer.signed_headers = "";
    EXPECT_EQ(verify_request(*crypto, token, request.view(), fewer), false);
}

TEST(RequestSigning, AFailureAtEachLinkOfTheChainIsAValueWithItsReason) {
    owned_request request{"GET", "/", ""};
    request.add("x-distworker-date", "20250101T000000Z");
    for (int sound = 0; sound < 3; ++sound) {
        const auto made = sign_request(failing_crypto{sound}, secret{"canary-token"}, "w", request.view());
        ASSERT_FALSE(made.has_value()) << sound;
        EXPECT_EQ(made.error().what, signing_error::kind::crypto_failed);
        EXPECT_NE(made.error().message.find("no entropy in the test"), std::string::npos);
        EXPECT_EQ(made.error().message.find("canary"), std::string::npos);
        EXPECT_FALSE(verify_request(failing_crypto{sound}, secret{"t"}, request.view(), {}).has_value());
    }
}

TEST(RequestSigning, HeadersOfOneNameStayInTheirOrder) {
    owned_request request{"g[e{t", "/", ""}; // what stands beside the letters is no letter
    request.add("X-Distworker-B", " 2\t");
    request.add("x-distworker-b", "1");
    request.add("x-distworker-a", "");
    request.add("x-distwork", "not signed");
    const canonical_form form = canonical_request(request.view());
    EXPECT_EQ(form.text, "G[E{T\n/\n\nx-distworker-a:\nx-distworker-b:2\nx-distworker-b:1\n\n"
                         "x-distworker-a;x-distworker-b;x-distworker-b\nUNSIGNED-PAYLOAD");
}

TEST(RequestSigning, ReadsOnlyItsOwnAuthorization) {
    const std::string hex(64, 'a');
    const std::string good = "DISTWORKER1_HMAC_SHA256 workerId=w-1, SignedHeaders=a;b, Signature=" + hex;
    const auto parts = parse_authorization(good);
    ASSERT_TRUE(parts.has_value());
    EXPECT_EQ(parts->worker_id, "w-1");
    EXPECT_EQ(parts->signed_headers, "a;b");
    EXPECT_EQ(parts->signature_hex, hex);
    for (const std::string& bad :
         {std::string{}, std::string{"Bearer x"}, "DISTWORKER2_HMAC_SHA256" + good.substr(23), good + "a",
          good.substr(0, good.size() - 1), good.substr(0, good.size() - 1) + "A",
          "DISTWORKER1_HMAC_SHA256 WorkerId=w-1, SignedHeaders=a, Signature=" + hex,
          "DISTWORKER1_HMAC_SHA256 workerId=w-1,SignedHeaders=a,Signature=" + hex,
          "DISTWORKER1_HMAC_SHA256 workerId=w-1, Signature=" + hex,
          "DISTWORKER1_HMAC_SHA256 workerId=w-1, SignedHeaders=a, signature=" + hex}) {
        EXPECT_FALSE(parse_authorization(bad).has_value()) << bad;
    }
}

TEST(Hex, IsLowerCase) {
    EXPECT_EQ(to_hex(testing::from_hex("00ff1aB2")), "00ff1ab2");
    EXPECT_EQ(to_hex({}), "");
}

} // namespace
} // namespace distworker
