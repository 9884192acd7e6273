// A group whose controller refuses, whose application pauses it, or changes the number of its slots.
#include "group_rig.hpp"

#include <gmock/gmock.h>

#include <algorithm>

namespace distworker::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST(GroupStart, ConnectsOneSlotAfterTheOther) {
    for (const std::uint64_t slots : {2U, 20U, 1'000U}) {
        group_rig rig{slots};
        ASSERT_TRUE(rig.group.start(rig.now));
        rig.pass(5s);
        ASSERT_EQ(rig.connects.size(), slots);
        std::set<monotonic_time> times;
        for (const auto& [slot, at] : rig.connects) {
            times.insert(at);
        }
        EXPECT_THAT(times, SizeIs(slots));
    }
}

TEST(GroupSlots, TheFirstThatIsAddedConnectsAtOnce) {
    group_rig rig{1};
    rig.register_all();
    const std::size_t before = rig.connects.size();
    ASSERT_TRUE(rig.group.set_slots(3, rig.now));
    rig.drain();
    ASSERT_EQ(rig.connects.size(), before + 1);
    EXPECT_EQ(rig.connects.back(), std::pair(1U, rig.now.monotonic));
}

TEST(GroupProbe, OneSlotTriesWhileTheControllerRefuses) {
    group_rig rig{20};
    rig.refuse = true;
    ASSERT_TRUE(rig.group.start(rig.now));
    rig.pass(30s); // each slot has tried twice at most when the first refusal is known
    const std::size_t before = rig.connects.size();
    EXPECT_TRUE(rig.group.snapshot().probe);
    rig.pass(1h);
    std::set<std::uint32_t> probes;
    monotonic_time last = monotonic_time::min();
    for (std::size_t i = before; i < rig.connects.size(); ++i) {
        probes.insert(rig.connects[i].first);
        EXPECT_TRUE(last == monotonic_time::min() || rig.connects[i].second - last >= min_refused_delay);
        last = rig.connects[i].second;
    }
    EXPECT_THAT(probes, SizeIs(1));
    EXPECT_GE(rig.connects.size() - before, 1h / max_refused_delay - 1);
}

TEST(GroupProbe, AllComeBackOneAfterTheOtherOnceItIsAccepted) {
    group_rig rig{20};
    rig.refuse = true;
    ASSERT_TRUE(rig.group.start(rig.now));
    rig.pass(10min);
    rig.refuse = false;
    while (rig.slots_in(engine_state::registering).empty()) {
        rig.pass(1s);
    }
    const std::uint32_t probe = rig.slots_in(engine_state::registering).front();
    EXPECT_EQ(rig.group.snapshot().probe, probe);
    const std::size_t before = rig.connects.size();
    rig.receive(probe, response_frame());
    EXPECT_FALSE(rig.group.snapshot().probe);
    rig.pass(5s);
    ASSERT_EQ(rig.connects.size() - before, 19U);
    std::set<monotonic_time> times;
    for (std::size_t i = before; i < rig.connects.size(); ++i) {
        times.insert(rig.connects[i].second);
    }
    EXPECT_THAT(times, SizeIs(19)) << "staggered";
}

TEST(GroupProbe, AnotherSlotTakesOverWhenTheProbeEnds) {
    worker_config config = default_config();
    config.max_reconnect_attempts = 3;
    group_rig rig{3, config};
    rig.refuse = true;
    ASSERT_TRUE(rig.group.start(rig.now));
    rig.pass(24h);
    EXPECT_THAT(rig.stopped, ElementsAre(end_reason::attempts_exhausted));
    EXPECT_EQ(rig.connects.size(), 12U) << "each slot has used its attempts up";
}

TEST(GroupProbe, ASlotThatIsAddedMeanwhileWaitsWithTheOthers) {
    group_rig rig{2};
    rig.refuse = true;
    ASSERT_TRUE(rig.group.start(rig.now));
    rig.pass(1min);
    ASSERT_TRUE(rig.group.snapshot().probe);
    ASSERT_TRUE(rig.group.set_slots(4, rig.now));
    const std::size_t before = rig.connects.size();
    rig.pass(1h);
    for (std::size_t i = before; i < rig.connects.size(); ++i) {
        EXPECT_EQ(rig.connects[i].first, rig.group.snapshot().probe);
    }
}

TEST(GroupProbe, ASlotThatLeavesIsNoReasonForTheOthersToWait) {
    group_rig rig{2};
    rig.register_all();
    rig.receive(1, assign_frame({}));
    ASSERT_TRUE(rig.group.set_slots(1, rig.now));
    rig.drain();
    ASSERT_EQ(rig.state(1), engine_state::draining);
    rig.group.with(1, [&](worker_engine& engine) { // no transport should say so now; it may
        engine.closed(engine.generation(),
                      {.what = link_end::kind::upgrade, .detail = {}, .http_status = 401}, rig.now);
    });
    rig.drain();
    EXPECT_FALSE(rig.group.snapshot().probe);
    EXPECT_EQ(rig.state(0), engine_state::ready);
}

TEST(GroupProbe, AConnectionThatIsUpGoesOn) {
    group_rig rig{3};
    rig.register_all();
    rig.refuse = true;
    rig.lose(0);
    rig.lose(1);
    rig.keep_alive(60s);
    ASSERT_TRUE(rig.group.snapshot().probe);
    EXPECT_EQ(rig.state(2), engine_state::ready);
    rig.receive(2, assign_frame({}));
    EXPECT_THAT(rig.tasks, SizeIs(1));
}

TEST(GroupPause, PausesAndResumesEverySlot) {
    group_rig rig{5};
    rig.register_all();
    rig.receive(3, assign_frame({}));
    ASSERT_TRUE(rig.group.pause(rig.now));
    rig.keep_alive(60s);
    EXPECT_THAT(rig.slots_in(engine_state::paused), ElementsAre(0, 1, 2, 4));
    EXPECT_EQ(rig.state(3), engine_state::draining);
    ASSERT_TRUE(rig.group.complete(rig.tasks[3].name(), engine_rig::result_for(rig.tasks[3]), rig.now));
    rig.pass(2s);
    EXPECT_THAT(rig.slots_in(engine_state::paused), SizeIs(5));
    EXPECT_THAT(rig.stopped, IsEmpty());
    ASSERT_TRUE(rig.group.resume(rig.now));
    rig.pass(1s);
    EXPECT_THAT(rig.slots_in(engine_state::registering), SizeIs(5));
    ASSERT_TRUE(rig.group.stop(end_reason::signal, 1s, rig.now));
    EXPECT_EQ(rig.group.pause(rig.now).error(), misuse::not_in_state);
    EXPECT_EQ(rig.group.resume(rig.now).error(), misuse::not_in_state);
    rig.pass(10s);
    EXPECT_THAT(rig.stopped, ElementsAre(end_reason::signal));
}

TEST(GroupSlots, GrowsAndShrinksWhileItRuns) {
    group_rig rig{2};
    EXPECT_EQ(rig.group.set_slots(3, rig.now).error(), misuse::not_in_state);
    rig.register_all();
    ASSERT_TRUE(rig.group.set_slots(5, rig.now));
    rig.pass(1s);
    ASSERT_EQ(rig.group.slots(), 5U);
    for (std::uint32_t slot = 2; slot < 5; ++slot) {
        rig.receive(slot, response_frame());
    }
    EXPECT_THAT(rig.slots_in(engine_state::ready), SizeIs(5));

    rig.receive(4, assign_frame({}));
    ASSERT_TRUE(rig.group.set_slots(1, rig.now));
    rig.keep_alive(3s);
    EXPECT_THAT(rig.slots_in(engine_state::stopped), ElementsAre(1, 2, 3));
    EXPECT_EQ(rig.state(4), engine_state::draining);
    ASSERT_TRUE(rig.group.complete(rig.tasks[4].name(), engine_rig::result_for(rig.tasks[4]), rig.now));
    rig.keep_alive(3s);
    EXPECT_THAT(rig.slots_in(engine_state::stopped), ElementsAre(1, 2, 3, 4));
    EXPECT_EQ(rig.state(0), engine_state::ready);
    EXPECT_THAT(rig.stopped, IsEmpty());
    EXPECT_EQ(rig.group.counters().receipted, 1U);
}

TEST(GroupSlots, NamesOfDeliveriesAreNeverUsedTwice) {
    group_rig rig{2};
    rig.register_all();
    rig.receive(1, assign_frame({}));
    const assigned_task first = rig.tasks[1];
    ASSERT_TRUE(rig.group.complete(first.name(), engine_rig::result_for(first), rig.now));
    ASSERT_TRUE(rig.group.set_slots(1, rig.now));
    rig.keep_alive(3s);
    ASSERT_TRUE(rig.group.set_slots(2, rig.now));
    rig.pass(1s);
    rig.receive(1, response_frame());
    rig.receive(1, assign_frame({}));
    EXPECT_GT(rig.tasks[1].name(), first.name());
    EXPECT_EQ(rig.group.complete(first.name(), engine_rig::result_for(first), rig.now).error(),
              misuse::stale_delivery);
    EXPECT_EQ(rig.group.counters().completed, 1U);
}

TEST(GroupSlots, ASlotThatIsWantedAgainWhileItLeavesComesBack) {
    group_rig rig{2};
    rig.register_all();
    rig.receive(1, assign_frame({}));
    ASSERT_TRUE(rig.group.set_slots(1, rig.now));
    rig.drain();
    ASSERT_TRUE(rig.group.set_slots(2, rig.now));
    rig.keep_alive(3s);
    EXPECT_EQ(rig.state(1), engine_state::draining) << "its task runs";
    ASSERT_TRUE(rig.group.complete(rig.tasks[1].name(), engine_rig::result_for(rig.tasks[1]), rig.now));
    rig.keep_alive(3s);
    EXPECT_EQ(rig.state(1), engine_state::registering);
}

TEST(GroupSlots, ASlotThatIsWantedAgainDoesNotComeBackIntoAGroupThatEnds) {
    group_rig rig{2};
    rig.register_all();
    rig.receive(1, assign_frame({}));
    ASSERT_TRUE(rig.group.set_slots(1, rig.now));
    ASSERT_TRUE(rig.group.set_slots(2, rig.now));
    ASSERT_TRUE(rig.group.stop(end_reason::signal, 10s, rig.now));
    ASSERT_TRUE(rig.group.complete(rig.tasks[1].name(), engine_rig::result_for(rig.tasks[1]), rig.now));
    rig.pass(10s);
    EXPECT_THAT(rig.stopped, ElementsAre(end_reason::signal));
    EXPECT_THAT(rig.slots_in(engine_state::stopped), SizeIs(2));
}

TEST(GroupSlots, ASlotThatGaveUpIsNotMadeAnew) {
    worker_config config = default_config();
    config.max_reconnect_attempts = 0;
    group_rig rig{2, config};
    rig.register_all();
    rig.lose(1);
    ASSERT_EQ(rig.state(1), engine_state::stopped);
    ASSERT_TRUE(rig.group.set_slots(3, rig.now));
    rig.pass(1s);
    EXPECT_EQ(rig.state(1), engine_state::stopped) << "its attempts are used up";
    EXPECT_EQ(rig.state(2), engine_state::registering);
}

TEST(GroupSlots, RefusesNumbersOutOfRange) {
    group_rig rig{1};
    rig.register_all();
    EXPECT_EQ(rig.group.set_slots(0, rig.now).error(), misuse::invalid_value);
    EXPECT_EQ(rig.group.set_slots(10'001, rig.now).error(), misuse::invalid_value);
    ASSERT_TRUE(rig.group.stop(end_reason::signal, 1s, rig.now));
    EXPECT_EQ(rig.group.set_slots(2, rig.now).error(), misuse::not_in_state);
}

TEST(GroupSlots, ASlotThatHasLeftDoesNotKeepTheGroupFromIdling) {
    group_rig rig{3};
    rig.register_all(10);
    ASSERT_TRUE(rig.group.set_slots(2, rig.now));
    rig.keep_alive(15s);
    EXPECT_THAT(rig.stopped, ElementsAre(end_reason::idle));
}

TEST(GroupSlots, NewOnesArePausedWithTheGroup) {
    group_rig rig{1};
    rig.register_all();
    ASSERT_TRUE(rig.group.pause(rig.now));
    ASSERT_TRUE(rig.group.set_slots(3, rig.now));
    rig.pass(5s);
    EXPECT_THAT(rig.slots_in(engine_state::paused), SizeIs(3));
}

} // namespace
} // namespace distworker::testing
