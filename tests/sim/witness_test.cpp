// The witness accuses: each invariant that it watches is broken here on purpose.
#include <distworker/outcome.hpp>
#include <distworker/sim/witness.hpp>
#include <distworker/value_writer.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <string>

namespace distworker::sim {
namespace {

using namespace std::chrono_literals;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

std::expected<digest32, signing_error> blank_signature(std::string_view, std::span<const std::byte>) {
    return digest32{};
}

// A group that does whatever a test makes it say.
class liar {
public:
    explicit liar(worker_config config = ordinary()) : sees{config.validate().value(), seen} {}

    static worker_config ordinary() {
        worker_config config;
        config.controller = "http://sim.example";
        config.provisioner = "sim";
        return config;
    }

    probes seen;
    witness sees;
    instant now{monotonic_time{1h}, wall_time{std::chrono::milliseconds{1'790'000'000'000}}};
    std::uint64_t pings = 0;

    void say(engine_output out) { sees.took({0, std::move(out)}, now); }
    void hear(const group_input& what, const std::expected<void, misuse>& result = {}) {
        sees.gave(what, now);
        sees.answered(what, result);
    }
    // Idle, with nothing counted.
    void rest() {
        worker_group nobody{ordinary().validate().value(), blank_signature, 1};
        sees.settled(nobody, now);
    }
    void pass(std::chrono::nanoseconds time) {
        // Woken in time, again and again: not suspended.
        for (const monotonic_time end = now.monotonic + time; now.monotonic < end;) {
            now.monotonic = std::min(end, now.monotonic + 1s);
            say(output::idle{now.monotonic + 1s, deadline_reason::heartbeat});
        }
    }

    void connect(std::uint32_t generation = 1) {
        say(output::connect{nullptr, generation});
        say(output::state_changed{engine_state::connecting});
        hear(input::opened{0, generation});
        say(output::state_changed{engine_state::registering});
    }
    void send(const byte_buffer& frame, std::uint32_t generation = 1) {
        say(output::send{generation, frame.bytes()});
    }
    void write(const byte_buffer& frame, std::uint32_t generation = 1) {
        send(frame, generation);
        hear(input::sent{0, generation});
    }
    void become_registered(std::uint32_t generation = 1) {
        connect(generation);
        signer sign = sees.noting(blank_signature);
        write(registration(sign), generation);
        byte_buffer answer;
        write_register_response(answer, 0);
        receive(answer, generation);
        say(output::state_changed{engine_state::ready});
        heartbeat(generation);
    }
    byte_buffer registration(signer& sign) const {
        signed_register_view content;
        const auto date = signing_date(now.wall).value();
        content.provisioner = "sim";
        content.date = date.view();
        byte_buffer data;
        write_signed_register(data, content);
        const auto signature = sign(date.view(), data.bytes()).value();
        byte_buffer frame;
        write_register(frame, data.bytes(), std::as_bytes(std::span{signature}));
        return frame;
    }
    void heartbeat(std::uint32_t generation = 1) {
        byte_buffer frame;
        write_heartbeat(frame, {});
        write(frame, generation);
    }
    void receive(const byte_buffer& frame, std::uint32_t generation = 1) {
        hear(input::received{0, generation, message_kind::binary, frame.bytes(), true, frame.size()});
    }
    void receive_task(std::string_view id, std::int64_t timeout_ms = 0, std::uint32_t generation = 1) {
        task_assign_view task;
        task.task_id = id;
        task.queue = "q";
        task.timeout_ms = timeout_ms;
        byte_buffer frame;
        write_task_assign(frame, task);
        receive(frame, generation);
    }
    assigned_task assign(std::string_view id, std::uint64_t serial = 1, monotonic_time deadline = never) {
        task_assign_view task;
        task.task_id = ids_.emplace_back(id);
        const assigned_task made{{}, task, {0, 1, serial}, deadline, buffer_pool::none()};
        say(output::assigned{made});
        say(output::state_changed{engine_state::busy});
        return made;
    }
    assigned_task run(std::string_view id, std::uint64_t serial = 1) {
        receive_task(id);
        return assign(id, serial);
    }
    static outcome answer_to(const assigned_task& task) {
        outcome_writer writer{task};
        writer.result().member("done", true);
        return std::move(writer).complete();
    }
    void complete(const assigned_task& task, outcome& answer) {
        hear(input::complete{task.name(), &answer});
        say(output::state_changed{engine_state::ready});
    }
    void send(const outcome& answer, std::uint32_t generation = 1) {
        say(output::send{generation, answer.frame()});
    }
    void write(const outcome& answer, std::uint32_t generation = 1) {
        send(answer, generation);
        hear(input::sent{0, generation});
    }
    void ping() {
        output::ping out{1, {}};
        const std::uint64_t serial = ++pings;
        std::memcpy(out.payload.data() + 8, &serial, sizeof serial);
        say(out);
    }
    void end(end_cause cause = end_cause::peer_closed, std::chrono::nanoseconds retry = 1s,
             std::uint32_t generation = 1) {
        say(output::disconnected{generation,
                                 {.cause = cause, .detail = "", .retry_at = now.monotonic + retry}});
        say(output::state_changed{engine_state::backoff});
    }
    [[nodiscard]] const std::vector<std::string>& accusations() const { return sees.accusations(); }

private:
    std::deque<std::string> ids_;
};

#define EXPECT_ACCUSED(group, invariant)                                                                     \
    EXPECT_THAT((group).accusations(), Contains(StartsWith(std::string{invariant} + ":")))

TEST(Witness, HasNothingAgainstAnOrdinaryLife) {
    liar group;
    group.become_registered();
    const assigned_task task = group.run("t1");
    outcome answer = liar::answer_to(task);
    group.complete(task, answer);
    group.write(answer);
    group.ping();
    EXPECT_EQ(group.sees.open_deliveries(), 1U);
    group.end();
    group.say(output::undeliverable{std::move(answer), task.name(), certainty::maybe_processed});
    group.pass(1s);
    group.become_registered(2);
    EXPECT_EQ(group.sees.open_deliveries(), 0U);
    EXPECT_TRUE(group.sees.registered(0));
    EXPECT_THAT(group.accusations(), IsEmpty());
}

TEST(Witness, I1_TheFirstFrameIsRegisterAndNoOtherOne) {
    liar first;
    first.connect();
    first.heartbeat();
    EXPECT_ACCUSED(first, "I1");
    liar second;
    second.become_registered();
    signer sign = second.sees.noting(blank_signature);
    second.write(second.registration(sign));
    EXPECT_ACCUSED(second, "I1");
}

TEST(Witness, I2_NothingBeforeTheAnswer) {
    liar group;
    group.connect();
    signer sign = group.sees.noting(blank_signature);
    group.write(group.registration(sign));
    group.heartbeat();
    EXPECT_ACCUSED(group, "I2");
    liar eager;
    eager.connect();
    eager.write(eager.registration(sign));
    eager.receive_task("t1");
    eager.assign("t1");
    EXPECT_ACCUSED(eager, "I2");
}

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

TEST(Witness, I3_I4_ADateOfTheMomentAndASignatureOfItsOwn) {
    liar unsigned_one;
    unsigned_one.connect();
    signer sign = blank_signature;
    const byte_buffer frame = unsigned_one.registration(sign); // not by the watched signer
    unsigned_one.write(frame);
    EXPECT_ACCUSED(unsigned_one, "I4");
    liar late;
    late.connect();
    signer watched = late.sees.noting(std::move(sign));
    const byte_buffer old = late.registration(watched);
    late.now.wall += 2s;
    late.write(old);
    EXPECT_ACCUSED(late, "I3");
}

TEST(Witness, I5_I7_OneConnectionAtATimeAndItsOwn) {
    liar group;
    group.connect();
    group.say(output::connect{nullptr, 2});
    EXPECT_ACCUSED(group, "I7");
    liar old;
    old.connect(2);
    old.end(end_cause::peer_closed, 1s, 2);
    old.pass(1s);
    old.say(output::connect{nullptr, 2});
    EXPECT_ACCUSED(old, "I5");
    liar other;
    other.become_registered();
    byte_buffer frame;
    write_heartbeat(frame, {});
    other.send(frame, 7);
    EXPECT_ACCUSED(other, "I5");
    liar twice;
    twice.become_registered();
    twice.end();
    twice.end();
    EXPECT_ACCUSED(twice, "I7");
}

TEST(Witness, I6_NothingBehindAClose) {
    liar group;
    group.become_registered();
    group.say(output::close{1, 1000});
    group.heartbeat();
    EXPECT_ACCUSED(group, "I6");
    liar code;
    code.become_registered();
    code.say(output::close{1, 1006});
    EXPECT_ACCUSED(code, "I6");
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

TEST(Witness, I20_I21_RestsWhenItSaysSoAndWritesOneMessageAtATime) {
    liar restless;
    restless.say(output::idle{restless.now.monotonic, deadline_reason::heartbeat});
    EXPECT_ACCUSED(restless, "I20");
    liar group;
    group.become_registered();
    byte_buffer frame;
    write_heartbeat(frame, {});
    group.send(frame);
    group.send(frame);
    EXPECT_ACCUSED(group, "I21");
}

TEST(Witness, I25_TheNextAttemptIsWhereThePolicyPutsIt) {
    for (const auto retry : {100ms, 5'001ms}) {
        liar group;
        group.become_registered();
        group.end(end_cause::peer_closed, retry);
        EXPECT_ACCUSED(group, "I25") << retry.count();
    }
    liar refused;
    refused.become_registered();
    refused.end(end_cause::refused, 29s);
    EXPECT_ACCUSED(refused, "I25");
    liar hasty;
    hasty.become_registered();
    hasty.end(end_cause::peer_closed, 2s);
    hasty.pass(1s);
    hasty.say(output::connect{nullptr, 2});
    EXPECT_ACCUSED(hasty, "I25");
}

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
        if (stuck) {
            EXPECT_THAT(group.accusations(), Not(Contains(StartsWith("L7"))));
        } else {
            EXPECT_ACCUSED(group, "L7");
        }
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
        if (leaves) {
            EXPECT_THAT(group.accusations(), Not(Contains(StartsWith("L7"))));
        } else {
            EXPECT_ACCUSED(group, "L7");
        }
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

TEST(Witness, TellsWhatBecomesOfTasks) {
    liar group;
    std::string story;
    group.sees.tell([&](const witness::report& what) {
        constexpr const char* words[] = {"accepted",    "answered", "receipted",
                                         "undelivered", "cut off",  "unseen"};
        story += std::string{what.id} + " " + words[static_cast<std::size_t>(what.what)] + "; ";
    });
    group.become_registered();
    const assigned_task task = group.run("t1");
    outcome answer = liar::answer_to(task);
    group.complete(task, answer);
    group.write(answer);
    group.ping();
    std::array<std::byte, 16> payload{};
    payload[8] = std::byte{1};
    group.hear(input::pong{0, 1, payload});
    const assigned_task next = group.run("t2", 2);
    group.end();
    group.say(output::stop_task{next.name(), stop_reason::connection_lost});
    EXPECT_EQ(story, "t1 accepted; t1 answered; t1 receipted; t2 accepted; t2 cut off; ");
    EXPECT_THAT(group.accusations(), IsEmpty());
}

} // namespace
} // namespace distworker::sim
