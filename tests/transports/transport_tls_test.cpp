// The transports over TLS: certificates that are good, unknown, or for another name.
#include "transport_rig.hpp"

namespace distworker::testing {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

template <typename Kind>
class TransportTls : public transport_rig<Kind> {};
TYPED_TEST_SUITE(TransportTls, all_transports, transport_names);

TYPED_TEST(TransportTls, CarriesMessagesOverACertificateThatItTrusts) {
    const certificate good{"DNS:localhost,IP:127.0.0.1"};
    this->serve_tls(good);
    const std::string large = patterned(four_mebibytes);
    for (const char* host : {"localhost", "127.0.0.1"}) {
        this->told_ = {};
        this->told_.on_opened = [&] { this->send(large); };
        this->told_.on_message = [&] { this->stop(); };
        this->open_tls(host, {.ca_file = good.file()});
        this->play([&](ws_server& server) {
            ws_peer& peer = server.accept();
            peer.upgrade();
            peer.send(ws_frame::binary, peer.read_message().value().payload);
        });
        ASSERT_EQ(this->told_.messages.size(), 1U);
        EXPECT_TRUE(this->told_.messages[0].second == large);
    }
}

TYPED_TEST(TransportTls, ClosesInOrder) {
    const certificate good{"DNS:localhost"};
    this->serve_tls(good);
    this->told_.on_opened = [&] { this->close(1000); };
    this->open_tls("localhost", {.ca_file = good.file()});
    this->play([](ws_server& server) {
        ws_peer& peer = server.accept();
        peer.upgrade();
        peer.send(ws_frame::close, peer.read().value().payload);
        peer.hang_up();
    });
    EXPECT_EQ(this->told_.end.what, link_end::kind::closed);
}

TYPED_TEST(TransportTls, RefusesACertificateOfAnUnknownAuthority) {
    const certificate unknown{"DNS:localhost"};
    const certificate other{"DNS:localhost"};
    this->serve_tls(unknown);
    for (const std::string& trusted : {std::string{}, other.file()}) {
        this->told_ = {};
        this->open_tls("localhost", {.ca_file = trusted});
        this->play([](ws_server& server) { server.accept().read_to_end(); });
        EXPECT_THAT(this->told_.log, ElementsAre("closed"));
        EXPECT_EQ(this->told_.end.what, link_end::kind::tls);
        EXPECT_THAT(this->told_.end.detail, AllOf(HasSubstr("certificate"), HasSubstr("ca_file")));
    }
}

TYPED_TEST(TransportTls, RefusesACertificateForAnotherName) {
    const certificate wrong{"DNS:other.example,IP:127.0.0.2"};
    this->serve_tls(wrong);
    for (const char* host : {"localhost", "127.0.0.1"}) {
        this->told_ = {};
        this->open_tls(host, {.ca_file = wrong.file()});
        this->play([](ws_server& server) { server.accept().read_to_end(); });
        EXPECT_EQ(this->told_.end.what, link_end::kind::tls);
        EXPECT_THAT(this->told_.end.detail, HasSubstr("mismatch"));
    }
}

TYPED_TEST(TransportTls, TellsAServerThatSpeaksNoTls) {
    this->open("https://127.0.0.1:" + std::to_string(this->server_->port()));
    this->play([](ws_server& server) {
        ws_peer& peer = server.accept();
        peer.write("HTTP/1.1 400 Bad Request\r\n\r\n");
        peer.read_to_end();
    });
    EXPECT_THAT(this->told_.log, ElementsAre("closed"));
    EXPECT_EQ(this->told_.end.what, link_end::kind::tls);
    EXPECT_THAT(this->told_.end.detail, HasSubstr("TLS"));
}

TYPED_TEST(TransportTls, TellsACutWithoutGoodbye) {
    const certificate good{"DNS:localhost"};
    this->serve_tls(good);
    this->open_tls("localhost", {.ca_file = good.file()});
    this->play([&](ws_server& server) {
        ws_peer& peer = server.accept();
        peer.upgrade();
        this->await_told("opened");
        peer.finish();
    });
    EXPECT_THAT(this->told_.log, ElementsAre("opened", "closed"));
    EXPECT_EQ(this->told_.end.what, link_end::kind::lost);
}

TYPED_TEST(TransportTls, GoesInTheMiddleOfTheHandshake) {
    this->open("https://127.0.0.1:" + std::to_string(this->server_->port())); // a server that says nothing
    this->play([&](ws_server& server) {
        ws_peer& peer = server.accept();
        this->on_loop([&] { this->abort(); });
        peer.read_to_end();
        this->stop();
    });
    this->go();
    EXPECT_THAT(this->told_.log, IsEmpty());
}

TYPED_TEST(TransportTls, FailsWithoutAuthoritiesRatherThanTrustEverybody) {
    const auto made = TypeParam::connect(this->kind_->get(), {.ca_file = "/does/not/exist.pem"});
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().field, "ca_file");
}

} // namespace
} // namespace distworker::testing
