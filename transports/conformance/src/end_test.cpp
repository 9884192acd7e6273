// How connections of the transports end: closes, cuts, violations, and going at any time.
#include "transport_rig.hpp"

namespace distworker::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class TransportEnd : public transport_rig {};
DISTWORKER_ON_EACH_TRANSPORT(TransportEnd);

// Closing

TEST_P(TransportEnd, TellsTheCodeThatThePeerClosedWith) {
    for (const std::uint16_t code : std::vector<std::uint16_t>{1000, 1001, 1011, 1013, 3000, 4001}) {
        told_ = {};
        open();
        play([&](ws_server& server) {
            ws_peer& peer = server.accept();
            peer.upgrade();
            const std::string payload{static_cast<char>(code >> 8U), static_cast<char>(code & 0xFFU)};
            peer.send(ws_frame::close, payload + "because");
            const auto answer = peer.read().value();
            EXPECT_EQ(answer.opcode, ws_frame::close);
            EXPECT_EQ(answer.payload.substr(0, 2), payload);
            peer.hang_up();
        });
        EXPECT_THAT(told_.log, ElementsAre("opened", "closed"));
        EXPECT_EQ(told_.end.what, link_end::kind::peer_close);
        EXPECT_EQ(told_.end.close_code, code);
    }
}

TEST_P(TransportEnd, TellsACloseWithoutACode) {
    open();
    play([](ws_server& server) {
        ws_peer& peer = server.accept();
        peer.upgrade();
        peer.send(ws_frame::close, "");
        peer.hang_up();
    });
    EXPECT_EQ(told_.end.what, link_end::kind::peer_close);
    EXPECT_EQ(told_.end.close_code, 1005);
}

TEST_P(TransportEnd, ClosesWithTheCodeThatItWasGiven) {
    told_.on_opened = [&] { close(1001); };
    open();
    play([](ws_server& server) {
        ws_peer& peer = server.accept();
        peer.upgrade();
        const auto frame = peer.read().value();
        EXPECT_EQ(frame.opcode, ws_frame::close);
        EXPECT_EQ(frame.payload.substr(0, 2), std::string("\x03\xE9"));
        peer.send(ws_frame::close, frame.payload);
        peer.hang_up();
    });
    EXPECT_THAT(told_.log, ElementsAre("opened", "closed"));
    EXPECT_EQ(told_.end.what, link_end::kind::closed);
}

TEST_P(TransportEnd, IsDoneWithItsCloseWhenThePeerJustGoes) {
    for (const bool in_order : {true, false}) {
        told_ = {};
        told_.on_opened = [&] { close(1000); };
        open();
        play([&](ws_server& server) {
            ws_peer& peer = server.accept();
            peer.upgrade();
            EXPECT_EQ(peer.read().value().opcode, ws_frame::close);
            in_order ? peer.finish() : peer.reset();
        });
        EXPECT_THAT(told_.log, ElementsAre("opened", "closed"));
        EXPECT_EQ(told_.end.what, link_end::kind::closed);
    }
}

TEST_P(TransportEnd, ClosesAlthoughMessagesStillCome) {
    told_.on_opened = [&] { close(1000); };
    open();
    play([](ws_server& server) {
        ws_peer& peer = server.accept();
        peer.upgrade();
        const auto close = peer.read().value();
        peer.send(ws_frame::binary, "late");
        peer.send(ws_frame::close, close.payload);
        peer.hang_up();
    });
    EXPECT_EQ(told_.end.what, link_end::kind::closed);
}

TEST_P(TransportEnd, ClosesAlthoughThePeersOwnCloseIsThereAlready) {
    told_.on_message = [&] { close(1000); };
    open();
    play([](ws_server& server) {
        ws_peer& peer = server.accept();
        peer.upgrade();
        peer.write(std::string{"\x82\x02hi\x88\x02\x03\xE8", 8}); // a message and a close, read at once
        peer.hang_up();
    });
    EXPECT_THAT(told_.log, ElementsAre("opened", "closed"));
    EXPECT_EQ(told_.end.what, link_end::kind::closed);
}

TEST_P(TransportEnd, ACloseInTheMiddleOfAMessageDoesNotClaimThatItWasSent) {
    const std::string large = patterned(4 * four_mebibytes);
    told_.on_opened = [&] { send(large); };
    told_.on_pinged = [&] { close(1001); };
    open();
    play([&](ws_server& server) {
        ws_peer& peer = server.accept();
        peer.upgrade();
        peer.send(ws_frame::ping, "close now");
        await_told("pinged");
        for (;;) {
            const auto frame = peer.read().value();
            EXPECT_FALSE(frame.fin && frame.opcode < ws_frame::close) << "the whole message was written";
            if (frame.opcode == ws_frame::close) {
                peer.send(ws_frame::close, frame.payload);
                break;
            }
        }
        peer.hang_up();
    });
    EXPECT_THAT(told_.log, ElementsAre("opened", "pinged", "closed"));
    EXPECT_EQ(told_.end.what, link_end::kind::closed);
}

// Cuts and violations

TEST_P(TransportEnd, TellsACutInTheMiddleOfAMessage) {
    for (const bool in_order : {true, false}) {
        told_ = {};
        open();
        play([&](ws_server& server) {
            ws_peer& peer = server.accept();
            peer.upgrade();
            peer.write(std::string{"\x82\x0Ahalf", 6});
            await_told("opened");
            in_order ? peer.finish() : peer.reset();
        });
        EXPECT_THAT(told_.log, ElementsAre("opened", "closed"));
        EXPECT_EQ(told_.end.what, link_end::kind::lost) << told_.end.detail;
        EXPECT_THAT(told_.messages, IsEmpty());
    }
}

TEST_P(TransportEnd, TellsACutWhileItSends) {
    const std::string large = patterned(4 * four_mebibytes);
    told_.on_opened = [&] { send(large); };
    open();
    play([&](ws_server& server) {
        ws_peer& peer = server.accept();
        peer.upgrade();
        std::ignore = peer.read();
        peer.reset();
    });
    EXPECT_THAT(told_.log, ElementsAre("opened", "closed"));
    EXPECT_EQ(told_.end.what, link_end::kind::lost);
}

TEST_P(TransportEnd, FailsAConnectionThatBreaksTheProtocol) {
    const std::string violations[] = {
        {"\x82\x81\x01\x02\x03\x04x", 7},                 // a masked frame from a server
        {"\x83\x00", 2},                                  // a reserved kind of frame
        {"\xC2\x00", 2},                                  // a bit of an extension that was not agreed on
        {"\x80\x01x", 3},                                 // a continuation of nothing
        {"\x89\x7E\x00\x80", 4},                          // a ping of 128 bytes
        {"\x09\x00", 2},                                  // a ping in fragments
        {"\x81\x02\xC3\x28", 4},                          // text that is no UTF-8
        {"\x88\x02\x03\xED", 4},                          // a close with a code that may not be sent
        {"\x88\x01\x03", 3},                              // a close with half a code
        {"\x82\x7F\x00\x00\x00\x01\x00\x00\x00\x00", 10}, // a message of 4 GiB
    };
    for (const std::string& violation : violations) {
        told_ = {};
        open();
        play([&](ws_server& server) {
            ws_peer& peer = server.accept();
            peer.upgrade();
            // libcurl tells of a frame only with its first bytes (docs/transports.md).
            peer.write(violation + std::string(violation.size() == 10 ? 1 : 0, 'x'));
            peer.hang_up();
        });
        EXPECT_EQ(told_.end.what, link_end::kind::protocol)
            << told_.end.detail << " for " << ::testing::PrintToString(violation);
    }
}

// Teardown

TEST_P(TransportEnd, GoesBeforeTheLoopHasRun) {
    open();
    transport_.reset();
    connector_.reset();
    settle();
    EXPECT_THAT(told_.log, IsEmpty());
}

TEST_P(TransportEnd, GoesWithItsLoopBeforeThatHasRun) {
    open();
    transport_.reset();
    connector_.reset();
    kind_.reset();
    EXPECT_THAT(told_.log, IsEmpty());
}

TEST_P(TransportEnd, GoesInTheMiddleOfTheUpgrade) {
    open();
    play([&](ws_server& server) {
        ws_peer& peer = server.accept();
        peer.read_request();
        stop();
    });
    go();
    EXPECT_THAT(told_.log, IsEmpty());
}

TEST_P(TransportEnd, GoesWhileItIsOpen) {
    told_.on_opened = [&] { stop(); };
    open();
    play([](ws_server& server) { server.accept().upgrade(); });
    go();
    EXPECT_THAT(told_.log, ElementsAre("opened"));
}

TEST_P(TransportEnd, GoesInTheMiddleOfASend) {
    const std::string large = patterned(4 * four_mebibytes);
    told_.on_opened = [&] { send(large); };
    open();
    play([&](ws_server& server) {
        ws_peer& peer = server.accept();
        peer.upgrade();
        std::ignore = peer.read();
        stop();
    });
    go();
    EXPECT_THAT(told_.log, ElementsAre("opened"));
}

TEST_P(TransportEnd, GoesInTheMiddleOfItsClose) {
    told_.on_opened = [&] { close(1000); };
    open();
    play([&](ws_server& server) {
        ws_peer& peer = server.accept();
        peer.upgrade();
        EXPECT_EQ(peer.read().value().opcode, ws_frame::close);
        stop();
    });
    go();
    EXPECT_THAT(told_.log, ElementsAre("opened"));
}

TEST_P(TransportEnd, MayBeAbortedFromInsideAnyOfItsEvents) {
    for (const auto hook : {&listener::on_opened, &listener::on_message, &listener::on_part,
                            &listener::on_pinged, &listener::on_pong, &listener::on_sent}) {
        told_ = {};
        const std::string ours = "ours";
        if (hook == &listener::on_sent) {
            told_.on_opened = [&] { send(ours); };
        } else if (hook == &listener::on_pong) {
            told_.on_opened = [&] { ping(ours); };
        }
        told_.*hook = [&] { abort(); };
        open();
        play([&](ws_server& server) {
            ws_peer& peer = server.accept();
            peer.upgrade();
            peer.send(ws_frame::pong, "pong");
            peer.send(ws_frame::ping, "ping");
            peer.send(ws_frame::binary, "part", false);
            peer.send(ws_frame::continuation, "end");
            peer.read_to_end();
            on_loop([&] { stop(); });
        });
        settle();
        transport_.reset();
    }
}

TEST_P(TransportEnd, ManyConnectionsOfOneConnectorComeAndGo) {
    told_.on_closed = [] {};
    open(); // the first of them
    std::vector<std::unique_ptr<listener>> listeners;
    std::vector<std::unique_ptr<transport>> transports;
    int opened = 0;
    constexpr int count = 100; // more than libcurl is given at one handle
    for (int i = 0; i < count; ++i) {
        listeners.push_back(std::make_unique<listener>());
        listeners.back()->on_opened = [&] {
            if (++opened == count) {
                stop();
            }
        };
        transports.push_back(connector_->open(
            parse_controller_url("http://127.0.0.1:" + std::to_string(server_->port())).value(),
            *listeners.back()));
    }
    play([&](ws_server& server) {
        for (int i = 0; i <= count; ++i) {
            server.accept().upgrade();
        }
    });
    EXPECT_EQ(opened, count);
    for (std::size_t i = 0; i < transports.size(); i += 2) {
        transports[i].reset();
    }
    settle();
    transports.clear();
    go();
}

} // namespace
} // namespace distworker::testing
