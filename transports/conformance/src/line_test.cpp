// Lines that are thin, stall, fall silent or mix up times, between a worker and its controller.
//
// Nothing here asks how long something took, only in which order it came.
#include "hostile_rig.hpp"

#include <stop_token>
#include <thread>

namespace distworker::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// A line that takes its time: pipes of the simulator with few bytes under way.
sim::pipe_faults slow(std::uint64_t bytes_per_second, std::size_t chunk = 4096) {
    return {.bandwidth = bytes_per_second,
            .smallest_chunk = 1,
            .largest_chunk = chunk,
            .send_buffer = std::max<std::size_t>(chunk, 16)};
}

// As many handlers as cores, none of which ever rests.
class spinning_handlers {
public:
    spinning_handlers() {
        for (unsigned i = 0; i < std::max(1U, std::thread::hardware_concurrency()); ++i) {
            threads_.emplace_back([](const std::stop_token& over) {
                while (!over.stop_requested()) {
                }
            });
        }
    }

private:
    std::vector<std::jthread> threads_;
};

class Line : public ::testing::TestWithParam<transport_kind> {};

TEST_P(Line, ThatIsThinLetsAPongPassAnOutcomeButNoReceipt) {
    const spinning_handlers others;
    hostile_rig rig{GetParam()};
    rig.line = link_faults{.to_target = slow(std::uint64_t{4} << 20U, 16 * 1024)};
    rig.answer = [](const assigned_task& task) {
        outcome_writer large{task};
        large.result().member("text", std::string(std::size_t{1} << 20U, 'x'));
        return std::move(large).complete();
    };
    std::vector<std::string> order;
    std::size_t came_before_the_pong = 0;
    const meeting seen = rig.visit([&](ws_server& server) {
        ws_peer& peer = welcome(server);
        peer.send(ws_frame::binary, as_text(assign_frame({.id = "t"})));
        while (peer.read().value().fin) { // what comes before the outcome
        }
        peer.send(ws_frame::ping, "now");
        for (bool known = false; !known;) {
            const auto frame = peer.read().value();
            if (frame.opcode == ws_frame::pong) {
                order.push_back("pong " + frame.payload);
                known = frame.payload == "known";
            } else if (frame.opcode == ws_frame::ping) {
                order.emplace_back("receipt");
                peer.send(ws_frame::pong, frame.payload);
                peer.send(ws_frame::ping,
                          "known"); // its pong comes behind what the engine made of the receipt
            } else if (frame.fin) {
                order.emplace_back("the outcome's end");
            } else if (order.empty()) {
                came_before_the_pong += frame.payload.size();
            }
        }
    });
    EXPECT_THAT(order, ElementsAre("pong now", "the outcome's end", "receipt", "pong known"));
    EXPECT_LE(came_before_the_pong, 512U * 1024U) << "more than what the buffers on the way hold";
    EXPECT_EQ(seen.counters.receipted, 1U);
}

// A byte at a time, everything that a connection has: handshake, registration, a task, its receipt.
TEST_P(Line, OfSingleBytesCarriesEverything) {
    hostile_rig rig{GetParam()};
    const bool tls = GetParam().rows == rows_over::tls;
    rig.line =
        link_faults{.to_target = slow(tls ? 40'000 : 10'000, 1), .to_client = slow(tls ? 40'000 : 10'000, 1)};
    bool served = false;
    const meeting seen = rig.visit([&](ws_server& server) { served = serves(welcome(server), "t"); });
    EXPECT_TRUE(served);
    EXPECT_FALSE(seen.end) << seen.end->detail;
}

// One byte a second: no answer to the upgrade is whole in time.
TEST_P(Line, OfOneByteASecondEndsWithTheTimeToConnect) {
    hostile_rig rig{GetParam()};
    rig.line = link_faults{.to_target = slow(1, 1), .to_client = slow(1, 1)};
    worker_config config = patient();
    config.connect_timeout = 300ms;
    const meeting seen = rig.meet([](ws_server& server) { server.accept().read_to_end(); }, config);
    EXPECT_EQ(seen.end.value().cause, end_cause::timed_out) << seen.end->detail;
    EXPECT_THAT(seen.tasks, IsEmpty());
}

TEST_P(Line, ThatStallsForLessThanTheSilenceIsWaitedFor) {
    hostile_rig rig{GetParam()};
    rig.line.emplace();
    std::vector<bool> served;
    const meeting seen = rig.visit([&](ws_server& server) {
        ws_peer& peer = welcome(server);
        for (const char* id : {"a", "b", "c"}) {
            rig.between().stall(100ms);
            served.push_back(serves(peer, id));
        }
    });
    EXPECT_THAT(served, ElementsAre(true, true, true));
    EXPECT_FALSE(seen.end) << seen.end->detail;
}

// A half-open connection: the other side is gone, and no packet says so.
TEST_P(Line, ThatFallsSilentIsNoticedAndTheOutcomeHandedBack) {
    hostile_rig rig{GetParam()};
    rig.line.emplace();
    worker_config config = patient();
    config.receipt_delay = 0ms;
    config.receipt_retry = 100ms;
    config.receipt_timeout = 200ms;
    rig.on_answered = [&](worker_driver&) { rig.between().silence(); };
    const meeting seen = rig.meet(
        [](ws_server& server) {
            ws_peer& peer = welcome(server);
            peer.send(ws_frame::binary, as_text(assign_frame({.id = "t"})));
            peer.read_to_end();
        },
        config);
    EXPECT_EQ(seen.end.value().cause, end_cause::timed_out) << seen.end->detail;
    EXPECT_THAT(seen.returned, ElementsAre("t"));
}

// What was under way on a connection that was given up arrives when the next one is in use.
TEST_P(Line, ThatIsBehindTheNextOneConfusesNobody) {
    hostile_rig rig{GetParam()};
    rig.line = link_faults{.to_client = {.min_delay = 100ms}};
    rig.stays = true;
    worker_config config = patient();
    config.close_timeout = 10ms; // the worker is gone before anything arrives
    config.reconnect_interval = 250ms;
    bool served = false;
    const meeting seen = rig.visit(
        [&](ws_server& server) {
            ws_peer& old = welcome(server);
            old.send(0x03, "a kind of frame that there is not");
            old.send(ws_frame::binary, as_text(assign_frame({.id = "behind"})));
            std::ignore = read_close(old);
            for (int i = 0; i < 100; ++i) {
                old.send(ws_frame::binary, as_text(assign_frame({.id = "late"})));
            }
            served = serves(welcome(server), "t");
        },
        config);
    EXPECT_TRUE(served);
    EXPECT_EQ(seen.end.value().cause, end_cause::peer_violation) << seen.end->detail;
    EXPECT_THAT(seen.tasks, ElementsAre("t"));
    EXPECT_EQ(seen.counters.registrations, 2U);
}

INSTANTIATE_TEST_SUITE_P(On, Line, ::testing::ValuesIn(kinds_with_rows()),
                         [](const auto& test) { return std::string{test.param.name}; });

} // namespace
} // namespace distworker::testing
