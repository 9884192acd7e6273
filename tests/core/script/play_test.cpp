// That a script fails when what comes is not what it says, and that broken rules are noticed.
#include "play.hpp"
#include "watch.hpp"
#include "words.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace distworker::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

// One that plays, to be spoilt.
constexpr std::string_view good = R"(
== A worker connects
start
  state connecting
  connect 1
  idle connect 10s
closed connect
  disconnected 1 transport retry 1s..5s "connect: *"
  state backoff
  idle reconnect 5s
  : attempts 1
)";

std::string play_with(std::string_view what, std::string_view instead) {
    std::string text{good};
    text.replace(text.find(what), what.size(), instead);
    return play(scripts_in(text).front());
}

TEST(ScriptPlay, FailsUnlessEveryOutputIsExpected) {
    EXPECT_THAT(play_with("start", "start"), IsEmpty());
    EXPECT_THAT(play_with("  connect 1\n", ""), HasSubstr("text.script:3: start"));
    EXPECT_THAT(play_with("  connect 1\n", "  connect 1\n  ping 1\n"), HasSubstr("expected:"));
    EXPECT_THAT(play_with("connect 1", "connect 2"), HasSubstr("expected:"));
    EXPECT_THAT(play_with("connect 10s", "connect 10001ms"), HasSubstr("expected:"));
    EXPECT_THAT(play_with("connect 10s", "silence 10s"), HasSubstr("expected:"));
    EXPECT_THAT(play_with("1s..5s", "1s..4999ms"), HasSubstr("expected:"));
    EXPECT_THAT(play_with("connect: *", "tls: *"), HasSubstr("expected:"));
}

TEST(ScriptPlay, FailsUnlessEveryChangeIsDeclared) {
    EXPECT_THAT(play_with("  : attempts 1\n", ""), HasSubstr("nothing declares it: attempts 1"));
    EXPECT_THAT(play_with("attempts 1", "attempts 2"), HasSubstr("attempts is now 1"));
    EXPECT_THAT(play_with("attempts 1", "attempts 1, orphans 1"), HasSubstr("orphans did not change"));
}

TEST(ScriptPlay, TellsWhatIsWrongWithAScript) {
    EXPECT_THAT(play_with("start", "begin_at_once"), HasSubstr("no input is called"));
    EXPECT_THAT(play_with("closed connect", "closed badly"), HasSubstr("no value is called 'badly'"));
    EXPECT_THAT(play_with("closed connect", "sent"), HasSubstr("nothing that this could be done to"));
    EXPECT_THAT(play_with("closed connect", "pass 11s"), HasSubstr("has to be woken before"));
    EXPECT_THROW(static_cast<void>(scripts_in("== A\nafter B\n")), script_error);
    EXPECT_THROW(static_cast<void>(scripts_in("== A\nconfig nonsense=1\n")), script_error);
    EXPECT_THROW(static_cast<void>(scripts_in("== A\nstart\n== A\nstart\n")), script_error);
    EXPECT_THROW(static_cast<void>(scripts_in("start\n")), script_error);
}

TEST(ScriptPlay, NoticesWhatMakesADifference) {
    const script s = scripts_in(std::string{good}).front();
    const auto with = [&](interlude meanwhile) {
        return play(s, {.before = 1, .meanwhile = std::move(meanwhile)});
    };
    EXPECT_THAT(with([](stage&) { return std::vector<std::string>{}; }), IsEmpty());
    EXPECT_THAT(
        with([](stage& on) {
            on.give(script_input{"hold_connects"});
            return std::vector<std::string>{};
        }),
        HasSubstr("what should make no difference does: it changed, and nothing declares it: held yes"));
}

TEST(ScriptWatch, NoticesWhatMustNotBe) {
    const instant now{monotonic_time{std::chrono::hours{1}}, {}};
    const auto broken = [&](auto... outputs) -> std::string {
        watch w{session_policy::anonymous};
        try {
            (w.saw({0, outputs}, {}, now.monotonic), ...);
            w.check_end({}, 0);
        } catch (const broken_rule& rule) {
            return rule.what();
        }
        return {};
    };
    const output::disconnected end{1, {}};
    const output::connect connect{nullptr, 1};
    const output::stopped stopped{end_reason::stop_requested};
    EXPECT_THAT(broken(connect, end, stopped), IsEmpty());
    EXPECT_THAT(broken(connect, stopped), HasSubstr("one end is told"));
    EXPECT_THAT(broken(connect, end, end), HasSubstr("one end is told"));
    EXPECT_THAT(broken(connect, end), HasSubstr("L4"));
    EXPECT_THAT(broken(connect, connect), HasSubstr("I7"));
    EXPECT_THAT(broken(stopped, connect), HasSubstr("I6"));
    EXPECT_THAT(broken(connect, output::ping{1, {}}), HasSubstr("I1"));
    EXPECT_THAT(broken(output::idle{now.monotonic, {}}), HasSubstr("I20"));
}

} // namespace
} // namespace distworker::testing
