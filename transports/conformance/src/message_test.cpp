// The transports's messages, fragments, pings and pongs.
#include "transport_rig.hpp"

#include <chrono>
#include <semaphore>
#include <set>

namespace distworker::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;

class TransportMessages : public transport_rig {};
DISTWORKER_ON_EACH_TRANSPORT(TransportMessages);

TEST_P(TransportMessages, ReceivesMessagesOfBothKinds) {
    told_.on_message = [&] {
        if (told_.messages.size() == 3) {
            stop();
        }
    };
    open();
    play([](ws_server& server) {
        ws_peer& peer = server.accept();
        peer.upgrade();
        peer.send(ws_frame::binary, std::string{"\0\1\2", 3});
        peer.send(ws_frame::text, "words");
        peer.send(ws_frame::binary, "");
    });
    EXPECT_THAT(told_.messages, ElementsAre(std::pair{message_kind::binary, std::string("\0\1\2", 3)},
                                            std::pair{message_kind::text, std::string{"words"}},
                                            std::pair{message_kind::binary, std::string{}}));
}

TEST_P(TransportMessages, TakesWhatComesRightBehindTheUpgrade) {
    told_.on_message = [&] { stop(); };
    open();
    play([](ws_server& server) {
        ws_peer& peer = server.accept();
        const std::string frame{"\x82\x02hi", 4};
        peer.upgrade();
        peer.write(frame);
    });
    EXPECT_THAT(told_.messages, ElementsAre(std::pair{message_kind::binary, std::string{"hi"}}));
}

TEST_P(TransportMessages, PutsFragmentsIntoOneMessageWithPingsInBetween) {
    told_.on_message = [&] { stop(); };
    open();
    play([](ws_server& server) {
        ws_peer& peer = server.accept();
        peer.upgrade();
        peer.send(ws_frame::binary, "one ", false);
        peer.send(ws_frame::ping, "p");
        peer.send(ws_frame::continuation, "two ", false);
        peer.send(ws_frame::continuation, "three");
        EXPECT_EQ(peer.read().value().opcode, ws_frame::pong);
    });
    EXPECT_THAT(told_.messages, ElementsAre(std::pair{message_kind::binary, std::string{"one two three"}}));
    EXPECT_THAT(told_.log, ElementsAre("opened", "pinged"));
}

TEST_P(TransportMessages, AnswersPingsAndHearsPongs) {
    told_.on_opened = [&] { ping("ours"); };
    told_.on_pong = [&] { stop(); };
    open();
    play([](ws_server& server) {
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
    EXPECT_THAT(told_.log, ElementsAre("opened", "pinged", "pong ours"));
}

TEST_P(TransportMessages, SendsOneMessageAfterTheOther) {
    int number = 0;
    std::string message;
    const auto next = [&] {
        if (number == 100) {
            close(1000);
            return;
        }
        message = "message " + std::to_string(number++);
        send(message);
    };
    told_.on_opened = next;
    told_.on_sent = next;
    open();
    play([](ws_server& server) {
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
    EXPECT_EQ(told_.end.what, link_end::kind::closed);
}

TEST_P(TransportMessages, CarriesFourMebibytesBothWays) {
    const std::string large = patterned(four_mebibytes);
    told_.on_opened = [&] { send(large); };
    told_.on_message = [&] { stop(); };
    open();
    play([&](ws_server& server) {
        ws_peer& peer = server.accept();
        peer.upgrade();
        const auto got = peer.read_message();
        EXPECT_TRUE(got.value().payload == large);
        peer.send(ws_frame::binary, got->payload);
    });
    ASSERT_THAT(told_.messages, SizeIs(1));
    EXPECT_TRUE(told_.messages[0].second == large);
    EXPECT_GT(told_.parts, 1U);
}

TEST_P(TransportMessages, CarriesLargeMessagesBothWaysAtOnce) {
    const std::string large = patterned(four_mebibytes);
    bool sent = false;
    const auto done = [&] {
        if (sent && !told_.messages.empty()) {
            stop();
        }
    };
    told_.on_opened = [&] { send(large); };
    told_.on_message = done;
    told_.on_sent = [&] {
        sent = true;
        done();
    };
    open();
    play([&](ws_server& server) {
        ws_peer& peer = server.accept();
        peer.upgrade();
        const std::jthread writer{[&] { peer.send(ws_frame::binary, large); }};
        EXPECT_TRUE(peer.read_message().value().payload == large);
    });
    EXPECT_TRUE(told_.messages.at(0).second == large);
}

TEST_P(TransportMessages, LetsPongsPassALargeMessage) {
    const std::string large = patterned(four_mebibytes);
    told_.on_opened = [&] { send(large); };
    told_.on_sent = [&] { stop(); };
    open();
    play([&](ws_server& server) {
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

// RFC 6455, section 5.3. Some versions of libcurl drew one mask for a whole connection (CVE-2025-10148).
TEST_P(TransportMessages, DrawsAFreshMaskForEachFrame) {
#ifdef DISTWORKER_INSTRUMENTED
    const std::size_t many = 20'000;
#else
    const std::size_t many = 100'000;
#endif
    const std::size_t count = GetParam().rows == rows_over::tcp ? many : 1000;
    std::vector<std::uint32_t> masks;
    std::size_t sent = 0;
    const auto next = [&] {
        if (sent++ < count) {
            send("x");
        } else {
            stop();
        }
    };
    told_.on_opened = next;
    told_.on_sent = next;
    open();
    play([&](ws_server& server) {
        ws_peer& peer = server.accept();
        peer.upgrade();
        while (masks.size() < count) {
            masks.push_back(peer.read().value().mask);
        }
    });
    ASSERT_EQ(masks.size(), count);
    EXPECT_EQ(std::ranges::adjacent_find(masks), masks.end()) << "two frames in a row have the same mask";
    for (const unsigned shift : {0U, 8U, 16U, 24U}) {
        std::set<std::uint32_t> values;
        for (const std::uint32_t mask : masks) {
            values.insert(mask >> shift & 0xFFU);
        }
        EXPECT_GT(values.size(), 200U) << "of 256 values of a byte";
    }
    std::ranges::sort(masks);
    std::size_t equal = 0;
    for (std::size_t i = 1; i < masks.size(); ++i) {
        equal += masks[i] == masks[i - 1] ? 1U : 0U;
    }
    EXPECT_LE(equal, 10U) << "equal pairs; 1.2 are expected of 100,000";
}

TEST_P(TransportMessages, SaysSentOnlyWhenAllOfItIsWritten) {
    const std::string large = patterned(4 * four_mebibytes);
    told_.on_opened = [&] { send(large); };
    told_.on_sent = [&] { stop(); };
    open();
    play([&](ws_server& server) {
        ws_peer& peer = server.accept();
        peer.upgrade();
        peer.send(ws_frame::ping, "nothing was read so far");
        await_told("pinged");
        EXPECT_TRUE(peer.read_message().value().payload == large);
    });
    EXPECT_THAT(told_.log, ElementsAre("opened", "pinged", "sent"));
}

// An engine that hears of an answer before it hears that its message has gone out takes it for something
// else.
TEST_P(TransportMessages, SaysSentBeforeItTellsOfAnAnswer) {
    constexpr int rounds = 20;
    int sent = 0;
    int answers = 0;
    bool in_order = true;
    std::binary_semaphore answered{0};
    told_.on_opened = [&] { send("x"); };
    told_.on_sent = [&] { ++sent; };
    told_.on_message = [&] {
        in_order = sent == ++answers;
        if (!in_order || answers == rounds) {
            stop();
            return;
        }
        send("x");
        std::ignore =
            answered.try_acquire_for(std::chrono::seconds{1}); // the answer is there, or cannot be yet
    };
    open();
    play([&](ws_server& server) {
        ws_peer& peer = server.accept();
        peer.upgrade();
        for (int i = 0; i < rounds && peer.read(); ++i) {
            peer.send(ws_frame::binary, "answer");
            if (i > 0) {
                answered.release();
            }
        }
    });
    EXPECT_TRUE(in_order);
    EXPECT_EQ(answers, rounds);
}

} // namespace
} // namespace distworker::testing
