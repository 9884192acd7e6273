// The witness accuses: each deadline that it watches is missed here on purpose.
#include "sim/liar.hpp"

namespace distworker::sim {
namespace {

using ::testing::IsEmpty;

TEST(Witness, L2_OutcomesAreSentAndTheirReceiptsAskedFor) {
    liar lazy;
    lazy.become_registered();
    const assigned_task task = lazy.run("t1");
    outcome answer = liar::answer_to(task);
    lazy.complete(task, answer);
    lazy.rest();
    EXPECT_ACCUSED(lazy, "L2");
    liar silent;
    silent.become_registered();
    const assigned_task done = silent.run("t1");
    outcome given = liar::answer_to(done);
    silent.complete(done, given);
    silent.write(given);
    silent.pass(1s);
    silent.rest();
    EXPECT_ACCUSED(silent, "L2");
}

TEST(Witness, L3_L5_HeartbeatsComeAndADeadLinkIsNoticed) {
    liar group;
    group.become_registered();
    for (int n = 0; n < 10; ++n) {
        group.pass(3s);
        group.hear(input::pinged{0, 1});
    }
    group.rest();
    EXPECT_ACCUSED(group, "L3");
    liar dead;
    dead.become_registered();
    dead.pass(15s);
    dead.rest();
    EXPECT_ACCUSED(dead, "L5");
    liar deaf;
    deaf.become_registered();
    deaf.hear(input::pinged{0, 1});
    deaf.pass(10s);
    deaf.hear(input::alive{0, 1});
    deaf.pass(5s);
    deaf.rest();
    EXPECT_ACCUSED(deaf, "L5");
}

TEST(Witness, L5_ASuspendedMachineGivesItsPeerMoreTime) {
    liar group;
    group.become_registered();
    group.say(output::idle{group.now.monotonic + 10s, deadline_reason::silence_probe});
    group.now.monotonic += 20s; // ten seconds late
    group.say(output::idle{group.now.monotonic + 5s, deadline_reason::silence});
    group.rest();
    EXPECT_THAT(group.accusations(), IsEmpty());
    group.pass(5s);
    group.rest();
    EXPECT_ACCUSED(group, "L5");
}

TEST(Witness, L4_AStopIsOverInTime) {
    liar group;
    group.become_registered();
    group.run("t1");
    group.hear(input::stop{end_reason::signal, 5s});
    group.say(output::state_changed{engine_state::draining});
    group.pass(10s);
    group.rest();
    EXPECT_ACCUSED(group, "L4");
    liar mute;
    mute.sees.finish();
    EXPECT_ACCUSED(mute, "L4");
}

// Seed 100093 of the long run: woken 58 ms late, which is not a suspension, with 23 ms for the Close.
TEST(Witness, L4_ACloseThatBeginsLateHasItsTime) {
    worker_config brief = liar::ordinary();
    brief.close_timeout = 23ms;
    liar group{brief};
    group.become_registered();
    group.hear(input::stop{end_reason::idle, 330ms});
    group.say(output::state_changed{engine_state::draining});
    group.now.monotonic += 388ms;
    group.say(output::state_changed{engine_state::closing});
    group.say(output::close{1, 1000});
    group.rest();
    EXPECT_THAT(group.accusations(), IsEmpty());
    group.now.monotonic += 23ms;
    group.rest();
    EXPECT_ACCUSED(group, "L4");
}

// Seed 100060 of the long run, in ideal mode: a handler that neither stops nor returns, while its worker
// connects again.
TEST(Witness, L7_AWorkerWithAStuckHandlerMayEndWhileItConnects) {
    for (const bool stuck : {true, false}) {
        liar group;
        group.become_registered();
        if (stuck) {
            group.say(output::stop_task{group.run("t1").name(), stop_reason::connection_lost});
        }
        group.end(end_cause::peer_closed, 250ms);
        group.pass(250ms);
        group.say(output::connect{nullptr, 2});
        group.say(output::state_changed{engine_state::connecting});
        group.say(output::disconnected{2, {.cause = end_cause::local, .detail = "", .retry_at = never}});
        EXPECT_EQ(group.accused_of("L7:"), !stuck);
    }
}

// Seed 102656 of the long run, in faithful mode: a group leaves, and one of its connections was being closed
// already.
TEST(Witness, L7_ASlotEndsWithItsGroup) {
    for (const bool leaves : {true, false}) {
        liar group;
        group.become_registered();
        if (leaves) {
            group.sees.took({1, output::state_changed{engine_state::draining}}, group.now);
        }
        group.say(output::disconnected{1, {.cause = end_cause::timed_out, .detail = "", .retry_at = never}});
        EXPECT_EQ(group.accused_of("L7:"), !leaves);
    }
}

TEST(Witness, L7_GivesUpWhenItMustAndOnlyThen) {
    liar quitter;
    quitter.become_registered();
    quitter.say(output::disconnected{1, {.cause = end_cause::peer_closed, .detail = "", .retry_at = never}});
    EXPECT_ACCUSED(quitter, "L7");
    worker_config hasty = liar::ordinary();
    hasty.drain_timeout = 0ms;
    liar idle{hasty};
    idle.become_registered();
    idle.say(output::disconnected{1, {.cause = end_cause::local, .detail = "", .retry_at = never}});
    EXPECT_THAT(idle.accusations(), IsEmpty());
    worker_config provisioned = liar::ordinary();
    provisioned.worker_id = "w1";
    liar stubborn{provisioned};
    stubborn.become_registered();
    stubborn.end(end_cause::peer_closed, 20s);
    stubborn.pass(20s);
    stubborn.connect(2);
    stubborn.say(output::disconnected{2,
                                      {.cause = end_cause::peer_closed,
                                       .detail = "",
                                       .before_answer = true,
                                       .retry_at = stubborn.now.monotonic + 30s}});
    EXPECT_ACCUSED(stubborn, "L7");
}

} // namespace
} // namespace distworker::sim
