#include "support/vectors.hpp"

#include <distworker/queue_pattern.hpp>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>
#include <vector>

namespace distworker {
namespace {

using testing::load_vectors;

// The definition of protocol section 7, as plainly as it can be written.
std::vector<std::string> split(const std::string& text) {
    std::vector<std::string> out{""};
    for (const char c : text) {
        if (c == '.') {
            out.emplace_back();
        } else {
            out.back() += c;
        }
    }
    return out;
}

bool naive_match(const std::string& pattern, const std::string& queue) {
    const auto wanted = split(pattern);
    const auto given = split(queue);
    for (std::size_t i = 0; i < wanted.size(); ++i) {
        if (wanted[i] == "#") {
            return i + 1 == wanted.size() && given.size() > i;
        }
        if (i >= given.size() || (wanted[i] != "*" && wanted[i] != given[i])) {
            return false;
        }
    }
    return given.size() == wanted.size();
}

int naive_rank(const std::string& segment) {
    return segment == "#" ? 2 : segment == "*" ? 1 : 0;
}

bool naive_more_specific(const std::string& a, const std::string& b) {
    const auto left = split(a);
    const auto right = split(b);
    for (std::size_t i = 0; i < left.size() && i < right.size(); ++i) {
        if (naive_rank(left[i]) != naive_rank(right[i])) {
            return naive_rank(left[i]) < naive_rank(right[i]);
        }
    }
    return false;
}

// Names from a small alphabet, so that patterns and queues often meet.
rc::Gen<std::string> dotted(std::vector<std::string> alphabet) {
    return rc::gen::exec([segment = rc::gen::elementOf(std::move(alphabet))] {
        std::string out = *segment;
        for (int more = *rc::gen::inRange(0, 4); more > 0; --more) {
            out += "." + *segment;
        }
        return out;
    });
}
rc::Gen<std::string> any_pattern() {
    return dotted({"a", "b", "", "*", "*", "#"});
}
rc::Gen<std::string> any_queue() {
    return dotted({"a", "a", "b", "", "*"});
}

TEST(QueuePatternVectors, Match) {
    for (const auto& c : load_vectors("queue_patterns.json")) {
        const auto pattern = c.at("pattern").get<std::string>();
        const auto queue = c.at("queue").get<std::string>();
        EXPECT_EQ(queue_matches(pattern, queue), c.at("match").get<bool>()) << pattern << " on " << queue;
        EXPECT_EQ(naive_match(pattern, queue), c.at("match").get<bool>()) << pattern << " on " << queue;
        EXPECT_FALSE(validate_pattern(pattern).has_value()) << pattern;
    }
}

RC_GTEST_PROP(QueuePattern, AgreesWithTheNaiveMatcher, ()) {
    const auto pattern = *any_pattern();
    const auto queue = *any_queue();
    RC_CLASSIFY(naive_match(pattern, queue), "match");
    RC_ASSERT(queue_matches(pattern, queue) == naive_match(pattern, queue));
}

TEST(QueuePattern, AHashBeforeTheEndMatchesNothingAndIsRefused) {
    for (const std::string queue : {"a.b", "a.x.b", "a.#.b", "a", "a.x", "a.x.y.b"}) {
        EXPECT_FALSE(queue_matches("a.#.b", queue)) << queue;
    }
    const auto fault = validate_pattern("a.#.b");
    ASSERT_TRUE(fault.has_value());
    EXPECT_NE(fault->problem.find("'a.#.b'"), std::string::npos);
    EXPECT_FALSE(fault->remedy.empty());
}

TEST(QueuePattern, ValidationRefusesWhatNoQueueCanBe) {
    EXPECT_TRUE(validate_pattern("a\xff").has_value());
    EXPECT_TRUE(validate_pattern(std::string(1025, 'a')).has_value());
    EXPECT_FALSE(validate_pattern(std::string(1024, 'a')).has_value());
    EXPECT_FALSE(validate_pattern("lang.c#").has_value());
    EXPECT_TRUE(queue_matches("lang.c#", "lang.c#"));
    EXPECT_FALSE(queue_matches("lang.c#", "lang.cc"));
}

TEST(PatternTable, TheMostSpecificWinsInEveryOrder) {
    std::vector<std::string> patterns{"math.add", "math.*", "math.#", "*.add", "#", "math.*.int", "*.*"};
    std::ranges::sort(patterns);
    do {
        pattern_table<std::string> table;
        for (const auto& pattern : patterns) {
            EXPECT_TRUE(table.add(pattern, pattern));
        }
        const auto winner = [&](std::string_view queue) {
            const std::string* found = table.find(queue);
            return found == nullptr ? std::string{"nothing"} : *found;
        };
        ASSERT_EQ(winner("math.add"), "math.add");
        ASSERT_EQ(winner("math.sub"), "math.*");
        ASSERT_EQ(winner("math.add.int"), "math.*.int");
        ASSERT_EQ(winner("math.add.float"), "math.#");
        ASSERT_EQ(winner("text.add"), "*.add");
        ASSERT_EQ(winner("text.trim"), "*.*");
        ASSERT_EQ(winner("text"), "#");
        ASSERT_EQ(winner("math"), "#");
    } while (std::ranges::next_permutation(patterns).found);
}

TEST(QueuePattern, OfTwoThatBeginAlikeTheShorterOneComesFirst) {
    EXPECT_TRUE(more_specific("a", "a.b"));
    EXPECT_FALSE(more_specific("a.b", "a"));
    EXPECT_FALSE(more_specific("a.b", "a.c"));
    EXPECT_FALSE(more_specific("a.b", "a.b"));
}

TEST(PatternTable, TheSamePatternReplaces) {
    pattern_table<int> table;
    EXPECT_TRUE(table.empty());
    EXPECT_TRUE(table.add("a.*", 1));
    EXPECT_TRUE(table.add("b", 2));
    EXPECT_FALSE(table.add("a.*", 3));
    EXPECT_EQ(table.size(), 2U);
    ASSERT_NE(table.find("a.x"), nullptr);
    EXPECT_EQ(*table.find("a.x"), 3);
    EXPECT_EQ(*std::as_const(table).find("a.x"), 3);
    EXPECT_EQ(std::as_const(table).find("c"), nullptr);
}

RC_GTEST_PROP(PatternTable, FindsTheMostSpecificMatch, ()) {
    const auto patterns = *rc::gen::container<std::vector<std::string>>(any_pattern());
    const auto queue = *any_queue();
    pattern_table<std::string> table;
    const std::string* best = nullptr;
    for (const auto& pattern : patterns) {
        table.add(pattern, pattern);
        if (naive_match(pattern, queue) && (best == nullptr || naive_more_specific(pattern, *best))) {
            best = &pattern;
        }
    }
    RC_CLASSIFY(best != nullptr, "match");
    const std::string* found = table.find(queue);
    RC_ASSERT((found == nullptr) == (best == nullptr));
    RC_ASSERT((found == nullptr || *found == *best));
}

} // namespace
} // namespace distworker
