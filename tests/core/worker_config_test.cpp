#include <distworker/worker_config.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <initializer_list>
#include <limits>
#include <set>

namespace distworker {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

worker_config minimal() {
    return {.controller = "http://localhost:8081", .provisioner = "example"};
}

std::vector<std::string> faulty_fields(const worker_config& config) {
    const auto valid = config.validate();
    std::vector<std::string> out;
    if (!valid) {
        for (const config_fault& fault : valid.error()) {
            EXPECT_FALSE(fault.problem.empty() || fault.remedy.empty()) << fault.field;
            out.push_back(fault.field);
        }
    }
    return out;
}

template <typename Change>
std::vector<std::string> faults_after(Change change) {
    worker_config config = minimal();
    change(config);
    return faulty_fields(config);
}

TEST(WorkerConfig, TwoFieldsAreEnough) {
    const auto valid = minimal().validate();
    ASSERT_TRUE(valid.has_value());
    EXPECT_EQ((*valid)->slots, 1U);
    EXPECT_EQ(valid->get().heartbeat_interval, 30s);
    EXPECT_EQ(valid->url().uri(), "ws://localhost:8081/worker/v1/ws");
    EXPECT_EQ(valid->session(), session_policy::anonymous);
    EXPECT_EQ(valid->reconnect().base, 5s);
    EXPECT_EQ(valid->reconnect().cap, 30s);
}

TEST(WorkerConfig, NothingSetNamesExactlyTheRequiredFields) {
    EXPECT_THAT(faulty_fields({}), ElementsAre("controller", "provisioner"));
}

TEST(WorkerConfig, EveryFaultAtOnce) {
    const worker_config bad{.controller = "ftp://x",
                            .provisioner = "\xff",
                            .slots = 0,
                            .max_message_bytes = 0,
                            .heartbeat_interval = 0ms,
                            .silence_probe = 20s,
                            .reconnect_interval = 31s,
                            .max_reconnect_attempts = -2};
    EXPECT_THAT(faulty_fields(bad),
                ElementsAre("controller", "provisioner", "slots", "max_message_bytes", "heartbeat_interval",
                            "max_reconnect_attempts", "silence_timeout", "reconnect_cap"));
}

TEST(WorkerConfig, Provisioner) { // G11
    EXPECT_THAT(faults_after([](auto& c) { c.provisioner = ""; }), ElementsAre("provisioner"));
    EXPECT_THAT(faults_after([](auto& c) { c.provisioner = "a\xc3"; }), ElementsAre("provisioner"));
    EXPECT_THAT(faults_after([](auto& c) { c.provisioner = std::string(1 << 20, 'a'); }),
                ElementsAre("provisioner"));
    EXPECT_THAT(faults_after([](auto& c) { c.provisioner = std::string(1025, 'a'); }),
                ElementsAre("provisioner"));
    EXPECT_THAT(faults_after([](auto& c) { c.provisioner = std::string(1024, 'a'); }), IsEmpty());
    EXPECT_THAT(faults_after([](auto& c) { c.provisioner = "example\n"; }), ElementsAre("provisioner"));
    EXPECT_THAT(faults_after([](auto& c) { c.provisioner = "example\x7F"; }), ElementsAre("provisioner"));
    EXPECT_THAT(faults_after([](auto& c) { c.provisioner = "\xed\x95\x9c\xea\xb5\xad"; }), IsEmpty());
}

TEST(WorkerConfig, Heartbeat) { // G9
    for (const std::chrono::milliseconds bad :
         {0ms, -1ms, 999ms, std::chrono::milliseconds{1h} + 1ms, std::chrono::milliseconds{1'000'000'000s},
          std::chrono::milliseconds::min(), std::chrono::milliseconds::max()}) {
        EXPECT_THAT(faults_after([bad](auto& c) { c.heartbeat_interval = bad; }),
                    ElementsAre("heartbeat_interval"));
    }
    for (const std::chrono::milliseconds fine :
         {std::chrono::milliseconds{1s}, std::chrono::milliseconds{1h}}) {
        EXPECT_THAT(faults_after([fine](auto& c) { c.heartbeat_interval = fine; }), IsEmpty());
    }
    worker_config config = minimal();
    config.heartbeat_interval = 0ms;
    EXPECT_EQ(config.validate().error().front().to_string(),
              "heartbeat_interval: is 0 ms, outside the allowed range (set it from 1 s to 1 h)");
}

TEST(WorkerConfig, MaxMessage) { // G10
    constexpr std::uint64_t gib = 1U << 30U;
    for (const std::uint64_t bad :
         std::initializer_list<std::uint64_t>{0, 1023, gib + 1, 1ULL << 63U, UINT64_MAX}) {
        EXPECT_THAT(faults_after([bad](auto& c) { c.max_message_bytes = bad; }),
                    ElementsAre("max_message_bytes"));
    }
    for (const std::uint64_t fine : {std::uint64_t{1024}, gib}) {
        EXPECT_THAT(faults_after([fine](auto& c) { c.max_message_bytes = fine; }), IsEmpty());
    }
}

TEST(WorkerConfig, RequireTls) { // T11
    EXPECT_THAT(faults_after([](auto& c) { c.controller = "http://far.test"; }), IsEmpty());
    EXPECT_THAT(faults_after([](auto& c) {
                    c.controller = "http://far.test";
                    c.require_tls = true;
                }),
                ElementsAre("controller"));
    EXPECT_THAT(faults_after([](auto& c) {
                    c.controller = "https://far.test";
                    c.require_tls = true;
                }),
                IsEmpty());
    EXPECT_THAT(faults_after([](auto& c) { c.require_tls = true; }), IsEmpty()) << "localhost";
    EXPECT_THAT(faults_after([](auto& c) {
                    c.controller = "far.test";
                    c.require_tls = true;
                }),
                ElementsAre("controller"))
        << "one fault: whether it is secured cannot be told";
}

TEST(WorkerConfig, SessionGoesWithTheWorkerId) {
    worker_config config = minimal();
    config.worker_id = "w-1";
    EXPECT_EQ(config.validate()->session(), session_policy::one_shot);
    config.session = session_policy::stable;
    EXPECT_EQ(config.validate()->session(), session_policy::stable);
    config.session = session_policy::anonymous;
    EXPECT_THAT(faulty_fields(config), ElementsAre("session"));
    config.worker_id = "";
    config.session = session_policy::one_shot;
    EXPECT_THAT(faulty_fields(config), ElementsAre("session"));
    config.session = session_policy::stable;
    EXPECT_THAT(faulty_fields(config), ElementsAre("session"));
    config.session = static_cast<session_policy>(99);
    EXPECT_THAT(faulty_fields(config), ElementsAre("session"));
}

TEST(WorkerConfig, FaultsNeverRepeatTheUrl) {
    worker_config config = minimal();
    config.controller = "http://user:canary@host";
    const auto valid = config.validate();
    ASSERT_FALSE(valid.has_value());
    for (const config_fault& fault : valid.error()) {
        EXPECT_EQ(fault.to_string().find("canary"), std::string::npos);
    }
}

TEST(WorkerConfig, ResourceInfoIsAnObjectThatTheControllerCanKeep) {
    const auto fault_of = [](value info) {
        worker_config config = minimal();
        config.resource_info = std::move(info);
        const auto valid = config.validate();
        return valid ? std::string{} : valid.error().at(0).field + " " + valid.error().at(0).problem;
    };
    EXPECT_EQ(fault_of({{"zone", "b"}, {"gpus", value::of({1, 2})}}), "");
    EXPECT_EQ(fault_of(value::empty_object()), "");
    EXPECT_EQ(fault_of("fast"), "resource_info is no object");
    EXPECT_EQ(fault_of({{"zone", "\xFF"}}), "resource_info.zone is text that is not UTF-8");
    EXPECT_EQ(fault_of({{"free", std::numeric_limits<double>::infinity()}}),
              "resource_info.free is a number that is not finite");
    EXPECT_EQ(fault_of({{"notes", std::string(65 << 10, 'x')}}), "resource_info.notes is too large");
}

TEST(WorkerConfigFields, DescribeEveryFieldOnce) {
    std::set<std::string_view> names;
    for (const config_field& field : worker_config_fields()) {
        EXPECT_TRUE(names.insert(field.name).second) << field.name;
        EXPECT_TRUE(field.meaning.ends_with('.')) << field.name;
        EXPECT_FALSE(field.range_text().empty()) << field.name;
    }
}

TEST(WorkerConfigFields, TextsAreReadable) {
    const auto row = [](std::string_view name) {
        const auto all = worker_config_fields();
        const auto& field = *std::ranges::find(all, name, &config_field::name);
        return field.default_text() + " | " + field.range_text();
    };
    EXPECT_EQ(row("provisioner"), " | 1 to 1024 bytes of UTF-8");
    EXPECT_EQ(row("heartbeat_interval"), "30 s | 1 s to 1 h");
    EXPECT_EQ(row("progress_interval"), "250 ms | 0 ms to 1 h");
    EXPECT_EQ(row("max_message_bytes"), "32 MiB | 1 KiB to 1 GiB");
    EXPECT_EQ(row("stream_bytes"), "256 KiB | 1 KiB to 1 GiB");
    EXPECT_EQ(row("slots"), "1 | 1 to 10000");
    EXPECT_EQ(row("max_reconnect_attempts"), "-1 | -1 to 2147483647");
    EXPECT_EQ(row("memory_mb"), "0 MiB | 0 MiB to 8796093022207 MiB");
    EXPECT_EQ(row("require_tls"), "false | true or false");
    EXPECT_EQ(row("reconnect"), "jitter | jitter or fixed");
    EXPECT_EQ(row("resource_info"), " | an object of at most 64 KiB");
    EXPECT_EQ(row("session"), "automatic | automatic, anonymous, one_shot or stable");
}

std::expected<void, config_fault> set(worker_config& config, std::string_view name, std::string_view text) {
    const auto all = worker_config_fields();
    return std::ranges::find(all, name, &config_field::name)->set(config, text);
}

TEST(WorkerConfigFields, ReadTheDefaultsThatTheyWrite) {
    const worker_config defaults;
    for (const config_field& field : worker_config_fields()) {
        std::visit(
            [&](const auto& rule) {
                worker_config config;
                config.*rule.member = {}; // no other value is a default but the empty text's
                if constexpr (!std::is_same_v<std::remove_cvref_t<decltype(rule)>, object_rule>) {
                    EXPECT_TRUE(field.set(config, field.default_text())) << field.name;
                }
                EXPECT_TRUE(config.*rule.member == defaults.*rule.member) << field.name;
            },
            field.rule);
    }
}

TEST(WorkerConfigFields, AreSetAsAPersonWritesThem) {
    worker_config config;
    EXPECT_TRUE(set(config, "controller", "http://host"));
    EXPECT_TRUE(set(config, "require_tls", "true"));
    EXPECT_TRUE(set(config, "memory_mb", "4 GiB"));
    EXPECT_TRUE(set(config, "cpu_cores", "8"));
    EXPECT_TRUE(set(config, "slots", "20000")) << "the range is for the check";
    EXPECT_TRUE(set(config, "outbox_bytes", "1.5MiB"));
    EXPECT_TRUE(set(config, "heartbeat_interval", "2min"));
    EXPECT_TRUE(set(config, "max_reconnect_attempts", "-1"));
    EXPECT_TRUE(set(config, "session", "stable"));
    EXPECT_TRUE(set(config, "reconnect", "fixed"));
    EXPECT_EQ(config.controller, "http://host");
    EXPECT_TRUE(config.require_tls);
    EXPECT_EQ(config.memory_mb, 4096);
    EXPECT_EQ(config.cpu_cores, 8);
    EXPECT_EQ(config.slots, 20'000U);
    EXPECT_EQ(config.outbox_bytes, 3U << 19U);
    EXPECT_EQ(config.heartbeat_interval, 2min);
    EXPECT_EQ(config.max_reconnect_attempts, -1);
    EXPECT_EQ(config.session, session_policy::stable);
    EXPECT_EQ(config.reconnect, reconnect_policy::fixed);
    EXPECT_TRUE(set(config, "memory_mb", "512"));
    EXPECT_EQ(config.memory_mb, 512) << "a bare number is in the field's unit";
}

TEST(WorkerConfigFields, SayWhatTextTheyCannotTake) {
    const auto fault_of = [](std::string_view name, std::string_view text) {
        worker_config config;
        const auto done = set(config, name, text);
        EXPECT_EQ(config.slots, 1U);
        return done ? std::string{} : done.error().to_string();
    };
    EXPECT_EQ(fault_of("slots", "two"), "slots: is no whole number (give 1 to 10000)");
    EXPECT_EQ(fault_of("slots", "-1"), "slots: is no whole number (give 1 to 10000)");
    EXPECT_EQ(fault_of("slots", "2 B"), "slots: is no whole number (give 1 to 10000)");
    EXPECT_EQ(fault_of("slots", ""), "slots: is no whole number (give 1 to 10000)");
    EXPECT_NE(fault_of("memory_mb", "1 KiB"), "") << "no whole number of MiB";
    EXPECT_EQ(fault_of("heartbeat_interval", "soon"), "heartbeat_interval: is no time (give 1 s to 1 h)");
    EXPECT_EQ(fault_of("require_tls", "maybe"), "require_tls: is none of its values (give true or false)");
    EXPECT_EQ(fault_of("reconnect", "never"), "reconnect: is none of its values (give jitter or fixed)");
    EXPECT_EQ(fault_of("resource_info", "{}"), "resource_info: is an object (set it in code)");
}

TEST(ConfigText, TimesAreReadInEveryUnit) {
    EXPECT_EQ(parse_duration("250 ms"), 250ms);
    EXPECT_EQ(parse_duration("1.5s"), 1500ms);
    EXPECT_EQ(parse_duration("30"), 30s);
    EXPECT_EQ(parse_duration("5min"), 5min);
    EXPECT_EQ(parse_duration("1 h"), 1h);
    EXPECT_EQ(parse_duration("0ms"), 0ms);
    EXPECT_EQ(parse_duration("1.2345000000000000000000000001s"), 1235ms);
    EXPECT_EQ(parse_duration("2. s"), 2s);
    for (const std::string_view bad : {"", " ", "s", "1 d", "-1s", "+1s", "1  s", "1s ", "1e3", "0x1", "inf",
                                       "nan", "1..2", "999999999999999999999h"}) {
        EXPECT_FALSE(parse_duration(bad)) << bad;
    }
}

TEST(ConfigText, SizesAreReadInEveryUnit) {
    EXPECT_EQ(parse_bytes("512 B"), 512U);
    EXPECT_EQ(parse_bytes("512"), 512U);
    EXPECT_EQ(parse_bytes("256KiB"), 256U << 10U);
    EXPECT_EQ(parse_bytes("1.5 MiB"), 3U << 19U);
    EXPECT_EQ(parse_bytes("1 GiB"), 1U << 30U);
    for (const std::string_view bad : {"", "KiB", "1 KB", "1 k", "-1", "1 MiB more", "9999999999 GiB"}) {
        EXPECT_FALSE(parse_bytes(bad)) << bad;
    }
}

TEST(ConfigText, ADurationIsWrittenInTheLargestUnitThatHoldsItWhole) {
    using namespace std::chrono_literals;
    EXPECT_EQ(format_duration(2h), "2 h");
    EXPECT_EQ(format_duration(90min), "90 min");
    EXPECT_EQ(format_duration(61s), "61 s");
    EXPECT_EQ(format_duration(1001ms), "1001 ms");
    EXPECT_EQ(format_duration(0ms), "0 ms");
}

RC_GTEST_PROP(ConfigText, WhatIsWrittenIsReadBack, ()) {
    const auto time = std::chrono::milliseconds{*rc::gen::inRange<std::int64_t>(0, 1'000'000'000'000)};
    const auto size = *rc::gen::inRange<std::uint64_t>(0, std::uint64_t{1} << 40U);
    RC_ASSERT(parse_duration(format_duration(time)) == time);
    RC_ASSERT(parse_bytes(format_bytes(size)) == size);
}

// Both ends of every range are accepted and what is one beyond is a fault of exactly that field.
TEST(WorkerConfigFields, RangesIncludeTheirEnds) {
    const auto own_fault = [](const config_field& field, const worker_config& config) {
        return std::ranges::count(faulty_fields(config), field.name);
    };
    const auto probe = [&](const config_field& field, const auto& rule) {
        if constexpr (requires { rule.min; }) {
            using value_type = std::remove_cvref_t<decltype(rule.min)>;
            const value_type one{1};
            for (const auto& [value, faults] : {std::pair{rule.min, 0}, std::pair{rule.max, 0},
                                                std::pair{rule.max + one, 1}, std::pair{rule.min - one, 1}}) {
                worker_config config = minimal();
                // Out of the way of the checks that compare two fields.
                config.silence_probe = 100ms;
                config.silence_timeout = 1h;
                config.receipt_retry = 100ms;
                config.receipt_timeout = 1h;
                config.reconnect_interval = 250ms;
                config.reconnect_cap = 24h;
                config.*rule.member = value;
                const bool pair_at_its_edge =
                    faults == 0 && (field.name == "silence_timeout" || field.name == "receipt_timeout") &&
                    value == rule.min;
                EXPECT_EQ(own_fault(field, config), pair_at_its_edge ? 1 : faults) << field.name;
            }
        }
    };
    for (const config_field& field : worker_config_fields()) {
        std::visit([&](const auto& rule) { probe(field, rule); }, field.rule);
    }
}

RC_GTEST_PROP(WorkerConfig, AnyTextIsAnAnswer,
              (const std::string& controller, const std::string& provisioner, const std::string& worker_id)) {
    const worker_config config{.controller = controller, .provisioner = provisioner, .worker_id = worker_id};
    const auto valid = config.validate();
    RC_ASSERT((valid.has_value() || !valid.error().empty()));
}

TEST(Token, Faults) { // G1, G2
    EXPECT_FALSE(check_token(secret{"your-worker-token"}).has_value());
    EXPECT_FALSE(check_token(secret{"with blank inside"}).has_value());
    EXPECT_FALSE(check_token(secret{"\xed\x86\xa0"}).has_value());
    for (const std::string_view bad :
         {"canary\n", "canary\r\n", " canary", "canary ", "\tcanary", "can\nary"}) {
        const auto fault = check_token(secret{bad});
        ASSERT_TRUE(fault.has_value()) << bad;
        EXPECT_EQ(fault->field, "token");
        EXPECT_NE(fault->remedy.find("trailing newline?"), std::string::npos);
        EXPECT_EQ(fault->to_string().find("can"), std::string::npos);
    }
    EXPECT_TRUE(check_token(secret{std::string_view{"can\0ary", 7}}).has_value());
    const auto empty = check_token(secret{""});
    ASSERT_TRUE(empty.has_value());
    EXPECT_EQ(empty->problem, "is empty");
}

} // namespace
} // namespace distworker
