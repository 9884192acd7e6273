// Two sides of a simulated WebSocket connection.
#include <distworker/sim/endpoint.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>

namespace distworker::sim {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using kind = endpoint_event::kind;

std::span<const std::byte> bytes(std::string_view text) {
    return std::as_bytes(std::span{text});
}

// What an endpoint told, kept.
struct told {
    endpoint_event event;
    std::string text;
};

// A connection whose sides move at every arrival.
struct connection {
    explicit connection(const pipe_faults& faults = {}, std::uint64_t seed = 1,
                        const endpoint_options& options = {})
        : up{faults, seed}, down{faults, seed + 1}, client{up, down, options}, server{down, up, options} {}

    void advance() {
        for (bool again = true; again;) {
            const std::uint64_t before = up.delivered() + down.delivered(); // which may have made room
            again = take(client, at_client);
            again = take(server, at_server) || again || up.delivered() + down.delivered() != before;
        }
    }
    bool take(endpoint& from, std::vector<told>& into) const {
        const auto event = from.next(now);
        if (event) {
            const auto* const data = reinterpret_cast<const char*>(event->bytes.data());
            into.push_back({*event, {data, event->bytes.size()}});
        }
        return event.has_value();
    }
    void run() {
        advance();
        for (int guard = 0; guard < 1'000'000; ++guard) {
            const monotonic_time next = std::min(up.next_arrival(), down.next_arrival());
            if (next == never) {
                return;
            }
            now = std::max(now, next);
            advance();
        }
        FAIL() << "it never rests";
    }

    monotonic_time now{1h};
    pipe up;
    pipe down;
    endpoint client;
    endpoint server;
    std::vector<told> at_client;
    std::vector<told> at_server;
};

std::vector<kind> kinds(const std::vector<told>& events) {
    std::vector<kind> all;
    for (const told& one : events) {
        all.push_back(one.event.what);
    }
    return all;
}

std::string text_of(const std::vector<told>& events) {
    std::string text;
    for (const told& one : events) {
        text += one.event.what == kind::part ? one.text : "";
    }
    return text;
}

TEST(Endpoint, DeliversAMessageOfAnySizeWhole) {
    for (const std::size_t size : {0U, 1U, 125U, 126U, 16'384U, 16'385U, 65'535U, 65'536U, 300'000U}) {
        connection link;
        const std::string message(size, 'x');
        link.client.send(bytes(message));
        link.run();
        EXPECT_EQ(text_of(link.at_server), message);
        ASSERT_FALSE(link.at_server.empty());
        EXPECT_TRUE(link.at_server.back().event.last);
        EXPECT_EQ(kinds(link.at_client), std::vector{kind::sent});
    }
}

TEST(Endpoint, AnnouncesTheSizeOfAMessageInOneFrame) {
    connection link{
        {.bandwidth = 10'000, .smallest_chunk = 100, .largest_chunk = 100}, 1, {.fragment = SIZE_MAX}};
    link.client.send(bytes(std::string(1'000, 'x')));
    link.run();
    EXPECT_EQ(link.at_server.front().event.announced, 1'000U);
    EXPECT_FALSE(link.at_server.front().event.last);
}

TEST(Endpoint, APingGoesBehindTheMessageBeforeItAndAPongBetweenFragments) {
    connection link{{.bandwidth = 10'000, .smallest_chunk = 100, .largest_chunk = 100, .send_buffer = 200},
                    1,
                    {.fragment = 500}};
    link.client.send(bytes(std::string(5'000, 'x')));
    link.client.ping(bytes("receipt"));
    link.server.ping(bytes("alive"));
    link.run();
    ASSERT_EQ(kinds(link.at_server).back(), kind::pinged);
    EXPECT_EQ(text_of(link.at_server).size(), 5'000U);
    const auto server_kinds = kinds(link.at_server);
    const auto pong = std::ranges::find(server_kinds, kind::pong);
    EXPECT_TRUE(std::find(pong, server_kinds.end(), kind::part) != server_kinds.end())
        << "the pong passed between fragments";
    EXPECT_THAT(kinds(link.at_client), ElementsAre(kind::pinged, kind::sent, kind::pong));
}

TEST(Endpoint, ClosesInOrder) {
    connection link;
    link.client.close(1001);
    link.client.send(bytes("nothing goes behind a close"));
    link.run();
    ASSERT_EQ(link.at_server.size(), 2U); // the message was first in line
    connection idle;
    idle.client.close(1001);
    idle.run();
    ASSERT_THAT(kinds(idle.at_server), ElementsAre(kind::closed));
    EXPECT_EQ(idle.at_server[0].event.code, 1001);
    EXPECT_THAT(kinds(idle.at_client), ElementsAre(kind::closed));
    idle.client.send(bytes("late"));
    idle.run();
    EXPECT_EQ(idle.at_server.size(), 1U);
}

TEST(Endpoint, TellsTheEndOnceOnBothSides) {
    connection link;
    link.run();
    link.up.cut();
    link.run();
    link.run();
    EXPECT_THAT(kinds(link.at_client), ElementsAre(kind::ended));
    EXPECT_THAT(kinds(link.at_server), ElementsAre(kind::ended));
}

TEST(Endpoint, EndsWhereThePeerBreaksTheFraming) {
    const std::string bad[] = {
        std::string{"\xC2\0", 2},                                    // a reserved bit
        std::string{"\x83\0", 2},                                    // an unknown opcode
        std::string{"\x8B\0", 2},                                    // an unknown control opcode
        std::string{"\x82\x81\0\0\0\0\0", 7},                        // masked
        std::string{"\x89\x7E\0\x7E", 4},                            // a long ping
        std::string{"\x09\0", 2},                                    // a ping in pieces
        std::string{"\x80\0", 2},                                    // a continuation of nothing
        std::string{"\x02\0\x82\0", 4},                              // a message inside another one
        std::string{"\x82\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", 10}, // an impossible length
        std::string{"\x88\x01\x03", 3},                              // half a close code
    };
    for (const std::string& frame : bad) {
        connection link;
        link.server.raw(bytes(frame));
        link.run();
        ASSERT_FALSE(link.at_client.empty());
        EXPECT_EQ(link.at_client.back().event.what, kind::broken);
        EXPECT_STRNE(link.at_client.back().event.problem, "");
        link.client.send(bytes("nothing comes behind it"));
        link.run();
        EXPECT_EQ(text_of(link.at_server), "");
    }
}

TEST(Endpoint, DiscardsWhatComesBehindAClose) {
    connection link;
    link.server.close(1000);
    link.server.raw(bytes(std::string{"\x82\x01x", 3}));
    link.run();
    EXPECT_THAT(kinds(link.at_client), ElementsAre(kind::closed));
    EXPECT_EQ(link.at_client[0].event.code, 1000);
}

TEST(Endpoint, WhatIsNotReadWaits) {
    connection link;
    link.server.set_reading(false);
    link.client.send(bytes("later"));
    link.client.ping(bytes("p"));
    link.advance();
    EXPECT_THAT(kinds(link.at_server), IsEmpty());
    EXPECT_FALSE(link.server.reading());
    link.server.set_reading(true);
    link.run();
    EXPECT_THAT(kinds(link.at_server), ElementsAre(kind::part, kind::pinged));
    EXPECT_TRUE(link.server.quiet());
}

TEST(Endpoint, APongThatWaitedForOverASecondMayBeDropped) {
    for (const bool drops : {true, false}) {
        connection link{{.bandwidth = 1'000, .smallest_chunk = 100, .largest_chunk = 100, .send_buffer = 100},
                        1,
                        {.fragment = SIZE_MAX, .drops_late_pongs = drops}};
        link.server.send(bytes(std::string(5'000, 'x')));
        link.advance();
        link.client.ping(bytes("late"));
        link.run();
        EXPECT_EQ(link.server.dropped_pongs(), drops ? 1U : 0U);
        const auto heard = kinds(link.at_client);
        EXPECT_EQ(std::ranges::find(heard, kind::pong) == heard.end(), drops);
        EXPECT_EQ(link.server.slowest_pong() > 1s, !drops);
    }
}

TEST(Endpoint, SendsPongsThatNobodyAskedFor) {
    connection link;
    link.server.pong(bytes("why not"));
    link.run();
    ASSERT_THAT(kinds(link.at_client), ElementsAre(kind::pong));
    EXPECT_EQ(link.at_client[0].text, "why not");
}

RC_GTEST_PROP(Endpoint, DeliversEveryMessageInOrderWhateverTheLineDoes, (std::uint64_t seed)) {
    pipe_faults faults;
    faults.mean_delay = std::chrono::milliseconds{*rc::gen::inRange(0, 50)};
    faults.bandwidth = *rc::gen::element<std::uint64_t>(0, 5'000);
    faults.smallest_chunk = 1;
    faults.largest_chunk = *rc::gen::inRange<std::size_t>(1, 50);
    faults.send_buffer = *rc::gen::inRange<std::size_t>(1, 500);
    connection link{faults, seed, {.fragment = *rc::gen::inRange<std::size_t>(1, 300)}};
    std::string expected;
    for (const auto size :
         *rc::gen::container<std::vector<std::size_t>>(rc::gen::inRange<std::size_t>(0, 400))) {
        const std::string message(size, static_cast<char>('a' + size % 26));
        expected += message;
        link.client.send(bytes(message));
        link.client.ping(bytes("p"));
        link.run();
        RC_ASSERT(!link.client.writing());
    }
    RC_ASSERT(text_of(link.at_server) == expected);
}

} // namespace
} // namespace distworker::sim
