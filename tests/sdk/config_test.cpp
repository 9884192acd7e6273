// The SDK's configuration: the environment, faults before anything happens, and a token that never shows.
#include "sdk/fake_controller.hpp"
#include "support/temporary.hpp"

#include <distworker/openssl_crypto.hpp>
#include <distworker/settings.hpp>
#include <distworker/signing.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <set>

namespace distworker::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class Environment : public ::testing::Test {
protected:
    ~Environment() override {
        for (const setting& each : settings()) {
            if (!each.environment.empty()) {
                ::unsetenv(std::string{each.environment}.c_str());
            }
        }
    }
};

TEST_F(Environment, GivesWhatAWorkerNeeds) {
    ::setenv("DISTWORKER_CONTROLLER_URL", "http://127.0.0.1:8081", 1);
    ::setenv("DISTWORKER_PROVISIONER", "prov", 1);
    ::setenv("DISTWORKER_WORKER_ID", "w-1", 1);
    ::setenv("DISTWORKER_WORKER_TOKEN", canary_token, 1);
    ::setenv("DISTWORKER_WORKER_TOKEN_FILE", "/a/file", 1);
    const config settings = config::from_environment();
    EXPECT_EQ(settings.controller, "http://127.0.0.1:8081");
    EXPECT_EQ(settings.provisioner, "prov");
    EXPECT_EQ(settings.worker_id, "w-1");
    EXPECT_EQ(settings.token.view(), canary_token);
    EXPECT_EQ(settings.token_file, "/a/file");
    EXPECT_THAT(settings.faults(), IsEmpty());
}

TEST_F(Environment, LosesTheTokenOnceItIsRead) {
    std::string block = "DISTWORKER_WORKER_TOKEN=canary-in-the-block"; // the environment points into it
    ASSERT_EQ(::putenv(block.data()), 0);
    const config settings = config::from_environment();
    EXPECT_EQ(settings.token.view(), "canary-in-the-block");
    EXPECT_EQ(std::getenv("DISTWORKER_WORKER_TOKEN"), nullptr);
    EXPECT_THAT(block, Not(HasSubstr("canary")));
}

TEST_F(Environment, EmptyOrMissingIsTheSame) {
    ::setenv("DISTWORKER_CONTROLLER_URL", "", 1);
    ::setenv("DISTWORKER_WORKER_TOKEN", "", 1);
    const config settings = config::from_environment();
    EXPECT_TRUE(settings.controller.empty());
    EXPECT_TRUE(settings.token.empty());
    EXPECT_EQ(std::getenv("DISTWORKER_WORKER_TOKEN"), nullptr);
}

TEST_F(Environment, IsNamedInTheRemedies) {
    std::string all;
    for (const config_fault& fault : config::from_environment().faults()) {
        all += fault.to_string() + "\n";
    }
    EXPECT_THAT(all, AllOf(HasSubstr("DISTWORKER_CONTROLLER_URL"), HasSubstr("DISTWORKER_PROVISIONER"),
                           HasSubstr("DISTWORKER_WORKER_TOKEN")));
}

TEST_F(Environment, SaysWhatToTrace) {
    ::setenv("DISTWORKER_TRACE_FILE", "/a/trace", 1);
    EXPECT_EQ(config::from_environment().trace_file, "/a/trace");
    EXPECT_EQ(config::from_environment().trace, trace_payloads::digests);
    ::setenv("DISTWORKER_TRACE_PAYLOADS", "whole", 1);
    EXPECT_EQ(config::from_environment().trace, trace_payloads::whole);
    ::setenv("DISTWORKER_TRACE_PAYLOADS", "everything", 1);
    EXPECT_EQ(config::from_environment().trace, trace_payloads::digests);
}

const setting& row(std::string_view name) {
    return *std::ranges::find(settings(), name, &setting::name);
}

TEST(Settings, AreDescribedOnceEachGroupByGroup) {
    std::set<std::string_view> names;
    std::set<std::string_view> groups;
    std::string_view group;
    for (const setting& each : settings()) {
        EXPECT_TRUE(names.insert(each.name).second) << each.name;
        EXPECT_TRUE(each.group == group || groups.insert(each.group).second) << each.group << " comes twice";
        group = each.group;
        EXPECT_TRUE(each.meaning.ends_with('.')) << each.name;
        EXPECT_FALSE(each.range_text.empty()) << each.name;
        EXPECT_TRUE(each.environment.empty() || each.environment.starts_with("DISTWORKER_")) << each.name;
    }
    EXPECT_EQ(names.size(), worker_config_fields().size() + 14);
}

TEST(Settings, CanAllBeSetByTextButTheTokenAndAnObject) {
    for (const setting& each : settings()) {
        EXPECT_EQ(each.set == nullptr, each.name == "token" || each.name == "resource_info") << each.name;
        if (each.set) {
            config made;
            EXPECT_TRUE(each.set(made, each.default_text)) << each.name;
        }
    }
    config made;
    EXPECT_TRUE(row("slots").set(made, "3"));
    EXPECT_TRUE(row("ca_file").set(made, "/a/ca.pem"));
    EXPECT_TRUE(row("handler_threads").set(made, "7"));
    EXPECT_TRUE(row("level").set(made, "debug"));
    EXPECT_EQ(made.slots, 3U);
    EXPECT_EQ(made.ca_file, "/a/ca.pem");
    EXPECT_EQ(made.handler_threads, 7U);
    EXPECT_EQ(made.level, log_level::debug);
    for (const auto& [name, text] : {std::pair{"handler_threads", "many"},
                                     {"handler_threads", "7 "},
                                     {"level", "loud"},
                                     {"trace", "some"},
                                     {"insecure_skip_verification", "yes"},
                                     {"slots", "x"}}) {
        const auto done = row(name).set(made, text);
        ASSERT_FALSE(done) << name;
        EXPECT_EQ(done.error().field, name);
        EXPECT_THAT(done.error().remedy, HasSubstr(row(name).range_text));
    }
    EXPECT_EQ(made.handler_threads, 7U) << "a fault leaves it as it was";
}

TEST(Settings, OfTheSdkAreChecked) {
    config bad;
    bad.handler_threads = 10'001;
    bad.level = static_cast<log_level>(9);
    bad.trace = static_cast<trace_payloads>(9);
    std::vector<std::string> fields;
    for (const config_fault& fault : bad.faults()) {
        fields.push_back(fault.field);
    }
    EXPECT_THAT(fields, ::testing::ElementsAre("controller", "provisioner", "token", "handler_threads",
                                               "level", "trace"));
}

TEST(Configuration, TellsAllFaultsAtOnceBeforeASocketIsOpened) {
    const auto spoil = [](config& settings) {
        settings.provisioner.clear();
        settings.slots = 0;
        settings.heartbeat_interval = std::chrono::milliseconds{0};
        settings.token = {};
        settings.ca_file = "/does/not/exist.pem";
        settings.handler_threads = 1'000'000;
    };
    stage on{spoil};
    EXPECT_FALSE(on.it().start());
    EXPECT_EQ(on.it().wait().code(), exit_code::configuration);
    for (const char* field :
         {"provisioner: ", "slots: ", "heartbeat_interval: ", "token: ", "ca_file: ", "handler_threads: "}) {
        EXPECT_THAT(on.log().lines(), Contains(AllOf(HasSubstr(field), HasSubstr("("), HasSubstr(")"))));
    }
    EXPECT_THAT(on.log().text(), HasSubstr("6 fault(s)"));
    EXPECT_FALSE(on.server().pending());

    worker again{on.settings(spoil)};
    const auto end = again.run();
    EXPECT_EQ(end.code(), exit_code::configuration);
    EXPECT_EQ(static_cast<int>(end), 2);
    EXPECT_FALSE(on.server().pending());
}

TEST(Configuration, FaultsNeverShowTheToken) {
    for (const std::string& token : {std::string{canary_token} + "\n", std::string{" "} + canary_token,
                                     std::string{canary_token} + std::string(1, '\0')}) {
        config settings;
        settings.controller = "http://user:" + std::string{canary_token} + "@127.0.0.1";
        settings.provisioner = "p";
        settings.token = secret{std::string_view{token}};
        const auto faults = settings.faults();
        EXPECT_FALSE(faults.empty());
        for (const config_fault& fault : faults) {
            EXPECT_THAT(fault.to_string(), Not(HasSubstr("canary")));
        }
        settings.token = {};
        const temporary_file file{token + "\nmore"};
        settings.token_file = file.path();
        for (const config_fault& fault : settings.faults()) {
            EXPECT_THAT(fault.to_string(), Not(HasSubstr("canary")));
        }
    }
}

TEST(Configuration, ATokenFileMayEndInOneNewline) {
    for (const char* content : {"token", "token\n", "token\r\n"}) {
        const temporary_file file{content};
        config settings;
        settings.controller = "http://127.0.0.1";
        settings.provisioner = "p";
        settings.token_file = file.path();
        EXPECT_THAT(settings.faults(), IsEmpty()) << content;
    }
    for (const std::string& content : {std::string{}, std::string{"\n"}, std::string{"token\n\n"},
                                       std::string{"to\nken"}, std::string(100'000, 'x')}) {
        const temporary_file file{content};
        config settings;
        settings.controller = "http://127.0.0.1";
        settings.provisioner = "p";
        settings.token_file = file.path();
        const auto faults = settings.faults();
        ASSERT_EQ(faults.size(), 1U);
        EXPECT_EQ(faults[0].field, "token_file");
        EXPECT_THAT(faults[0].remedy, HasSubstr("DISTWORKER_WORKER_TOKEN_FILE"));
    }
}

/// Whether a session's registration is signed with this token.
bool signed_with(const controller_session& session, const std::string& token) {
    const auto content = read_signed_register(session.registration);
    digest32 signature{};
    EXPECT_EQ(session.signature.size(), signature.size());
    std::memcpy(signature.data(), session.signature.data(), signature.size());
    return verify_registration(*make_openssl_crypto(), secret{std::string_view{token}}, content.value().date,
                               session.registration, signature)
        .value();
}

TEST(Token, SignsTheRegistration) {
    stage on;
    on.start();
    EXPECT_TRUE(signed_with(on.session(), canary_token));
    EXPECT_FALSE(signed_with(on.session(), "another"));
    on.stop();
}

TEST(Token, IsReadFromItsFileAtEachRegistration) {
    const temporary_file file{"first-canary\n"};
    stage on{[&](config& settings) {
        settings.token = {};
        settings.token_file = file.path();
    }};
    on.start();
    EXPECT_TRUE(signed_with(on.session(), "first-canary"));
    file.write("second-canary\n");
    on.session().peer().reset();
    on.next_session();
    EXPECT_TRUE(signed_with(on.session(), "second-canary"));
    file.write(""); // somebody is about to write the third
    on.session().peer().reset();
    controller_session without{on.server().accept()};
    EXPECT_THROW(without.await_registration(), std::exception);
    on.log().await("token_file");
    file.write("third-canary\n");
    on.next_session();
    EXPECT_TRUE(signed_with(on.session(), "third-canary"));
    on.stop();
    EXPECT_THAT(on.log().text(), Not(HasSubstr("canary")));
}

TEST(Token, IsWarnedAboutWhenOthersCanReadItsFile) {
    const temporary_file file{"token"};
    for (const bool open : {true, false}) {
        fs::permissions(file.path(), open ? fs::perms{0644} : fs::perms{0600});
        stage on{[&](config& settings) {
            settings.token = {};
            settings.token_file = file.path();
        }};
        on.start();
        on.stop();
        EXPECT_EQ(on.log().text().find("chmod 600") != std::string::npos, open);
    }
}

TEST(Token, NeverShowsInALog) {
    stage on;
    on.it().on("q", [](task& t) -> value {
        t.progress(percent(50), "half");
        throw std::runtime_error{"failed"};
    });
    on.start();
    on.run({});
    on.run({.queue = "nobody", .id = "task-2"});
    on.session().peer().reset();
    controller_session refused{on.server().accept()};
    refused.await_registration();
    refused.peer().send(ws_frame::close, "\x03\xE8"); // refuses: closes without an answer
    refused.peer().hang_up();
    on.log().await("token"); // the first of the likely causes, as a word
    on.next_session();
    on.stop();
    EXPECT_THAT(on.log().text(), Not(HasSubstr(canary_token)));
    EXPECT_THAT(on.log().text(), Not(HasSubstr("canary")));
}

TEST(Log, EscapesWhatComesFromOutside) {
    stage on;
    on.start();
    const auto got = on.run({.queue = "evil\n2026-01-01 error forged", .id = "id\x1b[31m"});
    EXPECT_EQ(got.code, "NO_HANDLER");
    on.stop();
    for (const std::string& line : on.log().lines()) {
        EXPECT_THAT(line, AllOf(Not(HasSubstr("\n")), Not(HasSubstr("\x1b"))));
    }
}

TEST(Log, SaysNothingBelowItsLevel) {
    stage on{[](config& settings) { settings.level = log_level::off; }};
    on.start();
    on.stop();
    EXPECT_THAT(on.log().lines(), IsEmpty());
    for (const log_level level :
         {log_level::debug, log_level::info, log_level::warning, log_level::error, log_level::off}) {
        EXPECT_EQ(parse_log_level(to_string(level)), level);
    }
    EXPECT_FALSE(parse_log_level("loud"));
}

} // namespace
} // namespace distworker::testing
