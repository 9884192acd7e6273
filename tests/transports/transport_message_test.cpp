// The transports's messages, fragments, pings and pongs.
#include "transport_rig.hpp"

namespace distworker::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;

template <typename Kind>
class TransportMessages : public transport_rig<Kind> {};
TYPED_TEST_SUITE(TransportMessages, all_transports, transport_names);

TYPED_TEST(TransportMessages, ReceivesMessagesOfBothKinds) {
    this->told_.on_message = [&] {
        if (this->told_.messages.size() == 3) {
            this->stop();
        }
    };
    this->open();
    this->play([](ws_server& server) {
        ws_peer& peer = server.accept();
        peer.upgrade();
        peer.send(ws_frame::binary, std::string{"\0\1\2", 3});
        peer.send(ws_frame::text, "words");
        peer.send(ws_frame::binary, "");
    });
    EXPECT_THAT(this->told_.messages, ElementsAre(std::pair{message_kind::binary, std::string("\0\1\2", 3)},
                                                  std::pair{message_kind::text, std::string{"words"}},
                                                  std::pair{message_kind::binary, std::string{}}));
}

TYPED_TEST(TransportMessages, TakesWhatComesRightBehindTheUpgrade) {
    this->told_.on_message = [&] { this->stop(); };
    this->open();
    this->play([](ws_server& server) {
        ws_peer& peer = server.accept();
        const std::string frame{"\x82\x02hi", 4};
        peer.upgrade();
        peer.write(frame);
    });
    EXPECT_THAT(this->told_.messages, ElementsAre(std::pair{message_kind::binary, std::string{"hi"}}));
}

TYPED_TEST(TransportMessages, PutsFragmentsIntoOneMessageWithPingsInBetween) {
    this->told_.on_message = [&] { this->stop(); };
    this->open();
    this->play([](ws_server& server) {
        ws_peer& peer = server.accept();
        peer.upgrade();
        peer.send(ws_frame::binary, "one ", false);
        peer.send(ws_frame::ping, "p");
        peer.send(ws_frame::continuation, "two ", false);
        peer.send(ws_frame::continuation, "three");
        EXPECT_EQ(peer.read().value().opcode, ws_frame::pong);
    });
    EXPECT_THAT(this->told_.messages,
                ElementsAre(std::pair{message_kind::binary, std::string{"one two three"}}));
    EXPECT_THAT(this->told_.log, ElementsAre("opened", "pinged"));
}

TYPED_TEST(TransportMessages, AnswersPingsAndHearsPongs) {
    this->told_.on_opened = [&] { this->ping("ours"); };
    this->told_.on_pong = [&] { this->stop(); };
    this->open();
    this->play([](ws_server& server) {
        ws_peer& peer = server.accept();
        peer.upgrade();
        const auto ping = peer.read().value();
        EXPECT_EQ(ping.opcode, ws_frame::ping);
        EXPECT_EQ(ping.payload, "ours");
        peer.send(ws_frame::ping, "theirs");
        const auto pong = peer.read().value();
        EXPECT_EQ(pong.opcode, ws_frame::pong);
        EXPECT_EQ(pong.payload, "theirs");
        peer.send(ws_frame::pong, ping.payload);
    });
    EXPECT_THAT(this->told_.log, ElementsAre("opened", "pinged", "pong ours"));
}

TYPED_TEST(TransportMessages, SendsOneMessageAfterTheOther) {
    int number = 0;
    std::string message;
    const auto next = [&] {
        if (number == 100) {
            this->close(1000);
            return;
        }
        message = "message " + std::to_string(number++);
        this->send(message);
    };
    this->told_.on_opened = next;
    this->told_.on_sent = next;
    this->open();
    this->play([](ws_server& server) {
        ws_peer& peer = server.accept();
        peer.upgrade();
        for (int i = 0; i < 100; ++i) {
            const auto frame = peer.read().value();
            EXPECT_EQ(frame.opcode, ws_frame::binary);
            EXPECT_TRUE(frame.fin);
            EXPECT_EQ(frame.payload, "message " + std::to_string(i));
        }
        peer.send(ws_frame::close, peer.read().value().payload);
        peer.hang_up();
    });
    EXPECT_EQ(this->told_.end.what, link_end::kind::closed);
}

TYPED_TEST(TransportMessages, CarriesFourMebibytesBothWays) {
    const std::string large = patterned(four_mebibytes);
    this->told_.on_opened = [&] { this->send(large); };
    this->told_.on_message = [&] { this->stop(); };
    this->open();
    this->play([&](ws_server& server) {
        ws_peer& peer = server.accept();
        peer.upgrade();
        const auto got = peer.read_message();
        EXPECT_TRUE(got.value().payload == large);
        peer.send(ws_frame::binary, got->payload);
    });
    ASSERT_THAT(this->told_.messages, SizeIs(1));
    EXPECT_TRUE(this->told_.messages[0].second == large);
    EXPECT_GT(this->told_.parts, 1U);
}

TYPED_TEST(TransportMessages, CarriesLargeMessagesBothWaysAtOnce) {
    const std::string large = patterned(four_mebibytes);
    bool sent = false;
    const auto done = [&] {
        if (sent && !this->told_.messages.empty()) {
            this->stop();
        }
    };
    this->told_.on_opened = [&] { this->send(large); };
    this->told_.on_message = done;
    this->told_.on_sent = [&] {
        sent = true;
        done();
    };
    this->open();
    this->play([&](ws_server& server) {
        ws_peer& peer = server.accept();
        peer.upgrade();
        const std::jthread writer{[&] { peer.send(ws_frame::binary, large); }};
        EXPECT_TRUE(peer.read_message().value().payload == large);
    });
    EXPECT_TRUE(this->told_.messages.at(0).second == large);
}

TYPED_TEST(TransportMessages, LetsPongsPassALargeMessage) {
    const std::string large = patterned(four_mebibytes);
    this->told_.on_opened = [&] { this->send(large); };
    this->told_.on_sent = [&] { this->stop(); };
    this->open();
    this->play([&](ws_server& server) {
        ws_peer& peer = server.accept();
        peer.upgrade();
        std::size_t largest = 0;
        bool pong_came_first = false;
        const auto first = peer.read().value();
        largest = first.payload.size();
        peer.send(ws_frame::ping, "now");
        for (;;) {
            const auto frame = peer.read().value();
            if (frame.opcode == ws_frame::pong) {
                pong_came_first = true;
                continue;
            }
            largest = std::max(largest, frame.payload.size());
            if (frame.fin) {
                break;
            }
        }
        EXPECT_TRUE(pong_came_first);
        EXPECT_LE(largest, 16U * 1024U);
    });
}

TYPED_TEST(TransportMessages, SaysSentOnlyWhenAllOfItIsWritten) {
    const std::string large = patterned(4 * four_mebibytes);
    this->told_.on_opened = [&] { this->send(large); };
    this->told_.on_sent = [&] { this->stop(); };
    this->open();
    this->play([&](ws_server& server) {
        ws_peer& peer = server.accept();
        peer.upgrade();
        peer.send(ws_frame::ping, "nothing was read so far");
        this->await_told("pinged");
        EXPECT_TRUE(peer.read_message().value().payload == large);
    });
    EXPECT_THAT(this->told_.log, ElementsAre("opened", "pinged", "sent"));
}

} // namespace
} // namespace distworker::testing
