// Ten thousand connections of one worker: what it needs stays what it was, and every outcome is reported.
#include "hostile_rig.hpp"

#include <malloc.h>

#include <filesystem>

namespace distworker::testing {
namespace {

std::size_t entries_of(const char* folder) {
    return static_cast<std::size_t>(
        std::distance(std::filesystem::directory_iterator{folder}, std::filesystem::directory_iterator{}));
}
std::size_t descriptors() {
    return entries_of("/proc/self/fd");
}
std::size_t threads() {
    return entries_of("/proc/self/task");
}

// Ends connections at all moments that a worker knows, by turns, in order and not.
void end_one_way_or_another(ws_server& server, int turn) {
    ws_peer& peer = server.accept();
    peer.upgrade();
    std::ignore = peer.read_message();
    peer.send(ws_frame::binary, as_text(response_frame()));
    const std::string task = as_text(assign_frame({.id = "t"}));
    switch (turn % 5) {
    case 0: // with nothing to do
        break;
    case 1: // with a task on its way
        peer.send(ws_frame::binary, task);
        break;
    case 2: // behind half a task
        peer.send(ws_frame::binary, task.substr(0, task.size() / 2), false);
        break;
    case 3: // without a receipt
        serves(peer, "t");
        break;
    default: // with one
        serves(peer, "t");
        auto frame = peer.read();
        while (frame && frame->opcode != ws_frame::ping) {
            frame = peer.read();
        }
        peer.send(ws_frame::pong, frame.value().payload);
    }
    turn % 2 == 0 ? peer.reset() : peer.finish();
    server.let_go();
}

// So many connections, of so many slots.
void reconnect(const transport_kind& kind, std::uint64_t slots, int times) {
    hostile_rig rig{kind};
    rig.stays = true;
    rig.patience = 1h;
    worker_config config = patient();
    config.slots = slots;
    config.reconnect = reconnect_policy::fixed;
    config.reconnect_interval = 250ms;
    config.receipt_delay = 0ms;
    constexpr int early = 1'000;
    const std::size_t connected = slots << 17U; // what they hold at one time and not at another
    std::size_t heap_early = 0;
    const meeting seen = rig.visit(
        [&](ws_server& server) {
            for (int i = 0; i < times; ++i) {
                end_one_way_or_another(server, i);
                if (i == early) {
                    heap_early = ::mallinfo2().uordblks;
                }
            }
            if (times > early) {
                EXPECT_LT(::mallinfo2().uordblks, heap_early + connected);
            }
            server.close();
        },
        config);
    EXPECT_GE(seen.counters.connections, static_cast<std::uint64_t>(times));
    EXPECT_EQ(seen.counters.assigned, seen.tasks.size());
    EXPECT_GT(seen.tasks.size(), static_cast<std::size_t>(times) / 3);
    EXPECT_TRUE(all_reported(seen)) << seen.tasks.size() << " tasks, " << seen.counters.receipted
                                    << " receipts, " << seen.returned.size() << " handed back";
}

void reconnect_leaving_nothing(const transport_kind& kind, std::uint64_t slots, int times) {
    reconnect(kind, slots, 20); // what libraries keep for the next time is theirs now
    const std::size_t descriptors_before = descriptors();
    const std::size_t threads_before = threads();
    const std::size_t heap_before = ::mallinfo2().uordblks;
    reconnect(kind, slots, times);
    EXPECT_EQ(descriptors(), descriptors_before);
    EXPECT_EQ(threads(), threads_before);
    // What a thread keeps of each size for itself counts as used (tcache), at most 236 KB: less than 32 bytes
    // for each connection.
    EXPECT_LT(::mallinfo2().uordblks, heap_before + (std::size_t{256} << 10U));
}

class Reconnects : public ::testing::TestWithParam<transport_kind> {};

TEST_P(Reconnects, LeaveNothingBehind) {
    reconnect_leaving_nothing(GetParam(), 8, 60);
}

class ReconnectsInFull : public ::testing::TestWithParam<transport_kind> {};

TEST_P(ReconnectsInFull, TenThousandLeaveNothingBehind) {
    reconnect_leaving_nothing(GetParam(), 64, 10'000);
}

INSTANTIATE_TEST_SUITE_P(On, Reconnects, ::testing::ValuesIn(kinds_with_rows()),
                         [](const auto& test) { return std::string{test.param.name}; });
INSTANTIATE_TEST_SUITE_P(On, ReconnectsInFull, ::testing::ValuesIn(kinds_with_rows()),
                         [](const auto& test) { return std::string{test.param.name}; });

} // namespace
} // namespace distworker::testing
