// protobuf as the judge of the core's codec: the same verdict and the same values on every input, but for the
// refusals that are stricter by design, which are listed here.
#include "support/vectors.hpp"

#include <distworker/frame.hpp>
#include <distworker/outcome.hpp>
#include <distworker/protobuf.hpp>

#include <google/protobuf/stubs/logging.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <set>
#include <string>

namespace distworker {
namespace {

using google::protobuf::Struct;
using google::protobuf::Value;
using testing::from_hex;
using testing::load_vectors;
using bytes = std::vector<std::byte>;

bytes copy_of(std::span<const std::byte> from) {
    return {from.begin(), from.end()};
}

// --- The same values ---

bool same(double a, double b) {
    return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b); // NaN is NaN
}
bool same(float a, float b) {
    return std::bit_cast<std::uint32_t>(a) == std::bit_cast<std::uint32_t>(b);
}

bool same(const value& ours, const Struct& theirs);

bool same(const value& ours, const Value& theirs) {
    switch (theirs.kind_case()) {
    case Value::kNumberValue:
        return ours.number() != nullptr && same(*ours.number(), theirs.number_value());
    case Value::kStringValue:
        return ours.string() != nullptr && *ours.string() == theirs.string_value();
    case Value::kBoolValue:
        return ours.boolean() != nullptr && *ours.boolean() == theirs.bool_value();
    case Value::kStructValue:
        return same(ours, theirs.struct_value());
    case Value::kListValue: {
        const auto& items = theirs.list_value().values();
        return ours.items() != nullptr &&
               std::ranges::equal(*ours.items(), items,
                                  [](const value& a, const Value& b) { return same(a, b); });
    }
    case Value::kNullValue:
    case Value::KIND_NOT_SET:
        return ours.is_null();
    }
    return false;
}

bool same(const value& ours, const Struct& theirs) {
    if (ours.members() == nullptr || ours.members()->size() != theirs.fields().size()) {
        return false;
    }
    return std::ranges::all_of(*ours.members(), [&](const value::member& m) {
        const auto found = theirs.fields().find(m.key);
        return found != theirs.fields().end() && same(m.content, found->second);
    });
}

bool same(const object_view& ours, const Struct& theirs) {
    return same(value{ours}, theirs);
}

bool same(file_list_view ours, const google::protobuf::RepeatedPtrField<messages::FileInfo>& theirs) {
    auto next = theirs.begin();
    for (const file_view file : ours) {
        if (next == theirs.end() || file.file_id != next->file_id() || file.filename != next->filename() ||
            file.content_type != next->content_type() || file.size != next->size() ||
            file.storage_url != next->storage_url()) {
            return false;
        }
        ++next;
    }
    return next == theirs.end();
}

struct same_frame {
    const messages::WebSocketMessage& theirs;

    bool operator()(const worker_register_view& ours) const {
        const auto& m = theirs.worker_register();
        return theirs.has_worker_register() && as_text(ours.data) == m.data() &&
               as_text(ours.signature) == m.signature();
    }
    bool operator()(const register_response_view& ours) const {
        return theirs.has_worker_register_response() &&
               ours.idle_time == theirs.worker_register_response().idle_time();
    }
    bool operator()(const heartbeat_view& ours) const {
        const auto& m = theirs.heartbeat();
        const auto& usage = m.resource_usage();
        // A health that the protocol does not know is taken for none.
        const bool known = messages::WorkerHealth_IsValid(m.health());
        return theirs.has_heartbeat() && ours.timestamp_ms == m.timestamp() &&
               static_cast<int>(ours.health) == (known ? static_cast<int>(m.health()) : 0) &&
               same(ours.usage.cpu_percent, usage.cpu_percent()) &&
               ours.usage.memory_used_mb == usage.memory_used_mb() &&
               same(ours.usage.gpu_utilization, usage.gpu_utilization());
    }
    bool operator()(const task_assign_view& ours) const {
        const auto& m = theirs.task_assign();
        return theirs.has_task_assign() && ours.task_id == m.task_id() && ours.queue == m.queue() &&
               same(ours.metadata, m.metadata()) && same(ours.input, m.input()) &&
               ours.timeout_ms == m.timeout_ms() && same(ours.files, m.files());
    }
    bool operator()(const task_progress_view& ours) const {
        const auto& m = theirs.task_progress();
        return theirs.has_task_progress() && ours.task_id == m.task_id() &&
               same(ours.progress, m.progress()) && ours.message == m.message() &&
               ours.has_data == m.has_data() && same(ours.data, m.data());
    }
    bool operator()(const task_complete_view& ours) const {
        const auto& m = theirs.task_complete();
        return theirs.has_task_complete() && ours.task_id == m.task_id() && same(ours.result, m.result()) &&
               same(ours.result_files, m.result_files());
    }
    bool operator()(const task_failed_view& ours) const {
        const auto& m = theirs.task_failed();
        return theirs.has_task_failed() && ours.task_id == m.task_id() && ours.error_code == m.error_code() &&
               ours.error_message == m.error_message() && same(ours.error_details, m.error_details());
    }
};

// --- The same verdict ---

// True where a group may stand: a tag that starts one, and later the one that ends it. protobuf skips
// groups as unknown fields, and forgets those in map entries; so the bytes are looked at.
bool may_hold_group(const bytes& input) {
    for (std::size_t i = 0; i < input.size(); ++i) {
        const auto tag = static_cast<unsigned>(input[i]);
        const auto end = static_cast<std::byte>(tag + 1);
        const auto rest = std::span{input}.subspan(i + 1);
        if ((tag & 7U) == 3 && std::ranges::find(rest, end) != rest.end()) {
            return true;
        }
    }
    return false;
}

// True where a tag above 32 bits may stand: protobuf cuts it, so that two field numbers mean one field.
bool may_hold_wide_tag(const bytes& input) {
    for (std::size_t i = 0; i + 4 < input.size(); ++i) {
        const auto last = static_cast<unsigned>(input[i + 4]);
        const bool four_more = std::ranges::all_of(
            std::span{input}.subspan(i, 4), [](std::byte b) { return (b & std::byte{0x80}) != std::byte{}; });
        if (four_more && last > 0x0F && last < 0x80) {
            return true;
        }
    }
    return false;
}

/// What core refuses and protobuf takes: `frame_error::reason`, each with its reason.
const std::set<std::string_view> stricter_by_design{
    "a message of an unknown type",               // nothing can be done with it
    "a message whose type and payload disagree",  // the controller ignores it too
    "an assignment without a usable task id",     // it could not be answered
    "an assignment without a queue",              // no handler could be found
    "a field that may stand once is given twice", // protobuf merges; a sender that does so is broken
    to_string(payload_fault::too_deep),           // a database document holds 100 levels
    to_string(payload_fault::repeated_field),
};

enum class verdict : std::uint8_t { both_take, both_refuse, stricter };

/// Compares the two on one input; throws what is wrong when they differ in a way that is not by design.
verdict judge(const bytes& input) {
    // It logs each text that is not UTF-8.
    static auto* const quiet = google::protobuf::SetLogHandler(nullptr);
    static_cast<void>(quiet);
    const auto ours = read_frame(input);
    const auto theirs = parse_message(input);
    if (ours) {
        if (!theirs) {
            throw std::logic_error{"core takes what protobuf refuses"};
        }
        if (!std::visit(same_frame{*theirs}, *ours)) {
            throw std::logic_error{"other values than protobuf's: " + theirs->ShortDebugString()};
        }
        return verdict::both_take;
    }
    if (!theirs) {
        return verdict::both_refuse;
    }
    if (!stricter_by_design.contains(ours.error().reason) && !may_hold_group(input) &&
        !may_hold_wide_tag(input)) {
        throw std::logic_error{"core refuses what protobuf takes: " + std::string{ours.error().reason}};
    }
    return verdict::stricter;
}

// --- Inputs ---

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
        EXPECT_EQ(judge(from_hex(vector.at("hex").get<std::string>())), verdict::both_take) << vector;
    }
    for (const auto& vector : load_vectors("malformed_frames.json")) {
        EXPECT_NO_THROW(judge(from_hex(vector.at("hex").get<std::string>()))) << vector;
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
    RC_ASSERT(judge(copy_of(done.frame())) == verdict::both_take);
}

RC_GTEST_PROP(ProtobufJudge, AgreesOnItsOwnFrames, ()) {
    const auto message = any_message();
    RC_ASSERT(judge(serialize_message(message)) == verdict::both_take);
}

// Many small cases: a damaged byte in a hundred meets something.
TEST(ProtobufJudge, AgreesOnDamagedFrames) {
    std::array<int, 3> met{};
    const bool held = rc::check("damaged frames get the same verdict and values", [&] {
        const bytes original = serialize_message(any_message());
        for (int i = 0; i < 50; ++i) {
            const bytes input = mutated(original);
            try {
                ++met.at(static_cast<std::size_t>(judge(input)));
            } catch (const std::logic_error& e) {
                RC_LOG() << e.what() << "\n";
                for (const std::byte b : input) {
                    constexpr const char* digits = "0123456789abcdef";
                    RC_LOG() << digits[static_cast<unsigned>(b) >> 4U]
                             << digits[static_cast<unsigned>(b) & 15U];
                }
                RC_FAIL("they differ");
            }
        }
    });
    EXPECT_TRUE(held);
    for (const int count : met) {
        EXPECT_GT(count, 50) << "the damage is too gentle, or too much";
    }
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
    value deep = value::empty_object();
    for (unsigned i = 1; i < max_input_depth; ++i) {
        value outer = value::empty_object();
        outer.set("o", std::move(deep));
        deep = std::move(outer);
    }
    messages::WebSocketMessage message;
    message.set_type(messages::MESSAGE_TYPE_TASK_ASSIGN);
    message.mutable_task_assign()->set_task_id("t");
    message.mutable_task_assign()->set_queue("q");
    *message.mutable_task_assign()->mutable_input() = *to_struct(deep);
    const bytes frame = serialize_message(message);
    EXPECT_EQ(judge(frame), verdict::both_take);
    const auto view = read_frame(frame);
    EXPECT_TRUE(same(deep, *to_struct(std::get<task_assign_view>(*view).input)));
}

} // namespace
} // namespace distworker
