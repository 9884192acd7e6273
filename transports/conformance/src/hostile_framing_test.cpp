// Rows W1 to W29: what a peer may do to WebSocket framing, and the answer to each.
#include "hostile_rig.hpp"

#include <malloc.h>

namespace distworker::testing {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string bytes(std::initializer_list<unsigned> values) {
    std::string text;
    for (const unsigned value : values) {
        text += static_cast<char>(value);
    }
    return text;
}
/// A frame with any first byte; sizes below 126 only.
std::string frame(unsigned first, const std::string& payload) {
    return bytes({first, static_cast<unsigned>(payload.size())}) + payload;
}
/// A binary frame whose header claims a 64-bit length.
std::string claims(std::uint64_t size) {
    std::string text = bytes({0x82, 127});
    for (int shift = 56; shift >= 0; shift -= 8) {
        text += static_cast<char>(size >> static_cast<unsigned>(shift));
    }
    return text;
}
std::string close_with(unsigned code, const std::string& reason = {}) {
    return frame(0x88, bytes({code >> 8U, code & 0xFFU}) + reason);
}

// What fails the connection

struct violation {
    const char* row;
    std::vector<std::string> frames;  // each on a connection of its own
    std::vector<std::uint16_t> codes; // that the peer may be told
    // libcurl tells of a frame with its first bytes only: one more lets it.
    bool needs_a_byte = false;

    friend std::ostream& operator<<(std::ostream& out, const violation& v) { return out << v.row; }
};

std::vector<violation> violations() {
    std::vector<std::string> reserved_kinds;
    for (const unsigned opcode : {3U, 4U, 5U, 6U, 7U, 11U, 12U, 13U, 14U, 15U}) {
        reserved_kinds.push_back(bytes({0x80U | opcode, 0}));
    }
    std::vector<std::string> bad_codes;
    for (const unsigned code : {0U, 999U, 1004U, 1005U, 1006U, 1016U, 2000U, 65'535U}) {
        bad_codes.push_back(close_with(code));
    }
    return {
        {"W1_reserved_bits", {bytes({0xC2, 0}), bytes({0xA2, 0}), bytes({0x92, 0})}, {1002}},
        {"W2_reserved_opcodes", reserved_kinds, {1002}},
        {"W3_masked_frame", {bytes({0x82, 0x81, 1, 2, 3, 4, 'x'})}, {1002}},
        {"W4_control_frame_of_126_bytes", {bytes({0x89, 126, 0, 126}) + std::string(126, 'p')}, {1002}},
        {"W5_control_frame_in_fragments", {bytes({0x09, 0}), bytes({0x08, 0}), bytes({0x0A, 0})}, {1002}},
        {"W6_continuation_of_nothing", {bytes({0x80, 1, 'x'}), bytes({0x00, 1, 'x'})}, {1002}},
        {"W7_message_inside_a_message", {frame(0x02, "x") + frame(0x82, "y")}, {1002}},
        {"W8_length_with_its_top_bit_set", {claims(std::uint64_t{1} << 63U)}, {1002, 1009}, true},
        {"W10_lengths_over_a_gibibyte",
         {claims(std::uint64_t{1} << 31U), claims(std::uint64_t{1} << 32U), claims(INT64_MAX)},
         {1009, 1002},
         true},
        {"W11_length_that_wraps", {claims(UINT64_MAX), claims(UINT64_MAX - 9)}, {1002, 1009}, true},
        {"W19_close_with_half_a_code", {frame(0x88, "\x03")}, {1002}},
        {"W20_close_with_a_code_that_may_not_be_sent",
         bad_codes,
         {1002, 65'535}}, // Beast answers the last one alike
        {"W21_close_with_a_reason_that_is_no_text", {close_with(1000, "\xC3\x28")}, {1007, 1002}},
        {"W25_text_that_is_none",
         {frame(0x81, "\xC3\x28"), frame(0x01, "\xE2\x82") + frame(0x80, "\x28"),
          frame(0x81, "\xED\xA0\x80")},
         {1007}},
        {"W29_compressed_frame", {frame(0xC2, "\xCA\x48\xCD\xC9\xC9\x07\x00")}, {1002}},
    };
}

class Framing : public ::testing::TestWithParam<std::tuple<transport_kind, violation>> {};

TEST_P(Framing, FailsTheConnection) {
    const auto& [kind, row] = GetParam();
    for (const std::string& sent : row.frames) {
        hostile_rig rig{kind};
        std::uint16_t told = 0;
        const meeting seen = rig.meet([&, needs_a_byte = row.needs_a_byte](ws_server& server) {
            ws_peer& peer = welcome(server);
            peer.write(sent + std::string(needs_a_byte ? 1 : 0, 'x'));
            told = read_close(peer);
        });
        ASSERT_TRUE(seen.end) << ::testing::PrintToString(sent);
        EXPECT_EQ(seen.end->cause, end_cause::peer_violation) << seen.end->detail;
        // Not every library says why before it goes; the page on transports lists those that do not.
        if (told != 0) {
            EXPECT_THAT(row.codes, ::testing::Contains(told)) << ::testing::PrintToString(sent);
        }
        EXPECT_LE(seen.wait, 5s); // an ordinary drop
        EXPECT_THAT(seen.tasks, IsEmpty());
    }
}

// What the connection survives

struct nuisance {
    const char* row;
    std::function<void(ws_peer&)> play;

    friend std::ostream& operator<<(std::ostream& out, const nuisance& n) { return out << n.row; }
};

std::vector<nuisance> nuisances() {
    return {
        {"W12_message_over_the_limit_in_one_frame",
         [](ws_peer& peer) {
             const std::string large =
                 as_text(assign_frame({.id = "large", .input = value{{"text", std::string(100'000, 'x')}}}));
             peer.send(ws_frame::binary, large);
         }},
        {"W12_message_over_the_limit_in_fragments",
         [](ws_peer& peer) {
             const std::string large =
                 as_text(assign_frame({.id = "large", .input = value{{"text", std::string(100'000, 'x')}}}));
             peer.send(ws_frame::binary, large.substr(0, 5000), false);
             peer.send(ws_frame::continuation, large.substr(5000, 60'000), false);
             peer.send(ws_frame::continuation, large.substr(65'000));
         }},
        {"W16_flood_of_pings",
         [](ws_peer& peer) {
             const std::string payload(125, 'p');
             constexpr int flood = 20'000; // 2.5 MB, while no pong is read
             for (int i = 0; i < flood; ++i) {
                 peer.send(ws_frame::ping, payload);
             }
         }},
        {"W18_pong_that_nobody_asked_for",
         [](ws_peer& peer) {
             peer.send(ws_frame::pong, "");
             peer.send(ws_frame::pong, "unasked");
         }},
        {"W24_text_message", [](ws_peer& peer) { peer.send(ws_frame::text, "hello"); }},
        {"W26_empty_message", [](ws_peer& peer) { peer.send(ws_frame::binary, ""); }},
    };
}

class Nuisance : public ::testing::TestWithParam<std::tuple<transport_kind, nuisance>> {};

TEST_P(Nuisance, IsSurvived) {
    const auto& [kind, row] = GetParam();
    hostile_rig rig{kind};
    bool served = false;
    const meeting seen = rig.visit([&, play = row.play](ws_server& server) {
        ws_peer& peer = welcome(server);
        play(peer);
        served = serves(peer, "after");
    });
    EXPECT_TRUE(served);
    EXPECT_FALSE(seen.end) << seen.end->detail;
    EXPECT_THAT(seen.tasks, ElementsAre("after"));
}

class Framed : public ::testing::TestWithParam<transport_kind> {};

TEST_P(Framed, W9_LengthThatIsLongerThanNeeded) {
    // A protocol error by the RFC. A library that reads it as the five bytes that it says is safe, too.
    hostile_rig rig{GetParam()};
    bool served = false;
    const meeting seen = rig.meet([&](ws_server& server) {
        ws_peer& peer = welcome(server);
        peer.write(bytes({0x82, 126, 0, 5}) + "hello");
        served = serves(peer, "after");
        peer.finish();
    });
    EXPECT_EQ(seen.end.value().cause, served ? end_cause::peer_closed : end_cause::peer_violation)
        << seen.end->detail;
}

TEST_P(Framed, W12_TheTaskOfAMessageOverTheLimitIsRefused) {
    hostile_rig rig{GetParam()};
    std::string refused;
    rig.visit([&](ws_server& server) {
        ws_peer& peer = welcome(server);
        peer.send(
            ws_frame::binary,
            as_text(assign_frame({.id = "large", .input = value{{"text", std::string(100'000, 'x')}}})));
        while (refused.empty()) {
            const auto message = peer.read_message().value();
            const auto read = read_frame(std::as_bytes(std::span{message.payload}));
            if (const auto* failed = std::get_if<task_failed_view>(&read.value())) {
                refused = std::string{failed->task_id} + " " + std::string{failed->error_code};
            }
        }
    });
    EXPECT_EQ(refused, "large INVALID_TASK");
}

TEST_P(Framed, W13_AMillionEmptyFragments) {
    hostile_rig rig{GetParam()};
    std::uint16_t told = 0;
    const meeting seen = rig.meet([&](ws_server& server) {
        ws_peer& peer = welcome(server);
        std::string fragments = bytes({0x02, 0});
        for (int i = 0; i < 70'000; ++i) {
            fragments += bytes({0x00, 0});
        }
        peer.write(fragments);
        told = read_close(peer);
    });
    EXPECT_EQ(seen.end.value().cause, end_cause::peer_violation);
    EXPECT_EQ(told, 1008);
}

TEST_P(Framed, W14_UnfinishedMessageWhilePingsFlow) {
    hostile_rig rig{GetParam()};
    std::uint16_t told = 0;
    worker_config config = patient();
    config.message_stall_timeout = 1s;
    const meeting seen = rig.meet(
        [&](ws_server& server) {
            ws_peer& peer = welcome(server);
            peer.write(frame(0x02, "x"));
            for (;;) { // each pong brings the next ping
                peer.send(ws_frame::ping, "still here");
                const auto answer = peer.read();
                if (!answer || answer->opcode == ws_frame::close) {
                    told = answer ? code_of(*answer) : 0;
                    return;
                }
            }
        },
        config);
    EXPECT_EQ(seen.end.value().cause, end_cause::timed_out) << seen.end->detail;
    EXPECT_EQ(told, 1008);
}

TEST_P(Framed, W15_FrameHeaderThatIsNeverFinished) {
    // Nothing can come behind half a header, not even a ping: the silence is noticed.
    hostile_rig rig{GetParam()};
    worker_config config = patient();
    config.silence_probe = 200ms;
    config.silence_timeout = 400ms;
    const meeting seen = rig.meet(
        [&](ws_server& server) {
            ws_peer& peer = welcome(server);
            peer.write(bytes({0x82}));
            peer.read_to_end();
        },
        config);
    EXPECT_EQ(seen.end.value().cause, end_cause::timed_out) << seen.end->detail;
}

TEST_P(Framed, W17_PongPassesALargeResult) {
    hostile_rig rig{GetParam()};
    rig.answer = [](const assigned_task& task) {
        outcome_writer large{task};
        large.result().member("text", std::string(std::size_t{1} << 20U, 'x'));
        return std::move(large).complete();
    };
    bool pong_came_first = false;
    rig.visit([&](ws_server& server) {
        ws_peer& peer = welcome(server);
        peer.send(ws_frame::binary, as_text(assign_frame({.id = "t"})));
        while (peer.read().value().fin) { // what comes before the result
        }
        peer.send(ws_frame::ping, "now");
        for (auto frame = peer.read().value(); !frame.fin || frame.opcode != ws_frame::continuation;
             frame = peer.read().value()) {
            EXPECT_LE(frame.payload.size(), 16U * 1024U);
            pong_came_first = pong_came_first || (frame.opcode == ws_frame::pong && frame.payload == "now");
        }
    });
    EXPECT_TRUE(pong_came_first);
}

TEST_P(Framed, W18_PongWithAWrongNonceIsNoReceipt) {
    hostile_rig rig{GetParam()};
    const meeting seen = rig.visit([&](ws_server& server) {
        ws_peer& peer = welcome(server);
        peer.send(ws_frame::binary, as_text(assign_frame({.id = "t"})));
        for (;;) {
            const auto frame = peer.read().value();
            if (frame.opcode == ws_frame::ping) {
                std::string wrong = frame.payload;
                wrong[0] = static_cast<char>(wrong[0] ^ 1);
                peer.send(ws_frame::pong, wrong);
                peer.send(ws_frame::pong, "");
                peer.send(ws_frame::ping, "heard?"); // its pong comes behind what the engine made of those
                while (peer.read().value().opcode != ws_frame::pong) {
                }
                return;
            }
        }
    });
    EXPECT_THAT(seen.tasks, ElementsAre("t"));
    EXPECT_EQ(seen.counters.receipted, 0U);
}

TEST_P(Framed, W22_W23_WhatComesBehindACloseIsDiscarded) {
    hostile_rig rig{GetParam()};
    std::uint16_t answer = 0;
    const meeting seen = rig.meet([&](ws_server& server) {
        ws_peer& peer = welcome(server);
        const std::string late = as_text(assign_frame({.id = "late"}));
        peer.write(close_with(1001) + frame(0x82, late) + close_with(1000));
        answer = read_close(peer);
    });
    EXPECT_EQ(answer, 1001);
    EXPECT_EQ(seen.end.value().cause, end_cause::peer_closed);
    EXPECT_THAT(seen.end->detail, HasSubstr("1001"));
    EXPECT_THAT(seen.tasks, IsEmpty());
}

TEST_P(Framed, W27_PeerThatNeverAnswersOurClose) {
    hostile_rig rig{GetParam()};
    rig.on_answered = [](worker_driver& driver) { static_cast<void>(driver.pause()); };
    const meeting seen = rig.meet([&](ws_server& server) {
        ws_peer& peer = welcome(server);
        peer.send(ws_frame::binary, as_text(assign_frame({.id = "t"})));
        for (;;) {
            const auto frame = peer.read().value();
            if (frame.opcode == ws_frame::ping) {
                peer.send(ws_frame::pong, frame.payload);
            } else if (frame.opcode == ws_frame::close) {
                break;
            }
        }
        peer.read_to_end();
    });
    EXPECT_EQ(seen.end.value().cause, end_cause::local) << seen.end->detail;
}

TEST_P(Framed, W28_CutInTheMiddleOfAFrame) {
    for (const bool in_order : {true, false}) {
        hostile_rig rig{GetParam()};
        const meeting seen = rig.meet([&](ws_server& server) {
            ws_peer& peer = welcome(server);
            peer.write(bytes({0x82, 100}) + "half a frame");
            in_order ? peer.finish() : peer.reset();
            if (in_order) {
                peer.read_to_end();
            }
        });
        EXPECT_EQ(seen.end.value().cause, end_cause::peer_closed) << seen.end->detail;
        EXPECT_LE(seen.wait, 5s);
    }
}

class Flood : public ::testing::TestWithParam<transport_kind> {};

// The worker holds one pong and no more, or reads no further pings while it cannot answer; either way it
// rests.
TEST_P(Flood, W16_OfPingsWhosePongsAreNotRead) {
    constexpr int pings = 40'000; // 5 MB: more than the buffers on the way hold
    std::string flood;
    for (int i = 0; i < pings; ++i) {
        flood += frame(0x89, std::string(125, 'p'));
    }
    hostile_rig rig{GetParam()};
    bool served = false;
    int pongs = 0;
    const meeting seen = rig.visit([&](ws_server& server) {
        ws_peer& peer = welcome(server);
        const auto heap_before = ::mallinfo2().uordblks;
        std::size_t written = peer.write_until_full(flood, 300ms);
        if (written < flood.size()) {
            const auto used_before = rig.processor_time();
            written += peer.write_until_full(std::string_view{flood}.substr(written), 1s);
            EXPECT_LT(rig.processor_time() - used_before, 500ms) << "the loop spins";
        }
        EXPECT_LT(::mallinfo2().uordblks, heap_before + (std::size_t{2} << 20U));
        const std::jthread writer{[&] {
            peer.write(std::string_view{flood}.substr(written));
            peer.send(ws_frame::ping, "the last one");
        }};
        for (std::string newest; newest != "the last one";) {
            const auto frame = peer.read().value();
            if (frame.opcode == ws_frame::pong) {
                newest = frame.payload;
                ++pongs;
            }
        }
        served = serves(peer, "after");
    });
    EXPECT_LE(pongs, pings + 1);
    EXPECT_TRUE(served) << (seen.end ? seen.end->detail : "");
}

std::vector<transport_kind> kinds_over_tcp() {
    auto kinds = kinds_with_rows();
    std::erase_if(kinds, [](const transport_kind& kind) { return kind.rows != rows_over::tcp; });
    return kinds;
}
INSTANTIATE_TEST_SUITE_P(On, Flood, ::testing::ValuesIn(kinds_over_tcp()),
                         [](const auto& test) { return std::string{test.param.name}; });

INSTANTIATE_TEST_SUITE_P(Rows, Framing,
                         ::testing::Combine(::testing::ValuesIn(kinds_with_rows()),
                                            ::testing::ValuesIn(violations())),
                         [](const auto& test) { return name_of_row(test); });
INSTANTIATE_TEST_SUITE_P(Rows, Nuisance,
                         ::testing::Combine(::testing::ValuesIn(kinds_with_rows()),
                                            ::testing::ValuesIn(nuisances())),
                         [](const auto& test) { return name_of_row(test); });
INSTANTIATE_TEST_SUITE_P(On, Framed, ::testing::ValuesIn(kinds_with_rows()),
                         [](const auto& test) { return std::string{test.param.name}; });

} // namespace
} // namespace distworker::testing
