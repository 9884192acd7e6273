// Rows T1 to T10: TLS that must not be trusted, on each combination of transport and TLS library.
#include "hostile_rig.hpp"

#include <openssl/ssl.h>

namespace distworker::testing {
namespace {

using ::testing::HasSubstr;

SSL_CTX* context_of(ws_server& server) {
    return static_cast<SSL_CTX*>(server.tls_context());
}

class Tls : public ::testing::TestWithParam<transport_kind> {
protected:
    meeting meet(const certificate& shown, const tls_options& tls, const std::string& host,
                 const std::function<void(SSL_CTX*)>& change = {}, worker_config config = impatient()) {
        ws_server server{&shown};
        if (change) {
            change(context_of(server));
        }
        hostile_rig rig{GetParam()};
        rig.host = host;
        return rig.meet(
            server,
            [&](ws_server& peer_of) {
                ws_peer& peer = peer_of.accept();
                try {
                    peer.upgrade();
                    peer.read_to_end();
                } catch (const std::exception&) { // there was none
                }
            },
            std::move(config), tls);
    }
    static void expect_fault(const meeting& seen, const char* name) {
        ASSERT_TRUE(seen.end);
        EXPECT_EQ(seen.end->cause, end_cause::transport) << seen.end->detail;
        EXPECT_THAT(seen.end->detail, HasSubstr(name));
        EXPECT_LE(seen.wait, 5s);
    }
};

TEST_P(Tls, T1_ExpiredCertificate) {
    const certificate expired{"DNS:localhost", {.begins = -2 * 24h, .ends = -24h}};
    expect_fault(meet(expired, {.ca_file = expired.file()}, "localhost"), "TLS_CERT_TIME");
}

TEST_P(Tls, T1_CertificateThatIsNotValidYet) {
    const certificate early{"DNS:localhost", {.begins = 24h, .ends = 48h}};
    expect_fault(meet(early, {.ca_file = early.file()}, "localhost"), "TLS_CERT_TIME");
}

TEST_P(Tls, T2_CertificateForAnotherName) {
    for (const char* names : {"DNS:other.example", "DNS:*.localhost", "DNS:*"}) {
        const certificate wrong{names};
        expect_fault(meet(wrong, {.ca_file = wrong.file()}, "localhost"), "TLS_HOST");
    }
}

TEST_P(Tls, T3_CertificateOfAnUnknownAuthority) {
    const certificate unknown{"DNS:localhost"};
    const certificate other{"DNS:localhost"};
    expect_fault(meet(unknown, {.ca_file = other.file()}, "localhost"), "TLS_CA");
}

TEST_P(Tls, T4_AddressThatIsNotInTheCertificate) {
    const certificate named{"DNS:localhost,DNS:127.0.0.1"};
    expect_fault(meet(named, {.ca_file = named.file()}, "127.0.0.1"), "TLS_HOST");
}

TEST_P(Tls, T5_OldVersionOfTls) {
    const certificate good{"DNS:localhost"};
    expect_fault(meet(good, {.ca_file = good.file()}, "localhost",
                      [](SSL_CTX* context) {
                          SSL_CTX_set_security_level(context, 0);
                          SSL_CTX_set_min_proto_version(context, TLS1_VERSION);
                          SSL_CTX_set_max_proto_version(context, TLS1_1_VERSION);
                      }),
                 "TLS_VERSION");
}

TEST_P(Tls, T6_HandshakeThatStalls) {
    ws_server server; // speaks nothing at all
    hostile_rig rig{GetParam()};
    worker_config config = impatient();
    config.connect_timeout = 300ms;
    config.controller = "https://127.0.0.1:" + std::to_string(server.port());
    const meeting seen = rig.meet_at(server, [](ws_server& peer_of) { peer_of.accept().read_to_end(); }, config);
    EXPECT_EQ(seen.end.value().cause, end_cause::timed_out) << seen.end->detail;
}

TEST_P(Tls, T7_EndWithoutAGoodbye) {
    const certificate good{"DNS:localhost"};
    ws_server server{&good};
    hostile_rig rig{GetParam()};
    rig.host = "localhost";
    const meeting seen = rig.meet(
        server,
        [](ws_server& peer_of) {
            ws_peer& peer = welcome(peer_of);
            peer.finish();
            peer.read_to_end();
        },
        impatient(), {.ca_file = good.file()});
    EXPECT_EQ(seen.end.value().cause, end_cause::peer_closed) << seen.end->detail;
}

TEST_P(Tls, T9_NoAuthoritiesToTrust) {
    const auto loop = GetParam().make_loop();
    const temporary_folder folder;
    const std::string empty = folder / "empty.pem";
    std::ofstream{empty}.flush();
    for (const std::string& file : {std::string{"/does/not/exist.pem"}, empty}) {
        const auto made = GetParam().connect(loop->get(), {.ca_file = file});
        ASSERT_FALSE(made);
        EXPECT_EQ(made.error().field, "ca_file");
    }
}

TEST_P(Tls, T10_ServerThatWantsACertificateOfOurs) {
    const certificate good{"DNS:localhost"};
    const auto demand = [](SSL_CTX* context) {
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    };
    expect_fault(meet(good, {.ca_file = good.file()}, "localhost", demand), "TLS_CLIENT_CERT");
}

// What the options are for

TEST_P(Tls, ShowsACertificateOfOurs) {
    const certificate good{"DNS:localhost"};
    const certificate ours{"DNS:worker"};
    ws_server server{&good};
    SSL_CTX_set_verify(context_of(server), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    ASSERT_EQ(SSL_CTX_load_verify_file(context_of(server), ours.file().c_str()), 1);
    hostile_rig rig{GetParam()};
    rig.host = "localhost";
    bool served = false;
    const meeting seen = rig.meet(
        server, [&](ws_server& peer_of) { served = serves(welcome(peer_of), "t"); }, impatient(),
        {.ca_file = good.file(), .certificate_file = ours.file(), .key_file = ours.key_file()});
    EXPECT_TRUE(served) << (seen.end ? seen.end->detail : "");
}

TEST_P(Tls, TrustsADirectoryOfAuthorities) {
    const certificate good{"DNS:localhost"};
    ws_server server{&good};
    hostile_rig rig{GetParam()};
    rig.host = "localhost";
    bool served = false;
    const std::string folder = std::filesystem::path{good.file()}.parent_path();
    const meeting seen = rig.meet(
        server, [&](ws_server& peer_of) { served = serves(welcome(peer_of), "t"); }, impatient(),
        {.ca_directory = folder});
    EXPECT_TRUE(served) << (seen.end ? seen.end->detail : "");
}

TEST_P(Tls, AcceptsThePinnedKeyAndNoOther) {
    const certificate good{"DNS:localhost"};
    const certificate other{"DNS:localhost"};
    for (const bool right : {true, false}) {
        ws_server server{&good};
        hostile_rig rig{GetParam()};
        rig.host = "localhost";
        bool served = false;
        const meeting seen = rig.meet(
            server,
            [&](ws_server& peer_of) {
                try {
                    served = serves(welcome(peer_of), "t");
                } catch (const std::exception&) { // refused
                }
            },
            impatient(), {.ca_file = good.file(), .pinned_public_key = (right ? good : other).pin()});
        EXPECT_EQ(served, right) << (seen.end ? seen.end->detail : "");
        if (!right) {
            expect_fault(seen, "TLS_PIN");
        }
    }
}

TEST_P(Tls, SkipsVerificationWhenItIsToldSo) {
    const certificate unknown{"DNS:other.example"};
    ws_server server{&unknown};
    hostile_rig rig{GetParam()};
    rig.host = "localhost";
    bool served = false;
    const meeting seen = rig.meet(
        server, [&](ws_server& peer_of) { served = serves(welcome(peer_of), "t"); }, impatient(),
        {.insecure_skip_verification = true});
    EXPECT_TRUE(served) << (seen.end ? seen.end->detail : "");
}

TEST_P(Tls, NamesTheOptionThatCannotBeUsed) {
    const certificate good{"DNS:localhost"};
    const certificate other{"DNS:localhost"};
    const auto loop = GetParam().make_loop();
    const std::pair<tls_options, const char*> cases[] = {
        {{.ca_directory = "/does/not/exist"}, "ca_directory"},
        {{.certificate_file = good.file()}, "key_file"},
        {{.key_file = good.key_file()}, "certificate_file"},
        {{.certificate_file = "/does/not/exist", .key_file = good.key_file()}, "certificate_file"},
        {{.certificate_file = good.file(), .key_file = "/does/not/exist"}, "key_file"},
        {{.pinned_public_key = "sha256//short"}, "pinned_public_key"},
        {{.pinned_public_key = good.pin().substr(2)}, "pinned_public_key"},
    };
    for (const auto& [options, field] : cases) {
        const auto made = GetParam().connect(loop->get(), options);
        ASSERT_FALSE(made) << field;
        EXPECT_EQ(made.error().field, field) << made.error().to_string();
    }
}

TEST_P(Tls, TellsAKeyOfAnotherCertificate) {
    const certificate ours{"DNS:worker"};
    const certificate other{"DNS:worker"};
    const tls_options mixed{.certificate_file = ours.file(), .key_file = other.key_file()};
    if (GetParam().compares_keys) {
        const auto loop = GetParam().make_loop();
        const auto made = GetParam().connect(loop->get(), mixed);
        ASSERT_FALSE(made);
        EXPECT_EQ(made.error().field, "key_file");
    } else {
        expect_fault(meet(ours, mixed, "localhost"), "TLS_");
    }
}

INSTANTIATE_TEST_SUITE_P(On, Tls, ::testing::ValuesIn(transport_kinds().begin(), transport_kinds().end()),
                         [](const auto& info) { return std::string{info.param.name}; });

} // namespace
} // namespace distworker::testing
