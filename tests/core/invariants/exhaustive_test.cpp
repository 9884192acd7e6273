// Every sequence of up to six calls and events of one slot, from several beginnings and under each session
// policy: all invariants hold after each of them.
//
// There are 22 calls and events, so 113 million sequences of six from each beginning. They are not run one by
// one: a state that was met before, with as many events or more still to come, is not entered again. That
// leaves nothing out. What an explored slot does depends on nothing but its state: the engine is a pure
// function of its inputs, the watch and the peer are, too, and `explored_slot::state` digests every member of
// them that is ever read (`engine_anatomy` names each member of the engine, and does not compile when one is
// missing). So of two ways into one state every continuation is the same, violation or none;
// `StatesThatLookAlikeBehaveAlike` tries that. States are looked for breadth first: the way that is followed
// is the shortest, and has the most events to come. Times count as distances from now (I27: nothing depends
// on the time of day).
#include "core/invariants/explored_slot.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <iostream>
#include <memory>
#include <string>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

namespace distworker::testing {
namespace {

using enum slot_event;
using way = std::vector<slot_event>;

// Instrumented builds are some ten times slower: they try shorter sequences.
#if defined(__SANITIZE_ADDRESS__)
constexpr int shorter = 2;
constexpr std::size_t few = 10;
#else
constexpr int shorter = 0;
constexpr std::size_t few = 20;
#endif

enum class polling {
    at_once,   ///< Behind each event the slot is polled until it rests.
    as_it_may, ///< Polls are events like all others: one output, or all.
};

class explorer {
public:
    explorer(session_policy session, const way& beginning, polling how) : root_{session, book_}, how_{how} {
        for (const slot_event event : beginning) {
            take(root_, event);
        }
        states_.emplace(root_.state(), way{});
    }

    /// The first violation and the way to it; nothing when there is none.
    std::string explore(int length) {
        std::vector<node> level;
        level.push_back({std::make_unique<explored_slot>(root_), {}});
        for (int depth = 1; depth <= length && !level.empty(); ++depth) {
            std::vector<node> next;
            for (node& from : level) {
                if (auto broken = expand(from, depth < length ? &next : nullptr); !broken.empty()) {
                    return broken;
                }
                from.slot.reset();
            }
            level = std::move(next);
        }
        return {};
    }
    [[nodiscard]] std::size_t alphabet() const noexcept {
        return how_ == polling::at_once ? slot_events : slot_events_and_polls;
    }
    [[nodiscard]] std::size_t states() const noexcept { return states_.size(); }
    [[nodiscard]] std::uint64_t transitions() const noexcept { return transitions_; }
    /// Second ways into states that were known, each with the first.
    [[nodiscard]] const std::vector<std::pair<way, way>>& merged() const noexcept { return merged_; }
    /// Keeps them, which takes memory.
    void keep_merged() noexcept { keep_merged_ = true; }

    /// The slot at the end of a way.
    [[nodiscard]] explored_slot follow(const way& events) const {
        explored_slot slot{root_};
        for (const slot_event event : events) {
            take(slot, event);
        }
        return slot;
    }
    void take(explored_slot& slot, slot_event event) const {
        slot.take(event);
        if (how_ == polling::at_once) {
            slot.take(rest);
        }
    }

private:
    struct node {
        std::unique_ptr<explored_slot> slot;
        way events; // that lead to it
    };

    std::string expand(const node& from, std::vector<node>* next) {
        for (std::size_t i = 0; i < alphabet(); ++i) {
            way events = from.events;
            events.push_back(static_cast<slot_event>(i));
            auto slot = std::make_unique<explored_slot>(*from.slot);
            ++transitions_;
            try {
                take(*slot, events.back());
            } catch (const violation& broken) {
                return broken.what() + told(events);
            }
            if (next == nullptr) {
                continue;
            }
            const auto [known, is_new] = states_.try_emplace(slot->state(), events);
            if (is_new) {
                next->push_back({std::move(slot), std::move(events)});
            } else if (keep_merged_) {
                merged_.emplace_back(known->second, std::move(events));
            }
        }
        return {};
    }
    static std::string told(const way& events) {
        std::string text = ", after";
        for (const slot_event event : events) {
            text += ' ';
            text += to_string(event);
        }
        return text;
    }

    rulebook book_;
    explored_slot root_;
    polling how_;
    std::unordered_map<std::uint64_t, way> states_; // and the shortest way to each
    std::vector<std::pair<way, way>> merged_;
    std::uint64_t transitions_ = 0;
    bool keep_merged_ = false;
};

struct beginning {
    const char* name;
    way events;
};

const beginning beginnings[] = {
    {"Fresh", {}},
    {"Registering", {start, opened}},
    {"Ready", {start, opened, answered}},
    {"Busy", {start, opened, answered, assign_a}},
    {"Unreceipted", {start, opened, answered, assign_a, complete}},
    {"Draining", {start, opened, answered, assign_a, stop}},
    {"Lost", {start, opened, answered, assign_a, closed}},
};

class Exhaustive : public ::testing::TestWithParam<std::tuple<beginning, session_policy>> {
protected:
    static void expect_all_hold(polling how, int length) {
        const auto& [from, session] = GetParam();
        way events;
        for (const slot_event event : from.events) {
            events.push_back(event);
            if (how == polling::as_it_may) {
                events.push_back(rest);
            }
        }
        explorer all{session, events, how};
        EXPECT_EQ(all.explore(length), "");
        EXPECT_GT(all.states(), few);
        std::cout << std::pow(all.alphabet(), length) / 1e6 << " million sequences of " << length
                  << " events: " << all.states() << " states, " << all.transitions() << " transitions\n";
    }
};

TEST_P(Exhaustive, AnyEventsInAnyOrderKeepTheInvariants) {
    expect_all_hold(polling::at_once, 6 - shorter);
}

TEST_P(Exhaustive, AndSoTheyDoWheneverTheSlotIsPolled) {
    expect_all_hold(polling::as_it_may, 5 - shorter);
}

INSTANTIATE_TEST_SUITE_P(Slot, Exhaustive,
                         ::testing::Combine(::testing::ValuesIn(beginnings),
                                            ::testing::Values(session_policy::anonymous,
                                                              session_policy::one_shot,
                                                              session_policy::stable)),
                         [](const auto& each) {
                             return std::string{std::get<0>(each.param).name} + "_" +
                                    to_string(std::get<1>(each.param));
                         });

TEST(Exploration, StatesThatLookAlikeBehaveAlike) {
    for (const auto how : {polling::at_once, polling::as_it_may}) {
        explorer all{session_policy::stable, {}, how};
        all.keep_merged();
        ASSERT_EQ(all.explore(5 - shorter), "");
        std::size_t different_ways = 0;
        for (const auto& [one, other] : all.merged()) {
            const explored_slot first = all.follow(one);
            const explored_slot second = all.follow(other);
            ASSERT_EQ(first.state(), second.state());
            different_ways += one.size() == other.size() ? 1U : 0U;
            for (std::size_t i = 0; i < all.alphabet(); ++i) {
                explored_slot after_first{first};
                explored_slot after_second{second};
                all.take(after_first, static_cast<slot_event>(i));
                all.take(after_second, static_cast<slot_event>(i));
                ASSERT_EQ(after_first.state(), after_second.state());
            }
        }
        EXPECT_GT(different_ways, few);
    }
}

TEST(Exploration, FindsAViolationAndTheWayToIt) {
    rulebook book;
    EXPECT_THROW(book.check(7, false, "two connections"), violation);
    explorer all{session_policy::anonymous, {start, opened, answered, assign_a}, polling::at_once};
    const explored_slot one = all.follow({assign_b, complete});
    const explored_slot other = all.follow({complete, assign_b});
    EXPECT_NE(one.state(), other.state()) << "one refused the second task, the other runs it";
    EXPECT_EQ(all.follow({pinged}).state(), all.follow({flush, pinged}).state());
}

} // namespace
} // namespace distworker::testing
