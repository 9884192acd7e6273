// The transports over TLS: certificates that are good, unknown, or for another name.
#include "transport_rig.hpp"

namespace distworker::testing {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class TransportTls : public transport_rig {};
DISTWORKER_ON_EACH_TRANSPORT(TransportTls);

TEST_P(TransportTls, CarriesMessagesOverACertificateThatItTrusts) {
    const certificate good{"DNS:localhost,IP:127.0.0.1"};
    serve_tls(good);
    const std::string large = patterned(four_mebibytes);
    for (const char* host : {"localhost", "127.0.0.1"}) {
        told_ = {};
        told_.on_opened = [&] { send(large); };
        told_.on_message = [&] { stop(); };
        open_tls(host, {.ca_file = good.file()});
        play([&](ws_server& server) {
            ws_peer& peer = server.accept();
            peer.upgrade();
            peer.send(ws_frame::binary, peer.read_message().value().payload);
        });
        ASSERT_EQ(told_.messages.size(), 1U);
        EXPECT_TRUE(told_.messages[0].second == large);
    }
}

TEST_P(TransportTls, ClosesInOrder) {
    const certificate good{"DNS:localhost"};
    serve_tls(good);
    told_.on_opened = [&] { close(1000); };
    open_tls("localhost", {.ca_file = good.file()});
    play([](ws_server& server) {
        ws_peer& peer = server.accept();
        peer.upgrade();
        peer.send(ws_frame::close, peer.read().value().payload);
        peer.hang_up();
    });
    EXPECT_EQ(told_.end.what, link_end::kind::closed);
}

TEST_P(TransportTls, RefusesACertificateOfAnUnknownAuthority) {
    const certificate unknown{"DNS:localhost"};
    const certificate other{"DNS:localhost"};
    serve_tls(unknown);
    for (const std::string& trusted : {std::string{}, other.file()}) {
        told_ = {};
        open_tls("localhost", {.ca_file = trusted});
        play([](ws_server& server) { server.accept().read_to_end(); });
        EXPECT_THAT(told_.log, ElementsAre("closed"));
        EXPECT_EQ(told_.end.what, link_end::kind::tls);
        EXPECT_THAT(told_.end.detail, AllOf(HasSubstr("certificate"), HasSubstr("ca_file")));
    }
}

TEST_P(TransportTls, RefusesACertificateForAnotherName) {
    const certificate wrong{"DNS:other.example,IP:127.0.0.2"};
    serve_tls(wrong);
    for (const char* host : {"localhost", "127.0.0.1"}) {
        told_ = {};
        open_tls(host, {.ca_file = wrong.file()});
        play([](ws_server& server) { server.accept().read_to_end(); });
        EXPECT_EQ(told_.end.what, link_end::kind::tls);
        EXPECT_THAT(told_.end.detail, HasSubstr("mismatch"));
    }
}

TEST_P(TransportTls, TellsAServerThatSpeaksNoTls) {
    open("https://127.0.0.1:" + std::to_string(server_->port()));
    play([](ws_server& server) {
        ws_peer& peer = server.accept();
        peer.write("HTTP/1.1 400 Bad Request\r\n\r\n");
        peer.read_to_end();
    });
    EXPECT_THAT(told_.log, ElementsAre("closed"));
    EXPECT_EQ(told_.end.what, link_end::kind::tls);
    EXPECT_THAT(told_.end.detail, HasSubstr("TLS"));
}

TEST_P(TransportTls, TellsACutWithoutGoodbye) {
    const certificate good{"DNS:localhost"};
    serve_tls(good);
    open_tls("localhost", {.ca_file = good.file()});
    play([&](ws_server& server) {
        ws_peer& peer = server.accept();
        peer.upgrade();
        await_told("opened");
        peer.finish();
    });
    EXPECT_THAT(told_.log, ElementsAre("opened", "closed"));
    EXPECT_EQ(told_.end.what, link_end::kind::lost);
}

TEST_P(TransportTls, GoesInTheMiddleOfTheHandshake) {
    open("https://127.0.0.1:" + std::to_string(server_->port())); // a server that says nothing
    play([&](ws_server& server) {
        ws_peer& peer = server.accept();
        on_loop([&] { abort(); });
        peer.read_to_end();
        stop();
    });
    go();
    EXPECT_THAT(told_.log, IsEmpty());
}

TEST_P(TransportTls, FailsWithoutAuthoritiesRatherThanTrustEverybody) {
    const auto made = GetParam().connect(kind_->get(), {.ca_file = "/does/not/exist.pem"}, {});
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().field, "ca_file");
}

} // namespace
} // namespace distworker::testing
