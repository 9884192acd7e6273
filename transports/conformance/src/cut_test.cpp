// A line that breaks, at whatever byte: of the handshake, of REGISTER and its answer, of an assignment, of an
// outcome, of its receipt.
#include "hostile_rig.hpp"

namespace distworker::testing {
namespace {

using ::testing::AnyOf;
using ::testing::Each;

enum class towards : std::uint8_t { controller, worker };

// A controller that does everything right until the connection ends, which it ends itself behind one task.
void serve_one_task(ws_server& server) {
    ws_peer& peer = server.accept();
    try {
        peer.upgrade();
    } catch (const std::exception&) { // not even the request came
        return;
    }
    if (!peer.read_message()) {
        return;
    }
    peer.send(ws_frame::binary, as_text(response_frame()));
    peer.send(ws_frame::binary, as_text(assign_frame({.id = "t"})));
    while (const auto frame = peer.read()) {
        if (frame->opcode == ws_frame::ping) { // for the receipt
            peer.send(ws_frame::pong, frame->payload);
            peer.hang_up();
            return;
        }
    }
}

// Lives with cuts behind `step` bytes, twice as many, and so on, until one came too late to matter. Returns
// how many there were.
std::size_t cut_lives(const transport_kind& kind, towards where, cut_kind how, std::size_t step) {
    for (std::size_t cuts = 0;; ++cuts) {
        const std::size_t at = 1 + cuts * step;
        link_faults faults;
        faults.cut = how;
        (where == towards::controller ? faults.to_target : faults.to_client).cut_at = at;
        hostile_rig rig{kind};
        rig.line = faults;
        worker_config config = patient();
        config.receipt_delay = 0ms;
        const meeting seen = rig.meet(serve_one_task, config);
        EXPECT_TRUE(all_reported(seen)) << "cut behind byte " << at;
        EXPECT_THAT(seen.tasks, Each("t"));
        EXPECT_THAT(seen.returned, Each("t"));
        EXPECT_LE(seen.tasks.size(), 1U);
        if (!seen.end || ::testing::Test::HasFailure()) {
            ADD_FAILURE() << "cut behind byte " << at;
            return cuts;
        }
        EXPECT_THAT(seen.end->cause, AnyOf(end_cause::transport, end_cause::peer_closed))
            << "cut behind byte " << at << ": " << seen.end->detail;
        EXPECT_LE(seen.wait, 5s) << "an ordinary drop";
        if (seen.counters.receipted == 1) {
            return cuts;
        }
    }
}

using cuts_on = std::tuple<transport_kind, towards, cut_kind>;

std::string name_of_cut(const ::testing::TestParamInfo<cuts_on>& test) {
    const auto& [kind, where, how] = test.param;
    return std::string{where == towards::controller ? "TowardsTheController_" : "TowardsTheWorker_"} +
           (how == cut_kind::fin ? "fin_" : "rst_") + kind.name;
}

class Cut : public ::testing::TestWithParam<cuts_on> {};

TEST_P(Cut, LosesNothingUnreported) {
    const auto& [kind, where, how] = GetParam();
#ifdef DISTWORKER_INSTRUMENTED
    const std::size_t step = 97;
#else
    const std::size_t step = kind.rows == rows_over::tls ? 97 : 1;
#endif
    EXPECT_GT(cut_lives(kind, where, how, step), 1U);
}

class CutInFull : public ::testing::TestWithParam<cuts_on> {};

TEST_P(CutInFull, AtEachByteLosesNothingUnreported) {
    const auto& [kind, where, how] = GetParam();
    EXPECT_GT(cut_lives(kind, where, how, 1), 100U);
}

const auto every_cut = ::testing::Combine(::testing::ValuesIn(kinds_with_rows()),
                                          ::testing::Values(towards::controller, towards::worker),
                                          ::testing::Values(cut_kind::fin, cut_kind::rst));
INSTANTIATE_TEST_SUITE_P(On, Cut, every_cut, name_of_cut);
INSTANTIATE_TEST_SUITE_P(On, CutInFull, every_cut, name_of_cut);

} // namespace
} // namespace distworker::testing
