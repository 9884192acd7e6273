// The transports up to the open connection: names, TCP, the upgrade and what may come instead.
#include "transport_rig.hpp"

namespace distworker::testing {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class TransportConnect : public transport_rig {};
DISTWORKER_ON_EACH_TRANSPORT(TransportConnect);

TEST_P(TransportConnect, UpgradesWithAProperRequest) {
    std::string request;
    told_.on_opened = [&] { stop(); };
    open();
    play([&](ws_server& server) { request = server.accept().upgrade(); });
    EXPECT_THAT(told_.log, ElementsAre("opened"));
    EXPECT_TRUE(request.starts_with("GET /worker/v1/ws HTTP/1.1\r\n")) << request;
    EXPECT_THAT(request, AllOf(HasSubstr("\r\nHost: 127.0.0.1:" + std::to_string(server_->port()) + "\r\n"),
                               HasSubstr("\r\nSec-WebSocket-Version: 13\r\n"),
                               HasSubstr("\r\nUser-Agent: distworker-cpp/")));
}

TEST_P(TransportConnect, FindsTheHostByItsName) {
    told_.on_opened = [&] { stop(); };
    open("http://localhost:" + std::to_string(server_->port()));
    play([&](ws_server& server) { server.accept().upgrade(); });
    EXPECT_THAT(told_.log, ElementsAre("opened"));
}

TEST_P(TransportConnect, SaysThatAHostHasNoAddress) {
    open("http://" + std::string(63, 'x') + "." + std::string(63, 'y') + ".invalid");
    run_watched(*kind_);
    EXPECT_EQ(told_.end.what, link_end::kind::name_resolution);
    EXPECT_THAT(told_.end.detail, HasSubstr("yyy.invalid"));
}

TEST_P(TransportConnect, SaysThatTheConnectionWasRefused) {
    server_->close();
    open();
    run_watched(*kind_);
    EXPECT_THAT(told_.log, ElementsAre("closed"));
    EXPECT_EQ(told_.end.what, link_end::kind::connect);
    EXPECT_THAT(told_.end.detail, AllOf(HasSubstr("127.0.0.1"), HasSubstr(std::to_string(server_->port())),
                                        HasSubstr("refused")));
}

TEST_P(TransportConnect, TellsWhatTheServerAnsweredInsteadOfAnUpgrade) {
    open();
    play([](ws_server& server) {
        ws_peer& peer = server.accept();
        peer.read_request();
        peer.write("HTTP/1.1 429 Too Many Requests\r\nRetry-After: 7\r\nContent-Length: 4\r\n\r\nslow");
        peer.read_to_end();
    });
    EXPECT_THAT(told_.log, ElementsAre("closed"));
    EXPECT_EQ(told_.end.what, link_end::kind::upgrade);
    EXPECT_EQ(told_.end.http_status, 429);
    EXPECT_EQ(told_.end.retry_after, std::chrono::seconds{7});
    EXPECT_THAT(told_.end.detail, HasSubstr("429"));
}

TEST_P(TransportConnect, NamesTheRemedyForTheAnswersThatAreKnown) {
    const std::pair<const char*, const char*> cases[] = {
        {"404 Not Found\r\n", "/worker/v1/ws"},
        {"401 Unauthorized\r\n", "refuses this client"},
        {"302 Found\r\nLocation: https://user:pass@else.example/x?secret=1\r\n", "redirect to else.example "},
        {"200 OK\r\n", "no WebSocket endpoint"},
    };
    for (const auto& [answer, remedy] : cases) {
        told_ = {};
        open();
        play([&](ws_server& server) {
            ws_peer& peer = server.accept();
            peer.read_request();
            peer.write("HTTP/1.1 " + std::string{answer} + "Content-Length: 0\r\n\r\n");
            peer.read_to_end();
        });
        EXPECT_EQ(told_.end.what, link_end::kind::upgrade);
        EXPECT_THAT(told_.end.detail, HasSubstr(remedy));
    }
}

TEST_P(TransportConnect, ReadsDatesOfTheAnswer) {
    open();
    play([](ws_server& server) {
        ws_peer& peer = server.accept();
        peer.read_request();
        peer.write("HTTP/1.1 503 Busy\r\nRetry-After: Fri, 01 Jan 2100 00:00:00 GMT\r\n"
                   "Date: Thu, 01 Jan 1970 00:00:00 GMT\r\nContent-Length: 0\r\n\r\n");
        peer.read_to_end();
    });
    EXPECT_GT(told_.end.retry_after.value(), std::chrono::hours{24});
    EXPECT_LT(told_.end.clock_skew.value(), std::chrono::hours{-24});
}

TEST_P(TransportConnect, RefusesAnUpgradeThatWasNotItsOwn) {
    open();
    play([](ws_server& server) {
        ws_peer& peer = server.accept();
        peer.read_request();
        peer.write("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                   "Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n");
        peer.read_to_end();
    });
    EXPECT_THAT(told_.log, ElementsAre("closed"));
    EXPECT_EQ(told_.end.what, link_end::kind::upgrade);
}

TEST_P(TransportConnect, TellsAServerThatSpeaksNoHttp) {
    open();
    play([](ws_server& server) {
        ws_peer& peer = server.accept();
        peer.read_request();
        peer.write("SSH-2.0-OpenSSH_9.2\r\n\r\n");
        peer.read_to_end();
    });
    EXPECT_THAT(told_.log, ElementsAre("closed"));
    EXPECT_EQ(told_.end.what, link_end::kind::upgrade);
    EXPECT_EQ(told_.end.http_status, 0);
}

TEST_P(TransportConnect, TellsAConnectionThatEndedBeforeTheAnswer) {
    for (const bool in_order : {true, false}) {
        told_ = {};
        open();
        play([&](ws_server& server) {
            ws_peer& peer = server.accept();
            peer.read_request();
            in_order ? peer.finish() : peer.reset();
        });
        EXPECT_THAT(told_.log, ElementsAre("closed"));
        EXPECT_EQ(told_.end.what, link_end::kind::connect) << told_.end.detail;
    }
}

TEST_P(TransportConnect, SaysNothingMoreWhenASilentHandshakeIsAborted) {
    open();
    play([&](ws_server& server) {
        ws_peer& peer = server.accept();
        peer.read_request();
        on_loop([&] { abort(); });
        peer.read_to_end();
        on_loop([&] { stop(); });
    });
    settle();
    EXPECT_THAT(told_.log, IsEmpty());
}

} // namespace
} // namespace distworker::testing
