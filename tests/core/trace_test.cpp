// Traces: what is recorded plays again identically, whatever happened; what is damaged is told; no secret is
// in.
#include "core/traced_group.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

namespace distworker::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

struct step {
    std::uint8_t what = 0;
    std::uint8_t slot = 0;
    std::uint16_t amount = 0;
};

std::ostream& operator<<(std::ostream& out, const step& s) {
    return out << "{what " << int{s.what} << ", slot " << int{s.slot} << ", amount " << s.amount << '}';
}

void take(traced_group& it, const step& s) {
    const std::uint32_t slot = s.slot % 4U;
    const std::uint32_t generation = it.generations[slot];
    const auto receive = [&](const std::vector<std::byte>& bytes, message_kind kind = message_kind::binary) {
        const auto first = std::span{bytes}.first(std::min<std::size_t>(bytes.size(), s.amount));
        if (first.size() < bytes.size() && s.amount % 2 == 0) { // in two parts
            it.give(input::received{slot, generation, kind, first, false, bytes.size()});
            it.give(input::received{slot, generation, kind, std::span{bytes}.subspan(first.size()), true, 0});
        } else {
            it.give(input::received{slot, generation, kind, bytes, true, bytes.size()});
        }
    };
    const delivery task = it.task ? it.task->name() : delivery{};
    switch (s.what % 24) {
    case 0:
        return it.give(input::start{});
    case 1:
        return it.pass(std::chrono::milliseconds{s.amount});
    case 2:
    case 3:
        return it.give(input::opened{slot, generation});
    case 4:
    case 5:
        return it.give(input::sent{slot, generation});
    case 6:
    case 7:
        return receive(response_frame(s.amount % 5 == 0 ? s.amount : 0));
    case 8:
    case 9:
        return receive(assign_frame({.id = "t" + std::to_string(s.amount), .timeout_ms = s.amount % 3000}));
    case 10:
        return receive({std::byte{0xFF}, std::byte{s.slot}},
                       s.amount % 2 == 0 ? message_kind::text : message_kind::binary);
    case 11:
        return it.give(input::pinged{slot, generation});
    case 12:
        return it.give(input::pong{slot, generation, it.pings[slot]});
    case 13:
        return it.give(input::alive{slot, generation});
    case 14:
        return it.give(input::closed{slot,
                                     generation,
                                     {.what = link_end::kind::lost,
                                      .detail = "gone away % ü",
                                      .http_status = s.amount % 600,
                                      .retry_after = std::chrono::seconds{s.amount % 9}}});
    case 15: {
        outcome answer;
        if (it.task) {
            outcome_writer writer{*it.task};
            writer.result().member("n", int{s.amount});
            answer = std::move(writer).complete();
        }
        return it.give(input::complete{task, &answer});
    }
    case 16:
        return it.give(input::progress{task, s.amount / 65536.0, "half\nway"});
    case 17: {
        stream_item item;
        if (it.task) {
            stream_item_writer writer{*it.task, 0.5F};
            writer.data().member("n", int{s.amount});
            item = std::move(writer).finish().value();
        }
        return it.give(input::stream{task, &item});
    }
    case 18:
        return it.give(input::pause{});
    case 19:
        return it.give(input::resume{});
    case 20:
        return it.give(input::set_slots{s.amount % 5U});
    case 21:
        return it.give(input::set_usage{slot, {.cpu_percent = s.amount / 7.0F, .memory_used_mb = s.amount}});
    case 22:
        return s.amount % 2 == 0 ? it.give(input::flush{}) : it.give(input::set_health{worker_health::warn});
    default:
        return s.amount % 8 == 0
                   ? it.give(input::stop{end_reason::stop_requested, std::chrono::milliseconds{s.amount}})
                   : it.pass(std::chrono::milliseconds{s.amount});
    }
}

rc::Gen<std::vector<step>> steps() {
    return rc::gen::container<std::vector<step>>(
        rc::gen::construct<step>(rc::gen::arbitrary<std::uint8_t>(), rc::gen::arbitrary<std::uint8_t>(),
                                 rc::gen::arbitrary<std::uint16_t>()));
}

std::string recorded(const std::vector<step>& all, trace_payloads payloads) {
    traced_group it{payloads};
    it.give(input::start{});
    it.pass(5s);
    for (const step& s : all) {
        take(it, s);
    }
    return it.text;
}

/// A life with a bit of everything in it.
std::vector<step> a_life() {
    return {{0, 0, 0},      {2, 0, 0},  {4, 0, 0},   {6, 0, 100}, {4, 0, 0},  {2, 1, 0},
            {4, 1, 0},      {8, 0, 7},  {16, 0, 9},  {17, 0, 9},  {4, 0, 0},  {15, 0, 3},
            {4, 0, 0},      {4, 0, 0},  {1, 0, 200}, {12, 0, 0},  {20, 0, 3}, {14, 0, 7},
            {1, 0, 60'000}, {22, 0, 0}, {18, 0, 0},  {23, 0, 8}};
}

TEST(Trace, PlaysAgainIdentically) {
    const std::string trace = recorded(a_life(), trace_payloads::whole);
    const auto report = replay(trace);
    ASSERT_TRUE(report) << report.error().line << ": " << report.error().problem;
    EXPECT_FALSE(report->difference) << report->difference->line << "\n"
                                     << report->difference->recorded << "\n"
                                     << report->difference->replayed;
    EXPECT_TRUE(report->has_payloads);
    EXPECT_GT(report->inputs, 20U);
    EXPECT_GT(report->outputs, report->inputs);
    EXPECT_THAT(trace, HasSubstr("out assigned"));
    EXPECT_THAT(trace, HasSubstr("\nanswer "));
}

RC_GTEST_PROP(Trace, OfAnyLifePlaysAgainIdentically, ()) {
    const std::string trace = recorded(*steps(), trace_payloads::whole);
    const auto report = replay(trace);
    RC_ASSERT(report.has_value());
    if (report->difference) {
        RC_LOG(report->difference->recorded + "\n" + report->difference->replayed);
    }
    RC_ASSERT(!report->difference.has_value());
}

TEST(Trace, ShowsTheFirstOutputThatDiffers) {
    std::string trace = recorded(a_life(), trace_payloads::whole);
    const std::size_t at = trace.find("out send slot=0");
    ASSERT_NE(at, std::string::npos);
    const std::size_t last = trace.find('\n', at) - 1;
    trace[last] = trace[last] == '0' ? '1' : '0';
    const auto report = replay(trace);
    ASSERT_TRUE(report);
    ASSERT_TRUE(report->difference);
    EXPECT_EQ(report->difference->line,
              static_cast<std::size_t>(
                  std::count(trace.begin(), trace.begin() + static_cast<std::ptrdiff_t>(at), '\n')) +
                  1);
    EXPECT_THAT(report->difference->recorded, HasSubstr("send slot=0"));
    EXPECT_NE(report->difference->recorded, report->difference->replayed);
}

TEST(Trace, NoticesARefusalThatWasNotRecorded) {
    std::string trace = recorded({{0, 0, 0}}, trace_payloads::whole); // a second start
    const std::size_t at = trace.find("answer ");
    ASSERT_NE(at, std::string::npos);
    trace.erase(at, trace.find('\n', at) + 1 - at);
    const auto report = replay(trace);
    ASSERT_TRUE(report);
    ASSERT_TRUE(report->difference);
    EXPECT_EQ(report->difference->recorded, "answer ok");
}

TEST(Trace, WithoutPayloadsIsForReading) {
    const std::string trace = recorded(a_life(), trace_payloads::digests);
    const auto report = replay(trace);
    ASSERT_TRUE(report);
    EXPECT_FALSE(report->has_payloads);
    EXPECT_GT(report->inputs, 20U);
    EXPECT_FALSE(report->difference);
    EXPECT_THAT(trace, HasSubstr("out assigned"));
}

TEST(Trace, HoldsNoSecret) {
    for (const auto payloads : {trace_payloads::whole, trace_payloads::digests}) {
        EXPECT_THAT(recorded(a_life(), payloads), Not(HasSubstr(canary)));
    }
    const char* signature = "a7a7a7a7a7a7a7a7";
    EXPECT_THAT(recorded(a_life(), trace_payloads::whole), HasSubstr(signature));
    EXPECT_THAT(recorded(a_life(), trace_payloads::digests), Not(HasSubstr(signature)));
}

TEST(Trace, ThatEndsInTheMiddleOfALineIsWholeUpToThere) {
    const std::string trace = recorded(a_life(), trace_payloads::whole);
    const std::size_t head = trace.find('\n', trace.find('\n') + 1) + 1;
    for (std::size_t size = head; size < trace.size(); size += 7) {
        const auto report = replay(std::string_view{trace}.substr(0, size));
        ASSERT_TRUE(report) << size << ": " << report.error().problem;
        ASSERT_FALSE(report->difference) << size;
    }
}

TEST(Trace, CallsItsPayloadsAsTheConfigurationDoes) {
    EXPECT_STREQ(to_string(trace_payloads::whole), "whole");
    EXPECT_STREQ(to_string(trace_payloads::digests), "digests");
}

TEST(Trace, StopsWhenItsLinesAreNotTaken) {
    int lines = 0;
    trace_writer writer{[&](std::string_view) { return ++lines < 3; }, trace_payloads::whole};
    writer.begin(group_config().validate().value(), 5);
    EXPECT_FALSE(writer.failed());
    for (int i = 0; i < 3; ++i) {
        writer.gave(input::tick{}, {});
    }
    EXPECT_TRUE(writer.failed());
    EXPECT_EQ(lines, 3);
}

TEST(Trace, EndsWhereThereIsNoMemoryForALine) {
    int lines = 0;
    trace_writer writer{[&](std::string_view) -> bool {
                            if (++lines == 3) {
                                throw std::bad_alloc{};
                            }
                            return true;
                        },
                        trace_payloads::whole};
    writer.begin(group_config().validate().value(), 5);
    for (int i = 0; i < 3; ++i) {
        EXPECT_NO_THROW(writer.gave(input::tick{}, {}));
    }
    EXPECT_TRUE(writer.failed());
    EXPECT_EQ(lines, 3);
}

TEST(Trace, TellsWhatIsWrongWithAFile) {
    const std::string trace = recorded({}, trace_payloads::whole);
    const std::string head = trace.substr(0, trace.find('\n', trace.find('\n') + 1) + 1);
    struct {
        std::string text;
        std::size_t line;
        const char* problem;
    } const cases[] = {
        {"", 0, "no trace"},
        {"hello\n", 1, "no trace"},
        {"distworker-trace version=2 payloads=1 seed=1\n", 1, "version"},
        {trace.substr(0, trace.find('\n') + 1), 1, "head"},
        {head.substr(0, head.size() - 10) + "\n", 2, "drain_timeout"},
        {head + "what is this\n", 3, "'what'"},
        {head + "in now=1 wall=2\n", 3, "without a name"},
        {head + "in now=1 wall=2 fly\n", 3, "'fly'"},
        {head + "in now=x wall=2 start\n", 3, "start"},
        {head + "in now=1 wall=2 set_slots\n", 3, "'count'"},
        {head + "in now=1 wall=2 set_slots count=1 more=2\n", 3, "more fields"},
        {head + "in now=1 wall=2 pong slot=0 generation=0 payload=0g\n", 3, "'payload'"},
        {head + "poll now=1\n", 3, "'wall'"},
    };
    for (const auto& [text, line, problem] : cases) {
        const auto report = replay(text);
        ASSERT_FALSE(report) << text;
        EXPECT_EQ(report.error().line, line) << text;
        EXPECT_THAT(report.error().problem, HasSubstr(problem)) << text;
    }
}

RC_GTEST_PROP(Trace, OfAnyBytesIsSafeToRead, ()) {
    std::string trace = recorded(a_life(), trace_payloads::whole);
    const auto flips = *rc::gen::container<std::vector<std::pair<std::uint32_t, char>>>(
        rc::gen::pair(rc::gen::arbitrary<std::uint32_t>(), rc::gen::arbitrary<char>()));
    // Not the number of slots: ten thousand of them are as valid, and take their time.
    const std::size_t head = trace.find('\n', trace.find('\n') + 1) + 1;
    for (const auto& [at, to] : flips) {
        trace[head + at % (trace.size() - head)] = to;
    }
    static_cast<void>(replay(trace));
}

} // namespace
} // namespace distworker::testing
