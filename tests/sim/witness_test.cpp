// The witness accuses: what it watches of connections is broken here on purpose, and what it counts.
#include "sim/liar.hpp"

namespace distworker::sim {
namespace {

using ::testing::IsEmpty;

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
