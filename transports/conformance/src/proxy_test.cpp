// The transports through an HTTP proxy, which is asked for a tunnel whatever comes behind it.
#include "transport_rig.hpp"

#include <stdlib.h>

namespace distworker::testing {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class TransportProxy : public transport_rig {
protected:
    [[nodiscard]] std::string address() const {
        return "http://127.0.0.1:" + std::to_string(server_->port());
    }
    void open_through_proxy(const std::string& url, const tls_options& tls = {},
                            const char* credentials = nullptr) {
        proxy_options proxy{.address = address()};
        if (credentials != nullptr) {
            proxy.credentials = std::make_shared<const secret>(std::string_view{credentials});
        }
        open(url, tls, proxy);
    }
    /// What the transport makes of a proxy that answers so.
    void answer_with(const std::string& text) {
        open_through_proxy("http://controller.example", {}, "user:canary-1f2e");
        play([&](ws_server& server) {
            ws_peer& peer = server.accept();
            peer.read_request();
            peer.write(text);
            peer.finish();
            peer.read_to_end();
        });
        EXPECT_THAT(told_.log, ElementsAre("closed"));
        EXPECT_EQ(told_.end.what, link_end::kind::connect) << told_.end.detail;
        EXPECT_THAT(told_.end.detail, AllOf(HasSubstr("proxy"), Not(HasSubstr("canary"))));
    }
};

std::vector<transport_kind> kinds_with_proxies() {
    std::vector<transport_kind> kinds;
    std::ranges::copy_if(transport_kinds(), std::back_inserter(kinds), &transport_kind::proxies);
    return kinds;
}
INSTANTIATE_TEST_SUITE_P(On, TransportProxy, ::testing::ValuesIn(kinds_with_proxies()),
                         [](const auto& test) { return std::string{test.param.name}; });

TEST_P(TransportProxy, LeadsToAControllerInTheClear) {
    std::string tunnel;
    std::string upgrade;
    told_.on_opened = [&] { stop(); };
    open_through_proxy("http://controller.example:81");
    play([&](ws_server& server) {
        ws_peer& peer = server.accept();
        tunnel = peer.read_request();
        peer.write("HTTP/1.1 200 Connection established\r\nVia: a proxy\r\n\r\n");
        upgrade = peer.upgrade();
    });
    EXPECT_THAT(told_.log, ElementsAre("opened"));
    EXPECT_TRUE(tunnel.starts_with("CONNECT controller.example:81 HTTP/1.1\r\n")) << tunnel;
    EXPECT_THAT(tunnel,
                AllOf(HasSubstr("\r\nHost: controller.example:81\r\n"), Not(HasSubstr("Authorization"))));
    EXPECT_TRUE(upgrade.starts_with("GET /worker/v1/ws HTTP/1.1\r\n")) << upgrade;
    EXPECT_THAT(upgrade, HasSubstr("\r\nHost: controller.example:81\r\n"));
}

TEST_P(TransportProxy, LeadsToAControllerBehindTls) {
    const certificate good{"DNS:controller.example"};
    const ws_server controller{&good}; // only its certificate is used
    told_.on_message = [&] { stop(); };
    open_through_proxy("https://controller.example", {.ca_file = good.file()});
    play([&](ws_server& server) {
        ws_peer& peer = server.accept();
        EXPECT_TRUE(peer.read_request().starts_with("CONNECT controller.example:443 HTTP/1.1\r\n"));
        peer.write("HTTP/1.0 200 OK\r\n\r\n");
        peer.begin_tls(controller);
        peer.upgrade();
        peer.send(ws_frame::binary, "through");
    });
    EXPECT_EQ(told_.messages.at(0).second, "through");
}

TEST_P(TransportProxy, SeesTheCredentialsAndTheControllerDoesNot) {
    std::string tunnel;
    std::string upgrade;
    told_.on_opened = [&] { stop(); };
    open_through_proxy("http://controller.example", {}, "user:pass:word");
    play([&](ws_server& server) {
        ws_peer& peer = server.accept();
        tunnel = peer.read_request();
        peer.write("HTTP/1.1 200 OK\r\n\r\n");
        upgrade = peer.upgrade();
    });
    EXPECT_THAT(tunnel, HasSubstr("\r\nProxy-Authorization: Basic dXNlcjpwYXNzOndvcmQ=\r\n"));
    EXPECT_THAT(upgrade, Not(HasSubstr("Authorization")));
}

TEST_P(TransportProxy, NamesAnAddressInBrackets) {
    std::string tunnel;
    open_through_proxy("http://[::1]:81");
    play([&](ws_server& server) {
        ws_peer& peer = server.accept();
        tunnel = peer.read_request();
        peer.finish();
        peer.read_to_end();
    });
    EXPECT_TRUE(tunnel.starts_with("CONNECT [::1]:81 HTTP/1.1\r\n")) << tunnel;
}

TEST_P(TransportProxy, IsNamedWhenItRefuses) {
    answer_with("HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=x\r\n"
                "Content-Length: 0\r\n\r\n");
    EXPECT_THAT(told_.end.detail, AllOf(HasSubstr("407"), HasSubstr("proxy_credentials_file")));
    told_ = {};
    answer_with("HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n");
    EXPECT_THAT(told_.end.detail, HasSubstr("502"));
}

TEST_P(TransportProxy, IsNamedWhenItSpeaksSomethingElse) {
    answer_with("SSH-2.0-OpenSSH_9.2\r\n\r\n");
    told_ = {};
    answer_with("HTTP/1.1 200 OK\r\nX-Large: " + std::string(500'000, 'x'));
}

TEST_P(TransportProxy, IsNamedWhenItGoes) {
    answer_with("");
    told_ = {};
    answer_with("HTTP/1.1 200 O");
    told_ = {};
    server_->close();
    open_through_proxy("http://controller.example");
    run_watched(*kind_);
    EXPECT_EQ(told_.end.what, link_end::kind::connect);
    EXPECT_THAT(told_.end.detail, AllOf(HasSubstr("127.0.0.1"), HasSubstr("refused")));
}

TEST_P(TransportProxy, SaysNothingMoreWhenItsSilenceIsAborted) {
    open_through_proxy("http://controller.example");
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

TEST_P(TransportProxy, OfTheEnvironmentIsNotUsed) {
    for (const char* name : {"http_proxy", "https_proxy", "ALL_PROXY"}) {
        ::setenv(name, "http://127.0.0.1:1", 1);
    }
    told_.on_opened = [&] { stop(); };
    open();
    play([](ws_server& server) { server.accept().upgrade(); });
    for (const char* name : {"http_proxy", "https_proxy", "ALL_PROXY"}) {
        ::unsetenv(name);
    }
    EXPECT_THAT(told_.log, ElementsAre("opened"));
}

TEST_P(TransportProxy, WithAnAddressThatIsNoneIsAFault) {
    for (const char* address : {"https://proxy:1", "proxy:1", "http://proxy", "http://user:canary@proxy:1",
                                "http://proxy:1/path", "http://proxy:99999"}) {
        const auto made = GetParam().connect(kind_->get(), {}, {.address = address});
        ASSERT_FALSE(made) << address;
        EXPECT_EQ(made.error().field, "proxy");
        EXPECT_THAT(made.error().to_string(), Not(HasSubstr("canary")));
    }
}

} // namespace
} // namespace distworker::testing
