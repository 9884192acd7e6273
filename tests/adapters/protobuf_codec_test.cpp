// protobuf as the judge of the core's codec, on generated, damaged and random frames; and the conversions.
#include "codec_judge.hpp"
#include "support/vectors.hpp"
#include "wild_frames.hpp"

#include <distworker/frame.hpp>
#include <distworker/outcome.hpp>
#include <distworker/payload_check.hpp>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <iomanip>
#include <iostream>
#include <stdexcept>

namespace distworker {
namespace {

using google::protobuf::Struct;
using testing::both_refuse;
using testing::both_take;
using testing::from_hex;
using testing::judge;
using testing::load_vectors;
using testing::same;
using testing::stricter_by_design;
using bytes = std::vector<std::byte>;

bytes copy_of(std::span<const std::byte> from) {
    return {from.begin(), from.end()};
}

// --- Inputs ---

/// An assignment whose input is `depth` objects, one in another.
messages::WebSocketMessage deep_assignment(unsigned depth) {
    value deep = value::empty_object();
    for (unsigned i = 1; i < depth; ++i) {
        value outer = value::empty_object();
        outer.set("o", std::move(deep));
        deep = std::move(outer);
    }
    messages::WebSocketMessage message;
    message.set_type(messages::MESSAGE_TYPE_TASK_ASSIGN);
    message.mutable_task_assign()->set_task_id("t");
    message.mutable_task_assign()->set_queue("q");
    *message.mutable_task_assign()->mutable_input() = *to_struct(deep);
    return message;
}

rc::Gen<std::string> text() {
    return rc::gen::weightedOneOf<std::string>(
        {{6, rc::gen::string<std::string>()},
         {2, rc::gen::element<std::string>("", "a", "Grüße", "\xF0\x9F\x98\x80", "\xFF", "a\0b")},
         {1, rc::gen::map(rc::gen::inRange(100, 300),
                          [](int n) { return std::string(static_cast<std::size_t>(n), 'x'); })}});
}

rc::Gen<std::string> good_text() {
    return rc::gen::weightedOneOf<std::string>(
        {{6, rc::gen::container<std::string>(rc::gen::inRange<char>(1, 127))},
         {2, rc::gen::element<std::string>("", "a", "Grüße", "\xF0\x9F\x98\x80")},
         {1, rc::gen::map(rc::gen::inRange(100, 300),
                          [](int n) { return std::string(static_cast<std::size_t>(n), 'x'); })}});
}

rc::Gen<value> any_value(int depth) {
    const auto leaf = rc::gen::oneOf(
        rc::gen::just(value{}), rc::gen::map(rc::gen::arbitrary<double>(), [](double d) { return value{d}; }),
        rc::gen::map(rc::gen::arbitrary<bool>(), [](bool b) { return value{b}; }),
        rc::gen::map(good_text(), [](std::string s) { return value{std::move(s)}; }));
    if (depth == 0) {
        return leaf;
    }
    const auto few = rc::gen::inRange<std::size_t>(0, 5);
    const auto list = rc::gen::mapcat(few, [depth](std::size_t n) {
        return rc::gen::map(rc::gen::container<std::vector<value>>(n, any_value(depth - 1)),
                            [](value::list l) { return value{std::move(l)}; });
    });
    const auto member = rc::gen::map(rc::gen::pair(good_text(), any_value(depth - 1)), [](auto pair) {
        return value::member{std::move(pair.first), std::move(pair.second)};
    });
    const auto object = rc::gen::mapcat(few, [member](std::size_t n) {
        return rc::gen::map(rc::gen::container<std::vector<value::member>>(n, member), [](value::object o) {
            value out = value::empty_object();
            for (value::member& m : o) {
                out.set(m.key, std::move(m.content)); // keys stand once
            }
            return out;
        });
    });
    return rc::gen::weightedOneOf<value>({{3, leaf}, {1, list}, {2, object}});
}

rc::Gen<value> any_object() {
    return rc::gen::suchThat(any_value(4), [](const value& v) { return v.members() != nullptr; });
}

Struct any_struct() {
    return *to_struct(*any_object());
}

void fill(messages::FileInfo& file) {
    file.set_file_id(*good_text());
    file.set_filename(*good_text());
    file.set_size(*rc::gen::arbitrary<std::int64_t>());
}

/// A frame of any kind, by protobuf.
messages::WebSocketMessage any_message() {
    messages::WebSocketMessage message;
    const int type = *rc::gen::element(2, 3, 9, 10, 10, 10, 10, 11, 12, 13);
    message.set_type(static_cast<messages::MessageType>(type));
    switch (type) {
    case messages::MESSAGE_TYPE_WORKER_REGISTER:
        message.mutable_worker_register()->set_data(*text());
        message.mutable_worker_register()->set_signature(*text());
        break;
    case messages::MESSAGE_TYPE_WORKER_REGISTER_RESPONSE:
        message.mutable_worker_register_response()->set_idle_time(*rc::gen::arbitrary<std::int32_t>());
        break;
    case messages::MESSAGE_TYPE_HEARTBEAT: {
        auto& m = *message.mutable_heartbeat();
        m.set_timestamp(*rc::gen::arbitrary<std::int64_t>());
        m.set_health(static_cast<messages::WorkerHealth>(*rc::gen::inRange(-1, 6)));
        m.mutable_resource_usage()->set_cpu_percent(*rc::gen::arbitrary<float>());
        m.mutable_resource_usage()->set_memory_used_mb(*rc::gen::arbitrary<std::int64_t>());
        *m.mutable_resource_usage()->mutable_additional() = any_struct();
        break;
    }
    case messages::MESSAGE_TYPE_TASK_ASSIGN: {
        auto& m = *message.mutable_task_assign();
        m.set_task_id("0190-" + *good_text());
        m.set_queue("q." + *good_text());
        *m.mutable_metadata() = any_struct();
        *m.mutable_input() = any_struct();
        m.set_timeout_ms(*rc::gen::arbitrary<std::int64_t>());
        for (int files = *rc::gen::inRange(0, 3); files > 0; --files) {
            fill(*m.add_files());
        }
        break;
    }
    case messages::MESSAGE_TYPE_TASK_PROGRESS: {
        auto& m = *message.mutable_task_progress();
        m.set_task_id(*good_text());
        m.set_progress(*rc::gen::arbitrary<float>());
        m.set_message(*good_text());
        if (*rc::gen::arbitrary<bool>()) {
            *m.mutable_data() = any_struct();
        }
        break;
    }
    case messages::MESSAGE_TYPE_TASK_COMPLETE: {
        auto& m = *message.mutable_task_complete();
        m.set_task_id(*good_text());
        *m.mutable_result() = any_struct();
        fill(*m.add_result_files());
        break;
    }
    default: {
        auto& m = *message.mutable_task_failed();
        m.set_task_id(*good_text());
        m.set_error_code(*good_text());
        m.set_error_message(*good_text());
        *m.mutable_error_details() = any_struct();
        break;
    }
    }
    return message;
}

/// Damages a frame as links, bugs and attackers do.
bytes mutated(bytes input) {
    for (int changes = *rc::gen::inRange(1, 5); changes > 0; --changes) {
        const auto at = *rc::gen::inRange<std::size_t>(0, input.size() + 1);
        const auto where = input.begin() + static_cast<std::ptrdiff_t>(at);
        const auto byte = static_cast<std::byte>(*rc::gen::arbitrary<std::uint8_t>());
        switch (*rc::gen::inRange(0, 6)) {
        case 0: // another byte
            if (at < input.size()) {
                input[at] = byte;
            }
            break;
        case 1: // a bit
            if (at < input.size()) {
                input[at] ^= static_cast<std::byte>(1U << (static_cast<unsigned>(byte) & 7U));
            }
            break;
        case 2: // one more
            input.insert(where, byte);
            break;
        case 3: // one less
            if (at < input.size()) {
                input.erase(where);
            }
            break;
        case 4: // cut
            input.resize(at);
            break;
        default: { // a piece again
            const auto end = *rc::gen::inRange<std::size_t>(at, std::min(input.size(), at + 40) + 1);
            const bytes piece(where, input.begin() + static_cast<std::ptrdiff_t>(end));
            input.insert(input.begin() +
                             static_cast<std::ptrdiff_t>(*rc::gen::inRange<std::size_t>(0, input.size() + 1)),
                         piece.begin(), piece.end());
            break;
        }
        }
    }
    return input;
}

// --- Tests ---

TEST(ProtobufJudge, AgreesOnEveryVector) {
    for (const auto& vector : load_vectors("frames.json")) {
        EXPECT_EQ(judge(from_hex(vector.at("hex").get<std::string>())), both_take) << vector;
    }
    for (const auto& vector : load_vectors("malformed_frames.json")) {
        const std::string expected = vector.at("expect");
        const std::string_view met = judge(from_hex(vector.at("hex").get<std::string>()));
        if (expected == "strike") {
            continue; // a frame may be sound and yet be none for a worker
        }
        EXPECT_EQ(met == both_take, expected == "accept") << vector << met;
    }
}

TEST(ProtobufJudge, MeetsEachRefusalThatIsStricterByDesign) {
    for (const auto& [reason, example] : stricter_by_design()) {
        EXPECT_EQ(judge(example.empty() ? serialize_message(deep_assignment(max_input_depth + 1))
                                        : from_hex(example)),
                  reason);
    }
}

RC_GTEST_PROP(ProtobufJudge, ReadsWhatCoreWrites, ()) {
    const value result = *any_object();
    const std::string id = "t-" + *good_text();
    outcome_writer answer{id, buffer_pool{}};
    write_members(answer.result(), result);
    const outcome done = std::move(answer).complete();
    const auto theirs = parse_message(done.frame());
    RC_ASSERT(theirs.has_value());
    if (done.completed()) {
        RC_ASSERT(theirs->task_complete().task_id() == id);
        RC_ASSERT(same(result, theirs->task_complete().result()));
    } else { // a number that is not finite
        RC_ASSERT(theirs->task_failed().error_code() == error_code::result_not_finite);
    }
    RC_ASSERT(judge(copy_of(done.frame())) == both_take);
}

RC_GTEST_PROP(ProtobufJudge, AgreesOnItsOwnFrames, ()) {
    const auto message = any_message();
    RC_ASSERT(judge(serialize_message(message)) == both_take);
}

/// Judges `input` and counts what came of it; a difference fails the property and shows the bytes.
void count(std::map<std::string_view, int>& met, const bytes& input) {
    try {
        ++met[judge(input)];
    } catch (const std::logic_error& e) {
        RC_LOG() << e.what() << "\n";
        for (const std::byte b : input) {
            constexpr const char* digits = "0123456789abcdef";
            RC_LOG() << digits[static_cast<unsigned>(b) >> 4U] << digits[static_cast<unsigned>(b) & 15U];
        }
        RC_FAIL("they differ");
    }
}

/// Tells the counts. Inputs that all go one way would prove nothing.
void expect_variety(std::map<std::string_view, int>& met) {
    int stricter = 0;
    for (const auto& [what, times] : met) {
        std::cout << std::setw(8) << times << "  " << what << '\n';
        stricter += stricter_by_design().contains(what) ? times : 0;
    }
    for (const int times : {met[both_take], met[both_refuse], stricter}) {
        EXPECT_GT(times, 50);
    }
}

// Many small cases: a damaged byte in a hundred meets something.
TEST(ProtobufJudge, AgreesOnDamagedFrames) {
    std::map<std::string_view, int> met;
    EXPECT_TRUE(rc::check("damaged frames get the same verdict and values", [&] {
        const bytes original = serialize_message(any_message());
        for (int i = 0; i < 50; ++i) {
            count(met, mutated(original));
        }
    }));
    expect_variety(met);
}

TEST(ProtobufJudge, AgreesOnFramesWithoutManners) {
    std::map<std::string_view, int> met;
    EXPECT_TRUE(rc::check("frames without manners get the same verdict and values", [&] {
        const auto seed = *rc::gen::resize(rc::kNominalSize, rc::gen::arbitrary<std::uint64_t>());
        for (std::uint64_t i = 0; i < 100; ++i) {
            count(met, testing::wild_frame(seed + i));
        }
    }));
    expect_variety(met);
}

RC_GTEST_PROP(ProtobufJudge, AgreesOnRandomBytes, ()) {
    const auto random = *rc::gen::arbitrary<std::vector<std::uint8_t>>();
    judge(copy_of(std::as_bytes(std::span{random})));
}

TEST(ProtobufConversions, KeepEveryValueBothWays) {
    EXPECT_TRUE(rc::check([] {
        const value object = *any_object();
        const Struct message = *to_struct(object);
        RC_ASSERT(same(object, message));
        RC_ASSERT(same(to_value(message), message));
        const value content = *any_value(3);
        RC_ASSERT(same(to_value(to_message(content)), to_message(content)));
    }));
}

TEST(ProtobufConversions, AStructIsAnObject) {
    EXPECT_TRUE(to_struct(value{})->fields().empty());
    EXPECT_FALSE(to_struct(value{3}));
    EXPECT_FALSE(to_struct(value::of({1})));
}

TEST(ProtobufConversions, WriteAStructIntoAnAnswer) {
    const value wanted{{"a", 1}, {"list", value::of({true, nullptr, "x"})}, {"o", {{"k", 2.5}}}};
    outcome_writer answer{"task", buffer_pool{}};
    write_members(answer.result(), *to_struct(wanted));
    const outcome done = std::move(answer).complete();
    EXPECT_EQ(value{std::get<task_complete_view>(done.read()).result}, wanted);
}

TEST(ProtobufConversions, ReachTheDeepestPayloadOfTheProtocol) {
    const auto message = deep_assignment(max_input_depth);
    const bytes frame = serialize_message(message);
    EXPECT_EQ(judge(frame), both_take);
    const auto view = read_frame(frame);
    const auto input = to_struct(std::get<task_assign_view>(*view).input);
    ASSERT_TRUE(input);
    EXPECT_EQ(to_value(*input), to_value(message.task_assign().input()));
}

TEST(ProtobufConversions, AFrameThatIsNoneSaysWhy) {
    const bytes cut = from_hex("080a52050a01741205");
    const auto message = parse_message(cut);
    ASSERT_FALSE(message);
    EXPECT_EQ(message.error().reason, "not a well-formed message");
    EXPECT_EQ(message.error().task_id, "t");
}

} // namespace
} // namespace distworker
