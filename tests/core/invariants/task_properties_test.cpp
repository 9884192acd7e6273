// I8 to I18: tasks, their outcomes and their progress. I16 is the simulator's; I14 and I17 are proven where
// their other halves are, beside protobuf and in the SDK.
#include "core/invariants/any_session.hpp"

namespace distworker::testing {
namespace {

using namespace std::chrono_literals;
using enum step::kind;

TEST(Invariants, I8_EveryAssignmentEndsInOneFrame) {
    expect_holds(8, "one end for each assignment",
                 {.more = {open, respond, assign, complete, pong, written}});
}

TEST(Invariants, I9_NothingIsSaidOfATaskThatWasNotAssignedOrHasItsEnd) {
    expect_holds(9, "no frame for what does not run",
                 {.more = {open, respond, assign, complete, progress, stream, written}});
}

TEST(Invariants, I10_AnOutcomeLeavesByItsReceiptOrIsHandedBack) {
    expect_holds(10, "nothing leaves the outbox in silence",
                 {.more = {open, respond, assign, complete, pong, old_pong, written, close, wake}});
}

TEST(Invariants, I11_OneTaskRunsAndOthersAreRefusedAtOnce) {
    expect_holds(11, "one task at a time", {.more = {open, respond, assign, burst, complete, written}});
}

TEST(Invariants, I12_AHandlerStartsOnceInASessionAndNeverBehindAStop) {
    expect_holds(12, "a handler starts once", {.more = {open, respond, assign, complete, stop, close, wake}});
}

TEST(Invariants, I13_NoMessageEndsAConnectionWithATaskInFlight) {
    expect_holds(13, "a payload error is no framing error",
                 {.more = {open, respond, assign, damaged_assign, wild, noise, burst, text, part, large}});
}

TEST(Invariants, I14_WhatAnEngineSendsCanBeRead) {
    expect_holds(14, "each frame is sound", {.more = {open, respond, assign, complete, progress, stream}});
}

TEST(Invariants, I15_ATimeoutAsksToStopAndIsAnsweredOnce) {
    expect_holds(15, "a timeout has one answer", {.more = {open, respond, assign, wake, complete, close}});
}

TEST(Invariants, I18_UpdatesAreCoalescedItemsAreNotAndAllPrecedeTheOutcome) {
    expect_holds(18, "progress has two lanes",
                 {.more = {open, respond, assign, progress, stream, wait, written, complete}});
}

} // namespace
} // namespace distworker::testing
