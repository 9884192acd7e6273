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
using kind = endpoint_event::kind;

std::span<const std::byte> bytes(std::string_view text) {
    return std::as_bytes(std::span{text});
}

// A connection whose sides are advanced at every arrival.
struct connection {
    explicit connection(const pipe_faults& faults = {}, std::uint64_t seed = 1, std::size_t fragment = 16'384)
        : up{faults, seed}, down{faults, seed + 1}, client{up, down, fragment}, server{down, up, fragment} {}

    void advance() {
        client.advance(now, at_client);
        server.advance(now, at_server);
        client.advance(now, at_client);
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
    std::vector<endpoint_event> at_client;
    std::vector<endpoint_event> at_server;
};

std::vector<kind> kinds(const std::vector<endpoint_event>& events) {
    std::vector<kind> all;
    for (const endpoint_event& event : events) {
        all.push_back(event.what);
    }
    return all;
}

std::string text_of(const std::vector<endpoint_event>& events) {
    std::string text;
    for (const endpoint_event& event : events) {
        if (event.what == kind::part) {
            text.append(reinterpret_cast<const char*>(event.bytes.data()), event.bytes.size());
        }
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
        EXPECT_TRUE(link.at_server.back().last);
        EXPECT_EQ(kinds(link.at_client), std::vector{kind::sent});
    }
}

TEST(Endpoint, AnnouncesTheSizeOfAMessageInOneFrame) {
    connection link{{.bandwidth = 10'000, .smallest_chunk = 100, .largest_chunk = 100}, 1, SIZE_MAX};
    link.client.send(bytes(std::string(1'000, 'x')));
    link.run();
    EXPECT_EQ(link.at_server.front().announced, 1'000U);
    EXPECT_FALSE(link.at_server.front().last);
}

TEST(Endpoint, APingGoesBehindTheMessageBeforeItAndAPongBetweenFragments) {
    connection link{
        {.bandwidth = 10'000, .smallest_chunk = 100, .largest_chunk = 100, .send_buffer = 200}, 1, 500};
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
    EXPECT_EQ(idle.at_server[0].code, 1001);
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

RC_GTEST_PROP(Endpoint, DeliversEveryMessageInOrderWhateverTheLineDoes, (std::uint64_t seed)) {
    pipe_faults faults;
    faults.mean_delay = std::chrono::milliseconds{*rc::gen::inRange(0, 50)};
    faults.bandwidth = *rc::gen::element<std::uint64_t>(0, 5'000);
    faults.smallest_chunk = 1;
    faults.largest_chunk = *rc::gen::inRange<std::size_t>(1, 50);
    faults.send_buffer = *rc::gen::inRange<std::size_t>(1, 500);
    connection link{faults, seed, *rc::gen::inRange<std::size_t>(1, 300)};
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
