// Messages that cannot be used, and messages in parts.
#include "engine_rig.hpp"
#include "support/vectors.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace distworker::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

void receive_in_parts(engine_rig& rig, std::span<const std::byte> message, std::size_t part_bytes,
                      std::size_t announced) {
    while (!message.empty()) {
        const auto part = message.first(std::min(part_bytes, message.size()));
        message = message.subspan(part.size());
        rig.engine.received(rig.generation(), message_kind::binary, part, message.empty(), announced,
                            rig.now);
    }
    rig.drain();
}

TEST(EngineMessages, TheMalformedFramesGetTheVerdictsOfTheVectors) {
    for (const auto& vector : load_vectors("malformed_frames.json")) {
        const std::string name = vector["name"];
        const std::string expected = vector["expect"];
        const auto bytes = from_hex(vector["hex"].get<std::string>());
        for (const std::size_t chunk : {bytes.size() + 1, std::size_t{7}, std::size_t{1}}) {
            if (chunk == 1 && bytes.size() > 2000) {
                continue; // covered by the chunks of 7
            }
            engine_rig rig;
            rig.become_ready();
            std::span<const std::byte> left = bytes;
            do {
                const auto part = left.first(std::min(chunk, left.size()));
                left = left.subspan(part.size());
                rig.engine.received(rig.generation(), message_kind::binary, part, left.empty(), 0, rig.now);
            } while (!left.empty());
            rig.drain();
            const auto refused = rig.all<task_failed_view>();
            const std::string verdict = !rig.tasks.empty()                    ? "accept"
                                        : !refused.empty()                    ? "refuse"
                                        : rig.engine.counters().strikes == 1U ? "strike"
                                                                              : "nothing";
            EXPECT_EQ(verdict, expected) << name << " in chunks of " << chunk;
            EXPECT_LE(refused.size() + rig.tasks.size(), 1U) << name;
            for (const auto& failure : refused) {
                EXPECT_EQ(failure.error_code, error_code::invalid_task) << name;
                EXPECT_FALSE(failure.task_id.empty()) << name;
            }
            EXPECT_THAT(rig.closes, IsEmpty()) << name;
        }
    }
}

TEST(EngineMessages, AnUnusableAssignmentOfTheRunningTaskIsAStrike) {
    engine_rig rig;
    rig.become_ready();
    rig.assign();
    auto damaged = assign_frame({});
    damaged.pop_back();
    rig.receive(damaged);
    EXPECT_EQ(rig.engine.counters().strikes, 1U);
    EXPECT_THAT(rig.frames, IsEmpty());
    ASSERT_TRUE(rig.complete());
}

TEST(EngineMessages, AnOversizedAssignmentIsRefusedFromItsFirstBytesAndTheLinkGoesOn) {
    worker_config config = default_config();
    config.max_message_bytes = 64 * 1024;
    engine_rig rig{config};
    rig.become_ready();
    const auto large = assign_frame({.id = "huge", .input = value{{"text", std::string(200'000, 'x')}}});
    receive_in_parts(rig, large, 16 * 1024, large.size());
    const auto refused = rig.all<task_failed_view>();
    ASSERT_THAT(refused, SizeIs(1));
    EXPECT_EQ(refused[0].task_id, "huge");
    EXPECT_EQ(refused[0].error_code, error_code::invalid_task);
    rig.assign();
    EXPECT_THAT(rig.tasks, SizeIs(1));
}

TEST(EngineMessages, ALargeMessageArrivesWhole) {
    for (const std::size_t part_bytes : {std::size_t{1'000}, std::size_t{16'384}, std::size_t{1'000'000}}) {
        engine_rig rig;
        rig.become_ready();
        const std::string text(200'000, 'x');
        const auto large = assign_frame({.id = "large", .input = value{{"text", text}}});
        receive_in_parts(rig, large, part_bytes, 0);
        ASSERT_THAT(rig.tasks, SizeIs(1));
        EXPECT_EQ(rig.tasks[0].input()["text"].string(), text);
    }
}

TEST(EngineMessages, OfMembersWithOneNameTheLastStaysInItsPlace) {
    engine_rig rig;
    rig.become_ready();
    rig.assign({.input = value(
                    value::object{{"a", 1}, {"b", 2}, {"c", 3}, {"b", 4}, {"d", 5}, {"b", 6}, {"a", 7}})});
    ASSERT_THAT(rig.tasks, SizeIs(1));
    EXPECT_EQ(value{rig.tasks[0].input()}, value(value::object{{"c", 3}, {"d", 5}, {"b", 6}, {"a", 7}}));
}

TEST(EngineMessages, AHundredStrikesWhileIdleAreAViolationButNeverWhileATaskRuns) {
    engine_rig idle;
    idle.become_ready();
    const std::vector<std::byte> junk(3, std::byte{0});
    for (int i = 0; i < 99; ++i) {
        idle.receive(junk);
    }
    EXPECT_THAT(idle.closes, IsEmpty());
    idle.receive(junk);
    EXPECT_THAT(idle.closes, ElementsAre(1008));

    engine_rig busy;
    busy.become_ready();
    busy.assign();
    for (int i = 0; i < 1000; ++i) {
        busy.receive(junk, i % 2 == 0 ? message_kind::binary : message_kind::text);
    }
    EXPECT_THAT(busy.closes, IsEmpty());
    EXPECT_TRUE(busy.complete());
}

TEST(EngineMessages, RepeatedTextMessagesWhileIdleCloseWith1003) {
    engine_rig rig;
    rig.become_ready();
    for (int i = 0; i < 100; ++i) {
        rig.receive(as_byte_span("hello"), message_kind::text);
    }
    EXPECT_THAT(rig.closes, ElementsAre(1003));
}

TEST(EngineMessages, AnUnfinishedMessageWithoutFurtherBytesStalls) {
    engine_rig rig;
    rig.become_ready();
    const auto frame = assign_frame({});
    rig.engine.received(rig.generation(), message_kind::binary, std::span{frame}.first(5), false, 0, rig.now);
    for (int i = 0; i < 20; ++i) {
        EXPECT_THAT(rig.closes, IsEmpty());
        rig.peer_ping();
        rig.pass(3s);
    }
    EXPECT_THAT(rig.closes, ElementsAre(1008));
}

TEST(EngineMessages, AMessageThatGrowsSlowlyIsWaitedFor) {
    engine_rig rig;
    rig.become_ready();
    const auto frame = assign_frame({});
    const auto give = [&](std::span<const std::byte> part, bool last) {
        rig.engine.received(rig.generation(), message_kind::binary, part, last, 0, rig.now);
        rig.drain();
    };
    for (std::size_t at = 0; at < 5; ++at) {
        give(std::span{frame}.subspan(at, 1), false);
        for (int i = 0; i < 19; ++i) { // not quite message_stall_timeout
            rig.peer_ping();
            rig.pass(3s);
        }
    }
    give(std::span{frame}.subspan(5), true);
    EXPECT_THAT(rig.closes, IsEmpty());
    EXPECT_THAT(rig.tasks, SizeIs(1));
}

TEST(EngineMessages, ManyEmptyFragmentsAreBounded) {
    engine_rig rig;
    rig.become_ready();
    for (int i = 0; i < 70'000 && rig.closes.empty(); ++i) {
        rig.engine.received(rig.generation(), message_kind::binary, {}, false, 0, rig.now);
        if (i % 1000 == 0) {
            rig.drain();
        }
    }
    rig.drain();
    EXPECT_THAT(rig.closes, ElementsAre(1008));
}

TEST(EngineMessages, ASecondResponseAndResponsesBeforeRegisterAreStrikes) {
    engine_rig rig;
    rig.become_ready(60);
    rig.receive(response_frame(1));
    EXPECT_EQ(rig.engine.counters().strikes, 1U);
    rig.pass(5s);
    EXPECT_THAT(rig.closes, IsEmpty()) << "the first answer is kept";
}

TEST(EngineMessages, ATaskOutlivesItsEngineAndItsMessageIsSharedAcrossCopies) {
    assigned_task kept;
    {
        engine_rig rig;
        rig.become_ready();
        rig.assign({.id = "kept", .input = value{{"text", "still here"}}});
        kept = rig.tasks[0];
    }
    EXPECT_EQ(kept.id(), "kept");
    EXPECT_EQ(kept.input().find("text")->string(), "still here");
}

} // namespace
} // namespace distworker::testing
