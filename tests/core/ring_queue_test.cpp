// The queue that keeps its memory, against the standard library's.
#include <distworker/ring_queue.hpp>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <deque>
#include <string>

namespace distworker {
namespace {

void expect_same(const ring_queue<std::string>& ours, const std::deque<std::string>& theirs) {
    ASSERT_EQ(ours.size(), theirs.size());
    EXPECT_EQ(ours.empty(), theirs.empty());
    for (std::size_t i = 0; i < theirs.size(); ++i) {
        EXPECT_EQ(ours[i], theirs[i]);
    }
}

TEST(RingQueue, GrowsAtEitherEnd) {
    ring_queue<std::string> ours;
    std::deque<std::string> theirs;
    for (int i = 0; i < 100; ++i) {
        ours.push_front(std::to_string(i));
        theirs.push_front(std::to_string(i));
        expect_same(ours, theirs);
    }
    for (int i = 0; i < 100; ++i) {
        ours.push_back(std::to_string(i));
        theirs.push_back(std::to_string(i));
        expect_same(ours, theirs);
    }
}

RC_GTEST_PROP(RingQueue, IsADeque, (const std::vector<std::uint8_t>& steps)) {
    ring_queue<std::string> ours;
    std::deque<std::string> theirs;
    for (const std::uint8_t step : steps) {
        const std::string item = std::to_string(step);
        if (step % 3 == 0) {
            ours.push_back(item);
            theirs.push_back(item);
        } else if (step % 3 == 1) {
            ours.push_front(item);
            theirs.push_front(item);
        } else if (!theirs.empty()) {
            RC_ASSERT(ours.pop_front() == theirs.front());
            theirs.pop_front();
        }
        expect_same(ours, theirs);
    }
}

} // namespace
} // namespace distworker
