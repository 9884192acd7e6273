// Rows T1 to T10: TLS that must not be trusted, on each combination of transport and TLS library.
#include "hostile_rig.hpp"

#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

namespace distworker::testing {
namespace {

using ::testing::HasSubstr;

SSL_CTX* context_of(ws_server& server) {
    return static_cast<SSL_CTX*>(server.tls_context());
}

// Ciphers as a hello names them (RFC 5289, RFC 2246).
constexpr std::uint16_t ecdsa_aes128_gcm = 0xC02B;
constexpr std::uint16_t export_rc4 = 0x0003;

std::string big_endian(std::size_t number, unsigned size) {
    std::string text;
    for (unsigned i = size; i-- > 0;) {
        text += static_cast<char>(number >> (8 * i));
    }
    return text;
}
// The first words of a server that speaks TLS 1.2, in the clear as they always are.
std::string server_hello(std::uint16_t cipher, const std::string& extensions) {
    std::string hello = "\x03\x03" + std::string(32, 'r') + std::string(1, '\0') + big_endian(cipher, 2) +
                        std::string(1, '\0') + big_endian(extensions.size(), 2) + extensions;
    hello = "\x02" + big_endian(hello.size(), 3) + hello;
    return "\x16\x03\x03" + big_endian(hello.size(), 2) + hello;
}

class Tls : public ::testing::TestWithParam<transport_kind> {
protected:
    /// What a worker makes of bytes for an answer to its hello.
    static meeting answered_by(const std::string& bytes) {
        const certificate any{"DNS:localhost"};
        ws_server server;
        hostile_rig rig{GetParam()};
        rig.scheme = "https";
        return rig.meet(server,
                        [&](ws_server& peer_of) {
                            ws_peer& peer = peer_of.accept();
                            peer.write(bytes);
                            peer.read_to_end();
                        },
                        patient(), {.ca_file = any.file()});
    }
    meeting meet(const certificate& shown, const tls_options& tls, const std::string& host,
                 const std::function<void(SSL_CTX*)>& change = {}, worker_config config = patient()) {
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

TEST_P(Tls, T4_AddressThatIsInTheCertificate) {
    const certificate good{"IP:127.0.0.1"};
    ws_server server{&good};
    hostile_rig rig{GetParam()};
    bool served = false;
    const meeting seen =
        rig.visit(server, [&](ws_server& peer_of) { served = serves(welcome(peer_of), "t"); }, patient(),
                  {.ca_file = good.file()});
    EXPECT_TRUE(served) << (seen.end ? seen.end->detail : "");
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

TEST_P(Tls, T5_CipherOfTheExportKind) {
    expect_fault(answered_by(server_hello(export_rc4, {})), "TLS_VERSION");
}

TEST_P(Tls, T6_ChainOfAMebibyte) {
    std::string names = "DNS:localhost";
    for (int i = 0; i < 3000; ++i) {
        names += ",DNS:name-" + std::to_string(i) + ".example";
    }
    const certificate large{names};
    const auto chain = [&](SSL_CTX* context) {
        const std::unique_ptr<BIO, decltype(&BIO_free)> file{BIO_new_file(large.file().c_str(), "r"),
                                                             &BIO_free};
        const std::unique_ptr<X509, decltype(&X509_free)> more{
            PEM_read_bio_X509(file.get(), nullptr, nullptr, nullptr), &X509_free};
        const int size = i2d_X509(more.get(), nullptr);
        for (int sent = 0; sent < 1 << 20; sent += size) {
            ASSERT_EQ(SSL_CTX_add1_chain_cert(context, more.get()), 1);
        }
    };
    expect_fault(meet(large, {.ca_file = large.file()}, "localhost", chain), "TLS_");
}

TEST_P(Tls, T6_HandshakeThatStalls) {
    const certificate any{"DNS:localhost"};
    ws_server server; // speaks nothing at all
    hostile_rig rig{GetParam()};
    worker_config config = patient();
    config.connect_timeout = 300ms;
    rig.scheme = "https";
    const meeting seen = rig.meet(server, [](ws_server& peer_of) { peer_of.accept().read_to_end(); }, config,
                                  {.ca_file = any.file()});
    EXPECT_EQ(seen.end.value().cause, end_cause::timed_out) << seen.end->detail;
}

TEST_P(Tls, T7_EndWithoutAGoodbye) {
    const certificate good{"DNS:localhost"};
    ws_server server{&good};
    hostile_rig rig{GetParam()};
    rig.host = "localhost";
    const meeting seen = rig.meet(server,
                                  [](ws_server& peer_of) {
                                      ws_peer& peer = welcome(peer_of);
                                      peer.finish();
                                      peer.read_to_end();
                                  },
                                  patient(), {.ca_file = good.file()});
    EXPECT_EQ(seen.end.value().cause, end_cause::peer_closed) << seen.end->detail;
}

TEST_P(Tls, T8_ProtocolThatWasNotOffered) {
    const std::string alpn_h2{"\x00\x10\x00\x05\x00\x03\x02h2", 9};
    expect_fault(answered_by(server_hello(ecdsa_aes128_gcm, alpn_h2)), "TLS_ALPN");
}

TEST_P(Tls, T9_NoAuthoritiesToTrust) {
    const auto loop = GetParam().make_loop();
    const temporary_folder folder;
    const std::string empty = folder / "empty.pem";
    std::ofstream{empty}.flush();
    for (const std::string& file : {std::string{"/does/not/exist.pem"}, empty}) {
        const auto made = GetParam().connect(loop->get(), {.ca_file = file}, {});
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
    const meeting seen =
        rig.visit(server, [&](ws_server& peer_of) { served = serves(welcome(peer_of), "t"); }, patient(),
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
    const meeting seen =
        rig.visit(server, [&](ws_server& peer_of) { served = serves(welcome(peer_of), "t"); }, patient(),
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
        const meeting seen =
            rig.meet(server,
                     [&](ws_server& peer_of) {
                         try {
                             ws_peer& peer = welcome(peer_of);
                             served = serves(peer, "t");
                             peer.finish();
                         } catch (const std::exception&) { // refused
                         }
                     },
                     patient(), {.ca_file = good.file(), .pinned_public_key = (right ? good : other).pin()});
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
    const meeting seen =
        rig.visit(server, [&](ws_server& peer_of) { served = serves(welcome(peer_of), "t"); }, patient(),
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
        const auto made = GetParam().connect(loop->get(), options, {});
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
        const auto made = GetParam().connect(loop->get(), mixed, {});
        ASSERT_FALSE(made);
        EXPECT_EQ(made.error().field, "key_file");
    } else {
        expect_fault(meet(ours, mixed, "localhost"), "TLS_");
    }
}

INSTANTIATE_TEST_SUITE_P(On, Tls, ::testing::ValuesIn(transport_kinds().begin(), transport_kinds().end()),
                         [](const auto& test) { return std::string{test.param.name}; });

} // namespace
} // namespace distworker::testing
