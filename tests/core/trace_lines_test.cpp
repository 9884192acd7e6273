// Each line of a trace: what it is written for, how it plays again, and what is said when it is damaged.
#include "core/traced_group.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <string_view>

namespace distworker::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

/// The first difference, "" when there is none, or why the trace cannot be read.
std::string difference_of(std::string_view trace) {
    const auto report = replay(trace);
    if (!report) {
        return "line " + std::to_string(report.error().line) + ": " + report.error().problem;
    }
    return report->difference
               ? "'" + report->difference->recorded + "' became '" + report->difference->replayed + "'"
               : "";
}

worker_config one_slot() {
    worker_config config = default_config();
    config.stream_bytes = 1024;
    return config;
}

signer failing_signer(signing_error::kind what) {
    return [what](std::string_view, std::span<const std::byte>) -> std::expected<digest32, signing_error> {
        return std::unexpected{signing_error{what, "not there now"}};
    };
}

// Registered, with a task.
void work(traced_group& it) {
    it.give(input::start{});
    it.pass(5s);
    it.give(input::opened{0, it.generations[0]});
    it.give(input::sent{0, it.generations[0]});
    it.give(input::received{0, it.generations[0], message_kind::binary, response_frame(), true, 0});
    it.give(input::sent{0, it.generations[0]});
    it.give(input::received{0, it.generations[0], message_kind::binary, assign_frame({}), true, 0});
    ASSERT_TRUE(it.task);
}

// Everything in `text` from a line that begins with `begin` on, that line changed.
std::string with_line(std::string text, std::string_view begin, std::string_view changed) {
    const std::size_t at = text.find("\n" + std::string{begin}) + 1;
    EXPECT_NE(at, 0U) << "no line begins with " << begin;
    return text.replace(at, text.find('\n', at) + 1 - at, changed);
}

TEST(TraceLines, PollsAfterTheirInputsHaveTheirOwnTime) {
    traced_group it{trace_payloads::whole, one_slot()};
    it.give(input::start{});
    it.now.monotonic += 10s;
    it.drain();
    it.now.wall += 1ms; // either clock alone
    it.drain();
    EXPECT_THAT(it.text, HasSubstr("\npoll now=3610000000000 wall=1790000000000\nout abort slot=0"));
    EXPECT_THAT(it.text, HasSubstr("\npoll now=3610000000000 wall=1790000000001\nout idle"));
    EXPECT_EQ(difference_of(it.text), "");
}

TEST(TraceLines, UsagePlaysAgain) {
    traced_group it{trace_payloads::whole, one_slot()};
    it.give(input::start{});
    it.give(input::opened{0, it.generations[0]});
    it.give(input::sent{0, it.generations[0]});
    it.give(input::set_usage{0, {.cpu_percent = 12.5F, .memory_used_mb = 345, .gpu_utilization = 67.5F}});
    it.give(input::received{0, it.generations[0], message_kind::binary, response_frame(), true, 0});
    EXPECT_THAT(it.text, HasSubstr(" set_usage slot=0 cpu=12.5 memory=345 gpu=67.5\n"));
    EXPECT_EQ(difference_of(it.text), "");
}

TEST(TraceLines, FlushPlaysAgain) {
    traced_group it{trace_payloads::whole, one_slot()};
    work(it);
    outcome answer = engine_rig::result_for(*it.task);
    it.give(input::complete{it.task->name(), &answer});
    it.give(input::sent{0, it.generations[0]});
    EXPECT_THAT(it.text, Not(HasSubstr("\nout ping")));
    it.give(input::flush{});
    EXPECT_THAT(it.text, HasSubstr(" flush\nout ping slot=0"));
    EXPECT_EQ(difference_of(it.text), "");
}

// FNV-1a of 64 bits, as docs/tracing.md says: whoever has the payload can look for it.
TEST(TraceLines, APayloadThatIsLeftOutHasItsSizeAndItsChecksum) {
    traced_group it{trace_payloads::digests, one_slot()};
    work(it);
    it.give(input::progress{it.task->name(), 0.5, "foobar"});
    EXPECT_THAT(it.text, HasSubstr("=6#85944171f73967e8\n"));
}

TEST(TraceLines, AnyTimePlaysAgain) {
    traced_group it{trace_payloads::whole, one_slot()};
    it.give(input::start{});
    for (const auto time : {monotonic_time::max(), monotonic_time::min(), monotonic_time{}}) {
        it.now = {time, wall_time{std::chrono::milliseconds{time.time_since_epoch().count()}}};
        it.give(input::tick{});
    }
    EXPECT_EQ(difference_of(it.text), "");
}

TEST(TraceLines, AFailingSignerPlaysAgain) {
    for (const auto& [what, word] : {std::pair{signing_error::kind::clock_not_set, "clock_not_set"},
                                     std::pair{signing_error::kind::token_unavailable, "token_unavailable"},
                                     std::pair{signing_error::kind::crypto_failed, "crypto_failed"}}) {
        traced_group it{trace_payloads::whole, one_slot(), failing_signer(what)};
        it.give(input::start{});
        it.pass(5s);
        it.give(input::opened{0, it.generations[0]});
        it.give(input::closed{0, it.generations[0], {.what = link_end::kind::closed, .detail = {}}});
        EXPECT_THAT(it.text,
                    HasSubstr("\nsigned error=" + std::string{word} + " message=not%20there%20now\n"));
        EXPECT_THAT(it.text, HasSubstr("not%20there%20now before_answer"));
        EXPECT_EQ(difference_of(it.text), "");
    }
}

TEST(TraceLines, AFullStreamPlaysAgain) {
    traced_group it{trace_payloads::whole, one_slot()};
    work(it);
    const auto stream = [&] {
        stream_item_writer writer{*it.task, 0.5F};
        writer.data().member("text", std::string(400, 'x'));
        stream_item item = std::move(writer).finish().value();
        it.give(input::stream{it.task->name(), &item});
    };
    for (int i = 0; i < 5; ++i) {
        stream();
    }
    for (int i = 0; i < 5; ++i) {
        it.give(input::sent{0, it.generations[0]});
    }
    EXPECT_THAT(it.text, HasSubstr("\nanswer would_block\n"));
    EXPECT_THAT(it.text, HasSubstr("\nout writable slot=0 generation=1 serial=1\n"));
    EXPECT_EQ(difference_of(it.text), "");
}

TEST(TraceLines, MisusePlaysAgain) {
    traced_group it{trace_payloads::whole, one_slot()};
    work(it);
    outcome no_answer;
    stream_item no_item;
    it.give(input::stream{it.task->name(), &no_item});
    it.give(input::complete{it.task->name(), &no_answer});
    it.give(input::progress{it.task->name(), std::numeric_limits<double>::quiet_NaN(), ""});
    it.give(input::opened{9, 1});
    EXPECT_THAT(it.text, HasSubstr("answer invalid_value"));
    EXPECT_THAT(it.text, HasSubstr("answer unknown_slot"));
    EXPECT_EQ(difference_of(it.text), "");
}

TEST(TraceLines, AnOutcomeThatComesBackPlaysAgain) {
    traced_group it{trace_payloads::whole, one_slot()};
    work(it);
    outcome answer = engine_rig::result_for(*it.task);
    it.give(input::complete{it.task->name(), &answer});
    it.give(input::closed{0, it.generations[0], {.what = link_end::kind::lost, .detail = {}}});
    EXPECT_THAT(it.text,
                HasSubstr("\nout undeliverable slot=0 generation=1 serial=1 certainty=maybe_processed "));
    EXPECT_EQ(difference_of(it.text), "");
}

TEST(TraceLines, TextIsEscaped) {
    traced_group it{trace_payloads::whole, one_slot()};
    it.give(input::closed{0, 7, {.what = link_end::kind::tls, .detail = "a b%c\x7F\n\u00FC"}});
    EXPECT_THAT(it.text, HasSubstr(" detail=a%20b%25c%7f%0a%c3%bc http_status"));
    EXPECT_EQ(difference_of(it.text), "");
}

TEST(TraceLines, ValuesThatDoNotExistAreSaidToBeUnknown) {
    traced_group it{trace_payloads::whole, one_slot(), failing_signer(static_cast<signing_error::kind>(99))};
    it.give(input::set_health{static_cast<worker_health>(99)});
    it.give(input::start{});
    it.pass(5s);
    it.give(input::opened{0, it.generations[0]});
    EXPECT_THAT(it.text, HasSubstr(" set_health health=unknown\n"));
    EXPECT_THAT(it.text, HasSubstr("\nsigned error=unknown message"));
    EXPECT_EQ(difference_of(it.text), "line 3: the field 'health' is missing or cannot be read");
}

// --- What a replay says of a trace that was changed ---

TEST(TraceLines, ARefusalThatDoesNotComeAgainIsADifference) {
    traced_group it{trace_payloads::whole, one_slot()};
    it.give(input::start{});
    const std::string trace =
        with_line(it.text, "out idle", "answer not_in_state\nout idle deadline=never\n");
    EXPECT_EQ(difference_of(trace), "'answer not_in_state' became 'answer ok'");
}

TEST(TraceLines, TheFirstOfTwoDifferencesIsTold) {
    traced_group it{trace_payloads::whole, one_slot()};
    it.give(input::start{});
    it.give(input::start{});
    std::string trace = with_line(it.text, "answer", "");
    trace = trace.substr(0, trace.rfind("out idle")) + "out of order\n";
    EXPECT_EQ(difference_of(trace), "'answer ok' became 'answer not_in_state'");
}

TEST(TraceLines, SignaturesThatAreGoneOrDamagedAreADifference) {
    traced_group it{trace_payloads::whole, one_slot()};
    work(it);
    for (const std::string_view signature :
         {"", "signed signature=\n", "signed signature=00ff\n", "signed signature=0\n", "signed\n",
          "signed error=unheard_of message=x\n"}) {
        EXPECT_THAT(difference_of(with_line(it.text, "signed", signature)),
                    HasSubstr("became 'out state_changed slot=0 state=closing'"))
            << signature;
    }
    // The process ended in the middle of a line.
    std::string cut = with_line(it.text, "signed", "");
    cut.pop_back();
    EXPECT_THAT(difference_of(cut), HasSubstr("became 'out state_changed slot=0 state=closing'"));
}

TEST(TraceLines, DamageIsToldWithItsLine) {
    traced_group it{trace_payloads::whole, one_slot()};
    const std::string& head = it.text;
    const std::size_t second = head.find('\n') + 1;
    const std::string first_line = head.substr(0, second);
    const std::string config_line = head.substr(second);
    const auto replaced = [](std::string text, const std::string& what, const std::string& by) {
        EXPECT_THAT(text, HasSubstr(what));
        return text.replace(text.find(what), what.size(), by);
    };
    const std::string task = " slot=0 generation=1 serial=1 ";
    struct {
        std::string text;
        std::size_t line;
        const char* problem;
    } const cases[] = {
        {replaced(head, "payloads=1", "payloads=2"), 1, "'payloads'"},
        {replaced(head, "payloads=1", "payloads"), 1, "'payloads'"},
        {replaced(head, "seed=5", "seed=5x"), 1, "'seed'"},
        {replaced(head, "seed=5", "seed=99999999999999999999"), 1, "'seed'"},
        {first_line + "in now=1 wall=2 start\n", 2, "head"},
        {first_line + replaced(config_line, "\n", " more=1\n"), 2, "configuration is damaged"},
        {first_line + replaced(config_line, " slots=1", " slots=0"), 2, "slots"},
        {first_line + replaced(config_line, "session=automatic", "session=manual"), 2, "'session'"},
        {first_line + replaced(config_line, "provisioner=example", "provisioner=ex%"), 2, "'provisioner'"},
        {first_line + replaced(config_line, "provisioner=example", "provisioner=ex%4"), 2, "'provisioner'"},
        {first_line + replaced(config_line, "provisioner=example", "provisioner=ex%g0"), 2, "'provisioner'"},
        {first_line + replaced(config_line, "provisioner=example", "provisioner=ex%0g"), 2, "'provisioner'"},
        {first_line + replaced(config_line, "resource_info=", "resource_info=0"), 2, "'resource_info'"},
        {first_line + replaced(config_line, " worker_id=", " worker="), 2, "'worker_id'"},
        {head + "in now=1\n", 3, "without a name"},
        {head + "in\n", 3, "without a name"},
        {head + "in now=1 wall=2 set_health health=fine\n", 3, "'health'"},
        {head + "in now=1 wall=2 pong slot=0 generation=0 payload=g0\n", 3, "'payload'"},
        {head + "in now=1 wall=2 pong slot=0 generation=0 payload=0\n", 3, "'payload'"},
        {head + "in now=1 wall=2 complete" + task + "frame=00\n", 3, "'frame'"},
        {head + "in now=1 wall=2 stream" + task + "frame=00\n", 3, "'frame'"},
        {head + "in now=1 wall=2 stop why=idle drain=1 close=soon\n", 3, "'close'"},
        {head + "poll now=1 wall=x\n", 3, "'wall'"},
    };
    for (const auto& [text, line, problem] : cases) {
        const auto report = replay(text);
        ASSERT_FALSE(report) << text;
        EXPECT_EQ(report.error().line, line) << text;
        EXPECT_THAT(report.error().problem, HasSubstr(problem)) << text;
    }
}

TEST(TraceLines, EndWhereTheyAreNotTakenAndTheGroupGoesOn) {
    for (int taken = 0; taken < 3; ++taken) {
        int lines = 0;
        trace_writer writer{[&](std::string_view) { return lines++ < taken; }, trace_payloads::whole};
        const auto config = one_slot().validate().value();
        writer.begin(config, 5);
        worker_group group{config, writer.noting(fake_signer()), 5};
        const instant now{monotonic_time{1h}, wall_time{std::chrono::milliseconds{1'790'000'000'000}}};
        writer.gave(input::start{}, now);
        writer.answered(group.start(now));
        writer.answered(group.start(now)); // refused
        bool registers = false;
        for (group_output next = group.poll(now); !std::holds_alternative<output::idle>(next.out);
             next = group.poll(now)) {
            writer.took(next, now);
            if (const auto* connect = std::get_if<output::connect>(&next.out)) {
                group.with(0, [&](worker_engine& engine) { engine.opened(connect->generation, now); });
            }
            registers = registers || std::holds_alternative<output::send>(next.out);
        }
        EXPECT_TRUE(registers) << "its signer works, noted or not";
        EXPECT_TRUE(writer.failed());
        EXPECT_EQ(lines, taken + 1);
    }
}

} // namespace
} // namespace distworker::testing
