// Every script of `scenarios/`: as it is written, with what makes no difference at each of its steps, and
// failing at each of them.
#include "play.hpp"
#include "trouble.hpp"
#include "words.hpp"

#include <gtest/gtest.h>

#include <set>

namespace distworker::testing {
namespace {

const std::vector<script>& scripts() {
    static const std::vector<script> all = load_scripts(DISTWORKER_SCENARIOS);
    return all;
}

std::vector<std::string> topics() {
    std::set<std::string> all;
    for (const script& s : scripts()) {
        all.insert(s.topic);
    }
    return {all.begin(), all.end()};
}

class Scripts : public ::testing::TestWithParam<std::string> {
public:
    // Calls `check` with each script of the topic.
    template <typename Check>
    static void each(Check check) {
        std::size_t found = 0;
        for (const script& s : scripts()) {
            if (s.topic == GetParam()) {
                ++found;
                check(s);
            }
        }
        EXPECT_GT(found, 0U);
    }
};

// Instrumented code takes too long to try everything at each step: there, each disturbance has a share of the
// steps, another than its neighbours.
#ifdef DISTWORKER_INSTRUMENTED
constexpr std::size_t stride = 30;
#else
constexpr std::size_t stride = 1;
#endif

void each_step(const script& s, std::size_t disturbance, auto&& check) {
    for (std::size_t at = s.first_own + disturbance % stride; at < s.steps.size(); at += stride) {
        check(at);
    }
}

void expect_nothing(const std::string& problem, std::string_view when = {}) {
    EXPECT_TRUE(problem.empty()) << problem << (when.empty() ? "" : "\nwith ") << when;
}

TEST_P(Scripts, PlayAsWritten) {
    each([](const script& s) { expect_nothing(play(s)); });
}

TEST_P(Scripts, PlayTheSameWhenMessagesComeInParts) {
    each([](const script& s) {
        expect_nothing(play(s, {.part_bytes = 1}), "messages byte by byte");
        expect_nothing(play(s, {.part_bytes = 1'000}), "messages in parts");
    });
}

TEST_P(Scripts, GoOnAsWrittenAfterWhatMakesNoDifference) {
    each([](const script& s) {
        std::size_t index = 0;
        for (const harmless& what : everything_harmless()) {
            each_step(s, index++, [&](std::size_t at) {
                expect_nothing(play(s, {.before = at, .meanwhile = what.happens}),
                               std::string{what.name} + " in front of " + s.steps[at].place);
            });
        }
    });
}

TEST_P(Scripts, MayFailAtAnyStep) {
    each([](const script& s) {
        std::size_t index = 0;
        for (const trouble& what : every_trouble()) {
            each_step(s, index++, [&](std::size_t at) {
                expect_nothing(survive(s, at, what, false));
                expect_nothing(survive(s, at, what, true));
            });
        }
    });
}

INSTANTIATE_TEST_SUITE_P(Of, Scripts, ::testing::ValuesIn(topics()),
                         [](const auto& test) { return test.param; });

} // namespace
} // namespace distworker::testing
