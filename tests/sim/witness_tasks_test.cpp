// The witness accuses: what it watches of tasks and their outcomes is broken here on purpose.
#include "sim/liar.hpp"

namespace distworker::sim {
namespace {

using ::testing::Contains;
using ::testing::IsEmpty;
using ::testing::StartsWith;

TEST(Witness, TakesAnEarlyAssignmentForTheAnswerThatStaysOut) {
    for (const auto waited : {14s, 15s}) {
        liar group;
        group.connect();
        signer sign = group.sees.noting(blank_signature);
        group.write(group.registration(sign));
        group.receive_task("t1");
        group.pass(waited);
        group.say(output::state_changed{engine_state::ready});
        if (waited == 14s) {
            EXPECT_ACCUSED(group, "I2");
        } else {
            EXPECT_THAT(group.accusations(), IsEmpty());
        }
    }
}

TEST(Witness, TakesAnEarlyAssignmentForTheAnswerAlsoRightAfterASuspension) {
    liar group;
    group.connect();
    signer sign = group.sees.noting(blank_signature);
    group.write(group.registration(sign));
    group.receive_task("t1");
    group.say(output::idle{group.now.monotonic + 5s, deadline_reason::registration});
    group.now.monotonic += 15s; // ten seconds late
    group.say(output::state_changed{engine_state::ready});
    EXPECT_THAT(group.accusations(), IsEmpty());
}

// Seed 300906 of the long run, in hostile mode: the next attempt is due at the moment of the end.
TEST(Witness, I2_AHeldTaskIsLostWithItsConnectionAlsoWhenTheNextOneComesAtOnce) {
    liar group;
    group.connect();
    signer sign = group.sees.noting(blank_signature);
    group.write(group.registration(sign));
    group.receive_task("t1");
    group.end(end_cause::peer_closed, 250ms);
    group.now.monotonic += 250ms;
    group.say(output::connect{nullptr, 2});
    group.rest(); // of a group that has counted none
    EXPECT_ACCUSED(group, "I2");
}

TEST(Witness, I8_ATaskWhoseTimeIsOverMayBeAnsweredBeforeItBegins) {
    const auto accusations_after = [](std::chrono::milliseconds time, std::string_view code) {
        liar group;
        group.become_registered();
        group.receive_task("t1", 50);
        group.pass(time);
        group.write(outcome_writer{"t1", buffer_pool{}}.fail(code, "why"));
        return group.accusations();
    };
    EXPECT_THAT(accusations_after(50ms, error_code::timeout), IsEmpty());
    EXPECT_THAT(accusations_after(49ms, error_code::timeout), Contains(StartsWith("I8:")));
    EXPECT_THAT(accusations_after(50ms, error_code::handler_error), Contains(StartsWith("I8:")));
}

// Seed 102529 of the long run, in faithful mode: a slot that was not asked lately takes a time for true to
// which the others would not go back.
TEST(Witness, I8_ATaskThatComesWhileTheClockIsBackHasItsTimeFromThere) {
    for (const bool over : {true, false}) {
        liar group;
        group.become_registered();
        const monotonic_time latest = group.now.monotonic;
        group.now.monotonic -= 800ms;
        group.receive_task("t1", 1000);
        group.now.monotonic = latest + (over ? 200ms : 199ms);
        group.write(outcome_writer{"t1", buffer_pool{}}.fail(error_code::timeout, "over"));
        if (over) {
            EXPECT_THAT(group.accusations(), IsEmpty());
        } else {
            EXPECT_ACCUSED(group, "I8");
        }
    }
}

TEST(Witness, I8_EachAssignmentBeginsOnceOrIsRefused) {
    liar made_up;
    made_up.become_registered();
    made_up.assign("never assigned");
    EXPECT_ACCUSED(made_up, "I8");
    liar ignored;
    ignored.become_registered();
    ignored.receive_task("t1");
    ignored.rest();
    EXPECT_ACCUSED(ignored, "I8");
    liar another;
    another.become_registered();
    const assigned_task task = another.run("t1");
    outcome answer = liar::answer_to(task);
    another.complete(task, answer);
    outcome_writer writer{task};
    another.send(std::move(writer).fail("X", "not what was given"));
    EXPECT_ACCUSED(another, "I8");
}

TEST(Witness, TakesARefusalForItsOwnWhenTheTaskHasComeAgainMeanwhile) {
    liar group;
    group.become_registered();
    const assigned_task first = group.run("t1");
    group.receive_task("t2");
    outcome answer = liar::answer_to(first);
    group.complete(first, answer);
    group.write(answer);
    const assigned_task second = group.run("t2", 2);
    outcome_writer busy{second};
    group.write(std::move(busy).fail(error_code::worker_busy, "busy"));
    outcome given = liar::answer_to(second);
    group.complete(second, given);
    group.write(given);
    EXPECT_THAT(group.accusations(), IsEmpty());
}

worker_config keeping_sessions() {
    worker_config config = liar::ordinary();
    config.worker_id = "w1";
    config.session = session_policy::stable;
    return config;
}

void cut(liar& group, std::uint32_t generation) {
    group.end(end_cause::peer_closed, 250ms, generation);
    group.rest();
    group.pass(250ms);
}

// Registered, and cut off before the refusal of a task, "t2", is written.
void assign_and_cut(liar& group, std::uint32_t generation) {
    group.receive_task("t2", 0, generation);
    cut(group, generation);
}

// Seed 100367 of the long run, in ideal mode: a controller that keeps sessions assigns a task on each
// connection anew to a worker that is busy, and no refusal gets through for long.
TEST(Witness, I9_ATaskThatCameOnTwoConnectionsMayBeRefusedTwiceAndNoMoreOften) {
    liar group{keeping_sessions()};
    group.become_registered(1);
    group.run("t1");
    assign_and_cut(group, 1);
    group.become_registered(2);
    assign_and_cut(group, 2);
    group.become_registered(3);
    const outcome busy = outcome_writer{"t2", buffer_pool{}}.fail(error_code::worker_busy, "busy");
    for (const bool is_owed : {true, true, false}) {
        group.write(busy, 3);
        if (is_owed) {
            EXPECT_THAT(group.accusations(), IsEmpty());
        } else {
            EXPECT_ACCUSED(group, "I9");
        }
    }
}

// Seed 101636 of the long run, in ideal mode: and then it takes the task, and its refusals go out before the
// result.
TEST(Witness, I8_RefusalsOfEarlierConnectionsMayGoOutBeforeTheResult) {
    liar group{keeping_sessions()};
    group.become_registered(1);
    const assigned_task first = group.run("t1");
    assign_and_cut(group, 1);
    group.become_registered(2);
    outcome answer = liar::answer_to(first);
    group.complete(first, answer);
    group.write(answer, 2);
    group.receive_task("t2", 0, 2);
    const assigned_task second = group.assign("t2", 2);
    outcome given = liar::answer_to(second);
    group.complete(second, given);
    const outcome busy = outcome_writer{"t2", buffer_pool{}}.fail(error_code::worker_busy, "busy");
    for (const std::uint32_t generation : {2U, 3U}) { // without a receipt all go out again
        if (generation == 3) {
            group.write(answer, generation);
        }
        group.write(busy, generation);
        group.write(given, generation);
        cut(group, generation);
        group.become_registered(generation + 1);
    }
    EXPECT_THAT(group.accusations(), IsEmpty());
}

// Seed 102014 of the long run, in ideal mode: a task is held, since the outbox is full, when the worker is
// paused.
TEST(Witness, I10_AHeldTaskIsRefusedByAPause) {
    liar group{keeping_sessions()};
    group.become_registered();
    group.receive_task("t2");
    group.hear(input::pause{});
    group.end(end_cause::peer_closed, 250ms);
    group.rest();
    outcome refusal = outcome_writer{"t2", buffer_pool{}}.fail(error_code::worker_shutdown, "paused");
    group.say(output::undeliverable{std::move(refusal), {0, 1, 0}, certainty::not_sent});
    EXPECT_THAT(group.accusations(), IsEmpty());
}

TEST(Witness, I9_NoOutcomeThatNobodyGaveAndNoneTwice) {
    liar group;
    group.become_registered();
    const assigned_task task = group.run("t1");
    outcome answer = liar::answer_to(task);
    group.send(answer);
    EXPECT_ACCUSED(group, "I9");
    liar twice;
    twice.become_registered();
    const assigned_task done = twice.run("t1");
    outcome given = liar::answer_to(done);
    twice.complete(done, given);
    twice.write(given);
    EXPECT_THAT(twice.accusations(), IsEmpty());
    twice.write(given);
    EXPECT_ACCUSED(twice, "I9");
    liar late;
    late.become_registered();
    const assigned_task over = late.run("t1");
    outcome last = liar::answer_to(over);
    late.complete(over, last);
    late.write(last);
    byte_buffer progress;
    write_progress(progress, "t1", 0.5F, "late");
    late.write(progress);
    EXPECT_ACCUSED(late, "I9");
}

TEST(Witness, I10_AnOutcomeIsNotDroppedAndItsReceiptNotAskedTooEarly) {
    liar early;
    early.become_registered();
    const assigned_task task = early.run("t1");
    outcome answer = liar::answer_to(task);
    early.complete(task, answer);
    early.send(answer);
    early.ping();
    EXPECT_ACCUSED(early, "I10");
    liar dropped;
    dropped.become_registered();
    const assigned_task lost = dropped.run("t1");
    outcome given = liar::answer_to(lost);
    dropped.complete(lost, given);
    dropped.write(given);
    dropped.end();
    dropped.rest();
    EXPECT_ACCUSED(dropped, "I10");
    liar unsure;
    unsure.become_registered();
    const assigned_task maybe = unsure.run("t1");
    outcome sent = liar::answer_to(maybe);
    unsure.complete(maybe, sent);
    unsure.write(sent);
    unsure.end();
    unsure.say(output::undeliverable{std::move(sent), maybe.name(), certainty::not_sent});
    EXPECT_ACCUSED(unsure, "I10");
}

TEST(Witness, I11_OneTaskAtATimeAndNoForeignAnswer) {
    liar group;
    group.become_registered();
    group.run("t1", 1);
    group.run("t2", 2);
    EXPECT_ACCUSED(group, "I11");
    liar stale;
    stale.become_registered();
    const assigned_task task = stale.run("t1");
    outcome answer = liar::answer_to(task);
    stale.hear(input::complete{{0, 1, 9}, &answer});
    EXPECT_ACCUSED(stale, "I11");
    liar refused;
    refused.become_registered();
    const assigned_task running = refused.run("t1");
    outcome given = liar::answer_to(running);
    refused.hear(input::complete{running.name(), &given}, std::unexpected{misuse::stale_delivery});
    EXPECT_ACCUSED(refused, "I11");
}

// Seed 102053 of the long run, in faithful mode: a fourth stuck handler ends the worker, which has no time to
// drain.
TEST(Witness, I11_TheAnswerOfATaskThatLeavesNoTimeToDrainMayBeRefused) {
    worker_config hasty = liar::ordinary();
    hasty.drain_timeout = 0ms;
    liar group{hasty};
    group.become_registered();
    const assigned_task running = group.run("t1");
    group.say(output::state_changed{engine_state::closing});
    group.say(output::close{1, 1000});
    group.say(output::stop_task{running.name(), stop_reason::shutdown});
    outcome given = liar::answer_to(running);
    group.hear(input::complete{running.name(), &given}, std::unexpected{misuse::stale_delivery});
    EXPECT_THAT(group.accusations(), IsEmpty());
}

TEST(Witness, I12_ADeliveryBeginsOnceAndNoneBehindAStop) {
    liar twice;
    twice.become_registered();
    twice.run("t1");
    outcome none;
    twice.run("t1");
    EXPECT_ACCUSED(twice, "I12");
    liar stopped;
    stopped.become_registered();
    stopped.receive_task("t1");
    stopped.hear(input::stop{end_reason::signal, 25s});
    stopped.assign("t1");
    EXPECT_ACCUSED(stopped, "I12");
}

TEST(Witness, I15_ATimeoutIsToldInTimeAndNotBefore) {
    liar late;
    late.become_registered();
    late.receive_task("t1", 5'000);
    late.assign("t1", 1, late.now.monotonic + 5s);
    late.pass(5s);
    late.rest();
    EXPECT_ACCUSED(late, "I15");
    liar early;
    early.become_registered();
    early.receive_task("t1", 5'000);
    const assigned_task task = early.assign("t1", 1, early.now.monotonic + 5s);
    early.say(output::stop_task{task.name(), stop_reason::timeout});
    EXPECT_ACCUSED(early, "I15");
}

// Seed 200205 of the long run, in ideal mode: a stop without time to drain, seven milliseconds before the
// timeout.
TEST(Witness, I15_ATimeoutIsNotToldOnceTheDrainIsOver) {
    liar group;
    group.become_registered();
    group.receive_task("t1", 1'000);
    const assigned_task task = group.assign("t1", 1, group.now.monotonic + 1s);
    group.hear(input::stop{end_reason::stop_requested, 0s});
    group.say(output::state_changed{engine_state::closing});
    group.say(output::close{1, 1000});
    group.say(output::stop_task{task.name(), stop_reason::shutdown});
    group.pass(1s);
    group.rest();
    EXPECT_THAT(group.accusations(), IsEmpty());
}

TEST(Witness, I16_AnOrderlyEndLeavesNothingOpen) {
    liar group;
    group.become_registered();
    const assigned_task task = group.run("t1");
    group.hear(input::stop{end_reason::signal, 25s});
    group.say(output::state_changed{engine_state::draining});
    group.say(output::close{1, 1001});
    group.end(end_cause::local, 1s);
    EXPECT_ACCUSED(group, "I16");
}

// Seed 305684 of the long run, in faithful mode: a stop with a time from which the clock has stepped back.
TEST(Witness, I16_ADrainThatBeginsWhileTheClockIsBackIsOverFromThere) {
    for (const bool over : {true, false}) {
        liar group;
        group.become_registered();
        group.run("t1");
        const monotonic_time latest = group.now.monotonic;
        group.now.monotonic -= 800ms;
        group.hear(input::stop{end_reason::signal, 1s});
        group.now.monotonic = latest + (over ? 200ms : 199ms);
        group.say(output::close{1, 1001});
        group.end(end_cause::local, 1s);
        EXPECT_EQ(group.accused_of("I16:"), !over);
    }
}

TEST(Witness, I18_StreamedItemsGoOutInOrderAndAllOfThem) {
    const auto item = [](const assigned_task& task, int n) {
        stream_item_writer writer{task, 0.5F};
        writer.data().member("n", n);
        return std::move(writer).finish().value();
    };
    liar order;
    order.become_registered();
    const assigned_task task = order.run("t1");
    stream_item first = item(task, 1);
    stream_item second = item(task, 2);
    order.hear(input::stream{task.name(), &first});
    order.hear(input::stream{task.name(), &second});
    order.say(output::send{1, second.frame()});
    EXPECT_ACCUSED(order, "I18");
    liar lossy;
    lossy.become_registered();
    const assigned_task job = lossy.run("t1");
    stream_item only = item(job, 1);
    lossy.hear(input::stream{job.name(), &only});
    outcome answer = liar::answer_to(job);
    lossy.complete(job, answer);
    lossy.write(answer);
    EXPECT_ACCUSED(lossy, "I18");
    liar often;
    often.become_registered();
    const assigned_task busy = often.run("t1");
    for (int n = 0; n < 5; ++n) {
        often.hear(input::progress{busy.name(), 0.5, "on"});
        byte_buffer frame;
        write_progress(frame, "t1", 0.5F, "on");
        often.write(frame);
    }
    EXPECT_ACCUSED(often, "I18");
}

} // namespace
} // namespace distworker::sim
