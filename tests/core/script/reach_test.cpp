// That the scripts reach everything that an engine can say and hold.
#include "play.hpp"
#include "words.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace distworker::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Everything that is heard while all scripts play: lines, and how they begin.
std::set<std::string> all_heard() {
    std::set<std::string> heard;
    for (const script& s : load_scripts(DISTWORKER_SCENARIOS)) {
        const std::string problem = play(
            s, {.heard = [&](const std::string& line) {
                // Without the slot, and without what differs from one time to the next.
                std::string text;
                for (const std::string& word : words_of(line.substr(s.is_group && line[1] == ':' ? 3 : 0))) {
                    const std::string name =
                        word.substr(s.is_group && line[0] == ':' && word[1] == '.' ? 2 : 0);
                    text += (text.empty() ? "" : " ") + (name.find_first_of("0123456789") == 0 ? "N" : name);
                    heard.insert(text);
                }
            }});
        EXPECT_THAT(problem, IsEmpty());
    }
    return heard;
}

// Those of an enumeration's values that nobody heard of behind `before`.
template <typename Enum>
std::vector<std::string> never_heard(const std::set<std::string>& heard, const std::string& before) {
    std::vector<std::string> missing;
    for (std::uint8_t i = 0; to_string(static_cast<Enum>(i)) != std::string_view{"unknown"}; ++i) {
        const std::string name = to_string(static_cast<Enum>(i));
        if (!heard.contains(before + name)) {
            missing.push_back(name);
        }
    }
    return missing;
}

TEST(ScriptReach, EverythingThatAnEngineSaysIsInAScript) {
    const std::set<std::string> heard = all_heard();
    EXPECT_THAT(never_heard<deadline_reason>(heard, "idle "), IsEmpty()) << "what is waited for";
    EXPECT_THAT(never_heard<deadline_reason>(heard, "due "), IsEmpty())
        << "what is waited for until it is over";
    EXPECT_THAT(never_heard<engine_state>(heard, "state "), IsEmpty());
    EXPECT_THAT(never_heard<end_cause>(heard, "disconnected N "), IsEmpty());
    EXPECT_THAT(never_heard<end_reason>(heard, "stopped "), IsEmpty());
    EXPECT_THAT(never_heard<misuse>(heard, "refused "), ElementsAre("unknown_slot"))
        << "which no script can name";
    for (const char* line :
         {"connect N", "abort N", "ping N", "sample_wanted", "send register", "send heartbeat up",
          "send heartbeat warn", "send heartbeat down", "send progress task-1", "send stream task-1",
          "send complete task-1", "writable #1", "stop_task #1 timeout", "stop_task #1 shutdown",
          "stop_task #1 connection_lost", "undeliverable #1 complete task-1 not_sent",
          "undeliverable #1 complete task-1 maybe_processed"}) {
        EXPECT_TRUE(heard.contains(line)) << line;
    }
}

TEST(ScriptReach, EveryCodeThatTheCoreAnswersWithIsInAScript) {
    const std::set<std::string> heard = all_heard();
    for (const std::string_view code :
         {error_code::invalid_task, error_code::worker_busy, error_code::worker_shutdown, error_code::timeout,
          error_code::result_not_utf8, error_code::result_not_finite, error_code::result_too_deep,
          error_code::result_too_large, error_code::result_bad_key}) {
        EXPECT_TRUE(std::ranges::any_of(heard, [code](const std::string& line) {
            return line.starts_with("send failed ") && line.ends_with(" " + std::string{code});
        })) << code;
    }
}

TEST(ScriptReach, EveryPartOfTheStateChangesInAScript) {
    const std::set<std::string> heard = all_heard();
    const script any = scripts_in("== Any\nconfig worker_id=w-1\nstart\n").front();
    std::vector<std::string> unchanged;
    for (const auto& [name, value] : stage{any}.shown()) {
        if (!heard.contains(": " + name)) {
            unchanged.push_back(name);
        }
    }
    EXPECT_THAT(unchanged, ElementsAre("controller", "handed_back", "session"))
        << "the first and the last never do, and what is handed back is taken before anybody looks";
}

} // namespace
} // namespace distworker::testing
