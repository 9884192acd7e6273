// Every sequence of up to six calls and events of one slot, from several beginnings and under each session
// policy: all invariants hold after each of them.
//
// There are 22 calls and events, so 22^6 = 113 million sequences of six from each beginning. They are not run
// one by one: a state that was met before, with as many events or more still to come, is not entered again.
// That leaves nothing out. What an explored slot does depends on nothing but its state: the engine is a pure
// function of its inputs, the watch and the peer are, too, and `explored_slot::state` digests every member of
// them that is ever read (`engine_anatomy` names each member of the engine, and does not compile when one is
// missing). So of two ways into one state every continuation is the same, violation or none. States are
// looked for breadth first, so the way that is followed is the shorter one, and has the most events to come.
// Times count as distances from now (I27: nothing depends on the time of day).
#include "core/invariants/explored_slot.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <iostream>
#include <memory>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

namespace distworker::testing {
namespace {

using enum slot_event;

// Instrumented builds are some ten times slower: they try shorter sequences.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr int length = 4;
#else
constexpr int length = 6;
#endif

class explorer {
public:
    explorer(session_policy session, const std::vector<slot_event>& beginning) : root_{session, book_} {
        for (const slot_event event : beginning) {
            root_.take(event);
            path_.push_back({-1, event});
        }
    }

    /// The first violation and the way to it; nothing when there is none.
    std::string explore() {
        std::vector<node> level;
        level.push_back({std::make_unique<explored_slot>(root_), last_step()});
        seen_.insert(root_.state());
        for (int depth = 1; depth <= length && !level.empty(); ++depth) {
            std::vector<node> next;
            for (node& from : level) {
                if (auto broken = expand(from, depth, next); !broken.empty()) {
                    return broken;
                }
                from.slot.reset();
            }
            level = std::move(next);
        }
        return {};
    }
    [[nodiscard]] std::size_t states() const noexcept { return seen_.size(); }
    [[nodiscard]] std::uint64_t transitions() const noexcept { return transitions_; }

private:
    struct node {
        std::unique_ptr<explored_slot> slot;
        std::int32_t step; // the last one on the way to it
    };
    struct way {
        std::int32_t before;
        slot_event event;
    };

    [[nodiscard]] std::int32_t last_step() const noexcept {
        return static_cast<std::int32_t>(path_.size()) - 1;
    }

    std::string expand(const node& from, int depth, std::vector<node>& next) {
        for (std::size_t i = 0; i < slot_events; ++i) {
            const auto event = static_cast<slot_event>(i);
            auto slot = std::make_unique<explored_slot>(*from.slot);
            ++transitions_;
            try {
                slot->take(event);
            } catch (const violation& broken) {
                return std::string{broken.what()} + ", after" + told(from.step) + ' ' +
                       std::string{to_string(event)};
            }
            if (depth < length && seen_.insert(slot->state()).second) {
                path_.push_back({from.step, event});
                next.push_back({std::move(slot), last_step()});
            }
        }
        return {};
    }
    [[nodiscard]] std::string told(std::int32_t step) const {
        return step < 0 ? std::string{}
                        : told(path_[static_cast<std::size_t>(step)].before) + ' ' +
                              std::string{to_string(path_[static_cast<std::size_t>(step)].event)};
    }

    rulebook book_;
    explored_slot root_;
    std::unordered_set<std::uint64_t> seen_;
    std::vector<way> path_;
    std::uint64_t transitions_ = 0;
};

struct beginning {
    const char* name;
    std::vector<slot_event> events;
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

class Exhaustive : public ::testing::TestWithParam<std::tuple<beginning, session_policy>> {};

TEST_P(Exhaustive, AnyEventsInAnyOrderKeepTheInvariants) {
    const auto& [from, session] = GetParam();
    explorer all{session, from.events};
    EXPECT_EQ(all.explore(), "");
    std::cout << std::pow(slot_events, length) / 1e6 << " million sequences of " << length << " events, "
              << all.states() << " states, " << all.transitions() << " transitions\n";
    EXPECT_GT(all.states(), 100U);
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

} // namespace
} // namespace distworker::testing
