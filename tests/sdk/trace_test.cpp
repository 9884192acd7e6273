// A worker that records its life: into a file of its own, without secrets, and so that it plays again.
#include "sdk/fake_controller.hpp"
#include "support/temporary.hpp"

#include <distworker/trace.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace distworker::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

std::string content_of(const std::string& path) {
    std::ifstream file{path, std::ios::binary};
    return {std::istreambuf_iterator<char>{file}, {}};
}

// The life of a worker that has run a task with progress and a stream.
void live(const std::string& path, trace_payloads payloads) {
    stage on{[&](config& settings) {
        settings.trace_file = path;
        settings.trace = payloads;
    }};
    on.it().on("q", [](task& task) -> value {
        task.progress(fraction(0.5), "payload-progress");
        task.stream({{"item", "payload-item"}});
        return {{"answer", "payload-result"}};
    });
    on.start();
    EXPECT_TRUE(on.run({.input = {{"text", "payload-input"}}}).completed);
    on.stop();
}

TEST(TraceFile, PlaysAgain) {
    const temporary_file file{"an earlier trace"};
    live(file.path(), trace_payloads::whole);
    const std::string trace = content_of(file.path());
    const auto report = replay(trace);
    ASSERT_TRUE(report) << report.error().line << ": " << report.error().problem;
    EXPECT_TRUE(report->has_payloads);
    EXPECT_FALSE(report->difference) << report->difference->line << ": " << report->difference->recorded
                                     << " / " << report->difference->replayed;
    EXPECT_THAT(trace, AllOf(HasSubstr("out assigned"), HasSubstr("out stopped"),
                             Not(HasSubstr(canary_token)), Not(HasSubstr("earlier"))));
}

TEST(TraceFile, LeavesPayloadsOutUnlessAsked) {
    const temporary_file file{""};
    live(file.path(), trace_payloads::digests);
    const std::string trace = content_of(file.path());
    EXPECT_THAT(trace, AllOf(HasSubstr("out assigned"), HasSubstr("out stopped"),
                             Not(HasSubstr(canary_token)), Not(HasSubstr("payload-"))));
    std::string in_hex;
    for (const char c : std::string_view{"payload-"}) {
        constexpr std::string_view digits = "0123456789abcdef";
        in_hex += digits[static_cast<unsigned char>(c) >> 4U];
        in_hex += digits[static_cast<unsigned char>(c) & 15U];
    }
    EXPECT_THAT(trace, Not(HasSubstr(in_hex)));
    const auto report = replay(trace);
    ASSERT_TRUE(report);
    EXPECT_FALSE(report->has_payloads);
}

TEST(TraceFile, IsForItsOwnerAlone) {
    const temporary_file file{""};
    std::filesystem::permissions(file.path(), std::filesystem::perms::all);
    live(file.path(), trace_payloads::whole);
    struct stat status{};
    ASSERT_EQ(::stat(file.path().c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0600U);
}

TEST(TraceFile, ThatCannotBeWrittenIsAFaultBeforeAnythingHappens) {
    for (const char* path : {"/does/not/exist/trace", "/dev/null", "/tmp"}) {
        stage on{[&](config& settings) { settings.trace_file = path; }};
        EXPECT_FALSE(on.it().start()) << path;
        EXPECT_THAT(on.log().text(), HasSubstr("trace_file: ")) << path;
        EXPECT_FALSE(on.server().pending());
    }
}

TEST(TraceFile, OfAWorkerThatCannotBeginLeavesAnEarlierOneAlone) {
    const temporary_file file{"an earlier trace"};
    stage on{[&](config& settings) {
        settings.trace_file = file.path();
        settings.slots = 0;
    }};
    EXPECT_FALSE(on.it().start());
    EXPECT_EQ(content_of(file.path()), "an earlier trace");
}

TEST(TraceFile, ThatTakesNoMoreEndsAndTheWorkerGoesOn) {
    const temporary_file file{""};
    stage on{[&](config& settings) {
        settings.trace_file = file.path();
        settings.trace = trace_payloads::whole;
    }};
    on.it().on("q", [](task&) {});
    // The file may hold no more than its first lines.
    struct rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
    const auto ignored = std::signal(SIGXFSZ, SIG_IGN);
    struct rlimit small = before;
    small.rlim_cur = 1500;
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
    on.start();
    EXPECT_TRUE(on.run({}).completed);
    on.stop();
    ::setrlimit(RLIMIT_FSIZE, &before);
    std::signal(SIGXFSZ, ignored);
    EXPECT_THAT(on.log().text(), HasSubstr("the trace ends here"));
    const auto report = replay(content_of(file.path()));
    ASSERT_TRUE(report) << report.error().problem;
    EXPECT_FALSE(report->difference);
}

} // namespace
} // namespace distworker::testing
