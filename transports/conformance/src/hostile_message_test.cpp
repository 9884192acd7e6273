// Rows B1 to B31: whole messages that are none, or not what they should be, over a real connection.
#include "hostile_rig.hpp"

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>

namespace distworker::testing {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Messages by hand

std::string varint_of(std::uint64_t number) {
    std::string text;
    for (; number > 127; number >>= 7U) {
        text += static_cast<char>(number | 0x80U);
    }
    return text + static_cast<char>(number);
}
std::string field_of(unsigned number, const std::string& content) {
    return varint_of(number << 3U | 2U) + varint_of(content.size()) + content;
}
std::string number_of(unsigned field, std::uint64_t number) {
    return varint_of(field << 3U) + varint_of(number);
}
std::string repeated(const std::string& part, std::size_t times) {
    std::string text;
    for (std::size_t i = 0; i < times; ++i) {
        text += part;
    }
    return text;
}
/// A message that says that it is an assignment, with this for its payload.
std::string assign_of(const std::string& payload, unsigned payload_field = 10) {
    return number_of(1, 10) + field_of(payload_field, payload);
}
/// The payload of an assignment of the task "t", and what else there is to it.
std::string task_of(const std::string& more = {}, const std::string& id = "t") {
    return field_of(1, id) + field_of(2, "math") + more;
}
std::string input_of(const std::string& key, const std::string& value) {
    return field_of(1, field_of(1, key) + field_of(2, value));
}
std::string with_input(const std::string& input) {
    return assign_of(task_of(field_of(4, input)));
}
/// So many containers, one in another, the input being the first: objects, or lists and objects by turns.
std::string nested(unsigned containers, bool mixed) {
    std::string value = field_of(5, "");
    for (unsigned i = 2; i < containers; ++i) {
        value = mixed && i % 2 == 0 ? field_of(6, field_of(1, value)) : field_of(5, input_of("k", value));
    }
    return with_input(input_of("k", value));
}
/// A number as fixed64, field 2 of a Value.
std::string double_of(std::uint64_t bits) {
    std::string text = "\x11";
    for (unsigned shift = 0; shift < 64; shift += 8) {
        text += static_cast<char>(bits >> shift & 0xFFU);
    }
    return text;
}

// What becomes of each

enum class verdict : std::uint8_t {
    accepted,  ///< It is a task, which is done.
    ignored,   ///< Counted as a strike.
    refused,   ///< Its task is answered INVALID_TASK.
    not_taken, ///< One of the latter two.
};

struct bad_messages {
    const char* row;
    verdict expected;
    std::vector<std::string> messages;

    friend std::ostream& operator<<(std::ostream& out, const bad_messages& b) { return out << b.row; }
};

std::vector<std::string> cut_everywhere(const std::string& message) {
    std::vector<std::string> cut;
    for (std::size_t size = 0; size < message.size(); ++size) {
        cut.push_back(message.substr(0, size));
    }
    return cut;
}

std::vector<bad_messages> rows_of_messages() {
    using enum verdict;
    const std::string good = assign_of(task_of());
    const std::string ten{"\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"};
    const std::string lies = field_of(6, field_of(1, "f") + field_of(2, std::string{"/abs\0olute", 10}) +
                                             number_of(4, UINT64_MAX) + field_of(5, "file:///etc/passwd")) +
                             field_of(6, field_of(2, "../../x") + field_of(5, "http://169.254.169.254/"));
    return {
        {"B1_no_envelope", ignored, {"", std::string(1, '\0'), "\xA7\x13\x99\x01\x02", "hello, worker"}},
        {"B2_cut_at_every_byte", not_taken, cut_everywhere(with_input(input_of("a", double_of(1))))},
        {"B3_varint_of_eleven_bytes",
         not_taken,
         {"\x08" + ten + "\x01", assign_of(task_of("\x28" + ten + "\x01"))}},
        {"B4_length_that_is_not_there",
         not_taken,
         {number_of(1, 10) + "\x52\x7F", assign_of(task_of("\x22\x7F"))}},
        {"B5_field_numbers_that_are_none",
         not_taken,
         {std::string{"\x02\x00", 2} + good, assign_of(task_of(std::string{"\x02\x00", 2})),
          assign_of(task_of(varint_of(std::uint64_t{1} << 32U | 2U) + std::string(1, '\0')))}},
        {"B6_wire_types_that_are_none", not_taken, {"\x0E", assign_of(task_of("\x3F"))}},
        {"B6_known_field_of_another_wire_type", accepted, {assign_of(task_of(number_of(4, 5)))}},
        {"B7_groups",
         not_taken,
         {std::string{"\x0C"}, repeated("\x0B", 100'000), assign_of(task_of(repeated("\x7B", 100'000)))}},
        {"B8_type_and_payload_disagree",
         ignored,
         {assign_of("", 9), number_of(1, 10), field_of(10, task_of())}},
        {"B9_two_payloads",
         accepted,
         {number_of(1, 10) + field_of(3, number_of(10, 5)) + field_of(10, task_of())}},
        {"B9_two_payloads_and_the_wrong_one_last", ignored, {good + field_of(3, number_of(10, 5))}},
        {"B10_unknown_types", ignored, {number_of(1, 99), number_of(1, 9999), number_of(1, UINT64_MAX)}},
        {"B11_a_mebibyte_of_unknown_fields",
         accepted,
         {good + field_of(15, std::string(std::size_t{1} << 20U, 'u'))}},
        {"B12_submessages_twice_and_too_often",
         refused,
         {good + field_of(10, task_of()), assign_of(task_of(field_of(4, "") + field_of(4, ""))),
          assign_of(task_of(repeated(field_of(4, ""), 100'000)))}},
        {"B13_a_hundred_containers",
         accepted,
         {nested(33, false), nested(99, true), nested(100, false), nested(100, true)}},
        {"B14_more_containers", refused, {nested(101, false), nested(101, true), nested(5'000, false)}},
        {"B16_text_that_is_none",
         refused,
         {with_input(input_of("\xC3\x28", field_of(3, "x"))), with_input(input_of("k", field_of(3, "\xFF"))),
          assign_of(field_of(1, "t") + field_of(2, "\xC3\x28"))}},
        {"B17_odd_numbers",
         accepted,
         {with_input(input_of("a", double_of(0x7FF8'0000'0000'0000)) +
                     input_of("b", double_of(0x7FF0'0000'0000'0000)) +
                     input_of("c", double_of(0x8000'0000'0000'0000)) + input_of("d", double_of(1)))}},
        {"B18_value_of_no_kind", accepted, {with_input(input_of("k", ""))}},
        {"B19_the_same_key_twice", accepted, {with_input(repeated(input_of("k", double_of(0)), 2))}},
        {"B20_ids_that_cannot_be_answered",
         ignored,
         {assign_of(task_of({}, "")), assign_of(task_of({}, "\xC3\x28")),
          assign_of(task_of({}, std::string(1'025, 'i')))}},
        {"B21_odd_ids",
         accepted,
         {assign_of(task_of({}, std::string{"a\0b", 3})), assign_of(task_of({}, "../../x")),
          assign_of(task_of({}, "\x1B[31mred")), assign_of(task_of({}, std::string(1'024, 'i')))}},
        {"B22_odd_timeouts",
         accepted,
         {assign_of(task_of(number_of(5, std::uint64_t{1} << 63U))),
          assign_of(task_of(number_of(5, UINT64_MAX))), assign_of(task_of(number_of(5, 0))),
          assign_of(task_of(number_of(5, INT64_MAX)))}},
        {"B24_a_second_response", ignored, {as_text(response_frame(1)), as_text(response_frame(-1))}},
        {"B25_what_workers_say",
         ignored,
         {number_of(1, 2) + field_of(2, ""), number_of(1, 9) + field_of(9, ""),
          number_of(1, 11) + field_of(11, field_of(1, "t")),
          number_of(1, 12) + field_of(12, field_of(1, "t")),
          number_of(1, 13) + field_of(13, field_of(1, "t"))}},
        {"B30_files_that_lie", accepted, {assign_of(task_of(lies))}},
    };
}

// The ids that were answered on a connection, and how: "t" is done, "t INVALID_TASK" has failed.
std::string answer_in(const ws_frame& message) {
    const auto frame = read_frame(std::as_bytes(std::span{message.payload}));
    if (const auto* done = frame ? std::get_if<task_complete_view>(&*frame) : nullptr; done != nullptr) {
        return std::string{done->task_id};
    }
    const auto* failed = frame ? std::get_if<task_failed_view>(&*frame) : nullptr;
    return failed == nullptr ? "" : std::string{failed->task_id} + " " + std::string{failed->error_code};
}
// The next one, pings answered on the way; throws when the connection ends before.
std::string next_answer(ws_peer& peer) {
    for (;;) {
        const auto message = peer.read().value();
        if (message.opcode == ws_frame::ping) {
            peer.send(ws_frame::pong, message.payload);
        } else if (std::string answer = answer_in(message); !answer.empty()) {
            return answer;
        }
    }
}
std::vector<std::string> answers_up_to(ws_peer& peer, const std::string& last) {
    std::vector<std::string> answers;
    while (answers.empty() || answers.back() != last) {
        answers.push_back(next_answer(peer));
    }
    return answers;
}
// What the engine makes of all that was sent has happened when this returns.
void await_heard(ws_peer& peer) {
    peer.send(ws_frame::ping, "heard?");
    while (peer.read().value().opcode != ws_frame::pong) {
    }
}

worker_config with_room() {
    worker_config config = patient();
    config.max_message_bytes = std::uint64_t{32} << 20U;
    return config;
}

class MessageRow : public ::testing::TestWithParam<std::tuple<transport_kind, bad_messages>> {};

TEST_P(MessageRow, EndsNoConnection) {
    const auto& [kind, row] = GetParam();
    hostile_rig rig{kind};
    const bool accepted = row.expected == verdict::accepted;
    std::vector<std::string> answers;
    const meeting seen = rig.visit(
        [&, &messages = row.messages](ws_server& server) {
            ws_peer& peer = welcome(server);
            for (const std::string& message : messages) {
                peer.send(ws_frame::binary, message);
                if (accepted) { // one task after the other
                    answers.push_back(next_answer(peer));
                }
            }
            peer.send(ws_frame::binary, as_text(assign_frame({.id = "after"})));
            std::ranges::move(answers_up_to(peer, "after"), std::back_inserter(answers));
        },
        with_room());
    EXPECT_FALSE(seen.end) << seen.end->detail;
    ASSERT_FALSE(answers.empty());
    answers.pop_back();
    const std::size_t count = row.messages.size();
    EXPECT_EQ(answers.size() + seen.counters.strikes, count);
    if (accepted) {
        answers.emplace_back("after");
        EXPECT_EQ(seen.tasks, answers);
        return;
    }
    EXPECT_THAT(seen.tasks, ElementsAre("after"));
    EXPECT_THAT(answers, Each("t INVALID_TASK"));
    EXPECT_TRUE(row.expected != verdict::ignored || answers.empty());
    EXPECT_TRUE(row.expected != verdict::refused || seen.counters.strikes == 0);
}

class Message : public ::testing::TestWithParam<transport_kind> {};

// Of 1e6 keys in the tests of the core.
TEST_P(Message, B15_OfManyKeys) {
    std::string keys;
    for (int i = 0; i < 20'000; ++i) {
        keys += input_of("key " + std::to_string(i), double_of(0));
    }
    hostile_rig rig{GetParam()};
    const meeting seen = rig.visit(
        [&](ws_server& server) {
            ws_peer& peer = welcome(server);
            peer.send(ws_frame::binary, with_input(keys));
            answers_up_to(peer, "t");
        },
        with_room());
    EXPECT_THAT(seen.tasks, ElementsAre("t"));
}

TEST_P(Message, B23_OddIdleTimesMeanForEver) {
    for (const std::int32_t idle_time : {INT32_MIN, -1, INT32_MAX}) {
        hostile_rig rig{GetParam()};
        bool served = false;
        const meeting seen = rig.visit([&](ws_server& server) {
            ws_peer& peer = server.accept();
            peer.upgrade();
            std::ignore = peer.read_message();
            peer.send(ws_frame::binary, as_text(response_frame(idle_time)));
            served = serves(peer, "t");
        });
        EXPECT_TRUE(served) << idle_time;
        EXPECT_FALSE(seen.end) << seen.end->detail;
    }
}

TEST_P(Message, B26_TheFirstTaskBeforeTheResponseIsHeldAndOthersRefused) {
    hostile_rig rig{GetParam()};
    std::vector<std::string> answers;
    const meeting seen = rig.visit([&](ws_server& server) {
        ws_peer& peer = server.accept();
        peer.upgrade();
        std::ignore = peer.read_message();
        peer.send(ws_frame::binary, as_text(assign_frame({.id = "early"})));
        peer.send(ws_frame::binary, as_text(assign_frame({.id = "second"})));
        await_heard(peer);
        peer.send(ws_frame::binary, as_text(response_frame()));
        peer.send(ws_frame::binary, as_text(assign_frame({.id = "after"})));
        answers = answers_up_to(peer, "after");
    });
    EXPECT_THAT(seen.tasks, ElementsAre("early", "after"));
    EXPECT_THAT(answers, ::testing::UnorderedElementsAre("early", "second WORKER_BUSY", "after"));
}

TEST_P(Message, B27_TheRunningTaskAgainIsTheSameAndADamagedCopyIsIgnored) {
    hostile_rig rig{GetParam()};
    rig.busy = true;
    const meeting seen = rig.visit([&](ws_server& server) {
        ws_peer& peer = welcome(server);
        const std::string task = as_text(assign_frame({.id = "t"}));
        peer.send(ws_frame::binary, task);
        peer.send(ws_frame::binary, task);
        peer.send(ws_frame::binary, task.substr(0, task.size() - 1));
        await_heard(peer);
    });
    EXPECT_THAT(seen.tasks, ElementsAre("t"));
    EXPECT_EQ(seen.counters.coalesced, 1U);
    EXPECT_EQ(seen.counters.strikes, 1U);
    EXPECT_EQ(seen.counters.refused, 0U);
}

// To a peer that answers pings, and so proves that it has taken the refusals.
TEST_P(Message, B28_AStormOfTasksIsRefusedTaskByTask) {
    hostile_rig rig{GetParam()};
    rig.busy = true;
    worker_config config = patient();
    config.receipt_delay = 0ms;
    constexpr int waves = 20;
    constexpr int wave = 50; // fewer than may wait for a receipt
    const meeting seen = rig.visit(
        [&](ws_server& server) {
            ws_peer& peer = welcome(server);
            peer.send(ws_frame::binary, as_text(assign_frame({.id = "t"})));
            for (int i = 0; i < waves; ++i) {
                for (int k = 0; k < wave; ++k) {
                    peer.send(ws_frame::binary, as_text(assign_frame({.id = std::to_string(k)})));
                }
                answers_up_to(peer, std::to_string(wave - 1) + " WORKER_BUSY");
                auto receipt = peer.read().value();
                while (receipt.opcode != ws_frame::ping) {
                    receipt = peer.read().value();
                }
                peer.send(ws_frame::pong, receipt.payload);
            }
            await_heard(peer);
        },
        config);
    EXPECT_FALSE(seen.end) << seen.end->detail;
    EXPECT_THAT(seen.tasks, ElementsAre("t"));
    EXPECT_EQ(seen.counters.refused, static_cast<std::uint64_t>(waves * wave));
}

TEST_P(Message, B28_AStormOfTasksToAPeerThatProvesNothingEndsIt) {
    hostile_rig rig{GetParam()};
    rig.busy = true;
    std::uint16_t told = 0;
    const meeting seen = rig.meet([&](ws_server& server) {
        ws_peer& peer = welcome(server);
        for (int i = 0; i < 100; ++i) {
            peer.send(ws_frame::binary, as_text(assign_frame({.id = std::to_string(i)})));
        }
        told = read_close(peer);
    });
    EXPECT_EQ(told, 1008);
    EXPECT_EQ(seen.end.value().cause, end_cause::peer_violation) << seen.end->detail;
}

TEST_P(Message, B29_ATaskBehindTheStopIsRefused) {
    hostile_rig rig{GetParam()};
    rig.on_answered = [](worker_driver& driver) {
        static_cast<void>(driver.stop(end_reason::stop_requested, 60s));
    };
    const meeting seen = rig.meet([&](ws_server& server) {
        ws_peer& peer = welcome(server);
        peer.send(ws_frame::binary, as_text(assign_frame({.id = "t"})));
        while (answer_in(peer.read().value()) != "t") { // no receipt yet: it stays
        }
        peer.send(ws_frame::binary, as_text(assign_frame({.id = "late"})));
        answers_up_to(peer, "late WORKER_SHUTDOWN");
        while (const auto frame = peer.read()) {
            if (frame->opcode != ws_frame::pong) {
                peer.send(frame->opcode == ws_frame::ping ? ws_frame::pong : frame->opcode, frame->payload);
            }
        }
    });
    EXPECT_EQ(seen.end.value().cause, end_cause::local) << seen.end->detail;
    EXPECT_THAT(seen.tasks, ElementsAre("t"));
    EXPECT_THAT(seen.returned, IsEmpty());
}

TEST_P(Message, B31_ARegistrationThatIsNotAnswered) {
    hostile_rig rig{GetParam()};
    worker_config config = patient();
    config.registration_timeout = 300ms;
    std::uint16_t told = 0;
    const meeting seen = rig.meet(
        [&](ws_server& server) {
            ws_peer& peer = server.accept();
            peer.upgrade();
            told = read_close(peer);
        },
        config);
    EXPECT_EQ(seen.end.value().cause, end_cause::timed_out) << seen.end->detail;
    EXPECT_EQ(told, 1002);
}

TEST_P(Message, B31_ARegistrationThatIsNotAnsweredButATaskCame) {
    hostile_rig rig{GetParam()};
    worker_config config = patient();
    config.registration_timeout = 300ms;
    const meeting seen = rig.visit(
        [&](ws_server& server) {
            ws_peer& peer = server.accept();
            peer.upgrade();
            std::ignore = peer.read_message();
            peer.send(ws_frame::binary, as_text(assign_frame({.id = "t"})));
            answers_up_to(peer, "t");
        },
        config);
    EXPECT_FALSE(seen.end) << seen.end->detail;
    EXPECT_THAT(seen.tasks, ElementsAre("t"));
}

INSTANTIATE_TEST_SUITE_P(Rows, MessageRow,
                         ::testing::Combine(::testing::ValuesIn(kinds_with_rows()),
                                            ::testing::ValuesIn(rows_of_messages())),
                         [](const auto& test) { return name_of_row(test); });
INSTANTIATE_TEST_SUITE_P(On, Message, ::testing::ValuesIn(kinds_with_rows()),
                         [](const auto& test) { return std::string{test.param.name}; });

} // namespace
} // namespace distworker::testing
