// The options of distworker-controller.
#include "src/command_line.hpp"
#include "support/temporary.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

namespace distworker::controller {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::temporary_file;

// Arguments that can be written to, as a program's are.
struct arguments {
    std::vector<std::string> texts;
    std::variant<parsed_options, just_print> parse() {
        std::vector<char*> pointers;
        texts.insert(texts.begin(), "distworker-controller");
        for (std::string& text : texts) {
            pointers.push_back(text.data());
        }
        return parse_command_line(static_cast<int>(pointers.size()), pointers.data());
    }
};

parsed_options options_of(std::vector<std::string> texts) {
    auto parsed = arguments{std::move(texts)}.parse();
    return std::move(std::get<parsed_options>(parsed));
}

TEST(controller_options, have_defaults) {
    const auto parsed = options_of({"--provisioner", "p:tok:a"});
    EXPECT_TRUE(parsed.faults.empty());
    EXPECT_EQ(parsed.options.bind, "127.0.0.1");
    EXPECT_EQ(parsed.options.api_port, 8080);
    EXPECT_EQ(parsed.options.worker_port, 8081);
    EXPECT_EQ(parsed.options.broker.idle_time, 0);
    EXPECT_EQ(parsed.options.broker.keep, 10'000U);
    EXPECT_EQ(parsed.options.broker.mode, controller_mode::faithful);
}

TEST(controller_options, are_all_read) {
    const temporary_file file{"one-time\n"};
    const auto parsed = options_of({"--api-port",
                                    "1",
                                    "--worker-port=2",
                                    "--idle-time",
                                    "3",
                                    "--keep",
                                    "4",
                                    "--bind",
                                    "::1",
                                    "--mode",
                                    "ideal",
                                    "--tls-cert",
                                    "c",
                                    "--tls-key",
                                    "k",
                                    "--provisioner",
                                    "p:t:o:k:a,b.c/d",
                                    "--provisioner",
                                    "q:@" + file.path() + ":x",
                                    "--session",
                                    "w:@" + file.path() + ":p"});
    ASSERT_TRUE(parsed.faults.empty()) << parsed.faults[0].to_string();
    const controller_options& o = parsed.options;
    EXPECT_EQ(o.api_port, 1);
    EXPECT_EQ(o.worker_port, 2);
    EXPECT_EQ(o.broker.idle_time, 3);
    EXPECT_EQ(o.broker.keep, 4U);
    EXPECT_EQ(o.broker.mode, controller_mode::ideal);
    EXPECT_EQ(o.bind, "::1");
    EXPECT_EQ(o.tls_certificate, "c");
    EXPECT_EQ(o.tls_key, "k");
    ASSERT_EQ(o.provisioners.size(), 2U);
    EXPECT_EQ(o.provisioners[0].name, "p");
    EXPECT_EQ(o.provisioners[0].token.view(), "t:o:k");
    EXPECT_EQ(o.provisioners[0].queues, (std::vector<std::string>{"a", "b.c/d"}));
    EXPECT_EQ(o.provisioners[1].token.view(), "one-time");
    ASSERT_EQ(o.sessions.size(), 1U);
    EXPECT_EQ(o.sessions[0].worker_id, "w");
    EXPECT_EQ(o.sessions[0].token.view(), "one-time");
    EXPECT_EQ(o.sessions[0].provisioner, "p");
    EXPECT_THAT(parsed.warnings, ::testing::ElementsAre(HasSubstr("development only")));
}

TEST(controller_options, tell_every_fault_at_once) {
    const temporary_file empty{"\n"};
    const auto parsed = options_of({"--api-port", "80a", "--worker-port", "65536", "--idle-time", "-1",
                                    "--keep", "", "--mode", "perfect", "--provisioner", "secret-canary",
                                    "--provisioner", "p:@/nowhere/token:a", "--provisioner",
                                    "q:@" + empty.path() + ":a", "--session", "w:secret-canary:p"});
    std::vector<std::string> fields;
    for (const config_fault& fault : parsed.faults) {
        fields.push_back(fault.field);
        EXPECT_THAT(fault.to_string(), Not(HasSubstr("secret-canary")));
        EXPECT_FALSE(fault.remedy.empty());
    }
    EXPECT_THAT(fields, ::testing::ElementsAre("api-port", "worker-port", "idle-time", "mode", "provisioner",
                                               "provisioner", "provisioner", "session"));
}

TEST(controller_options, need_a_provisioner) {
    const auto parsed = options_of({});
    ASSERT_EQ(parsed.faults.size(), 1U);
    EXPECT_EQ(parsed.faults[0].field, "provisioner");
}

TEST(controller_options, are_hidden_where_they_hold_a_token) {
    arguments given{{"--provisioner", "p:secret-canary:a"}};
    auto parsed = given.parse();
    EXPECT_EQ(std::get<parsed_options>(parsed).options.provisioners[0].token.view(), "secret-canary");
    EXPECT_THAT(given.texts, Not(Contains(HasSubstr("secret-canary"))));
}

TEST(controller_options, that_are_unknown_are_not_repeated) {
    for (const std::vector<std::string>& texts :
         {std::vector<std::string>{"--provisoner", "p:secret-canary:a"},
          {"p:secret-canary:a"},
          {"--api-port"}}) {
        const auto parsed = arguments{texts}.parse();
        const auto* print = std::get_if<just_print>(&parsed);
        ASSERT_NE(print, nullptr);
        EXPECT_EQ(print->exit_code, exit_code::configuration);
        EXPECT_THAT(print->text, Not(HasSubstr("secret-canary")));
    }
}

TEST(controller_options, help_names_the_exit_codes) {
    const auto parsed = arguments{{"--help"}}.parse();
    const auto& help = std::get<just_print>(parsed);
    EXPECT_EQ(help.exit_code, 0);
    EXPECT_THAT(help.text, HasSubstr("3 a port cannot be opened"));
    EXPECT_THAT(std::get<just_print>(arguments{{"--version"}}.parse()).text,
                AllOf(HasSubstr("distworker-controller "), HasSubstr("Boost 1_"), HasSubstr("OpenSSL 3")));
}

} // namespace
} // namespace distworker::controller
