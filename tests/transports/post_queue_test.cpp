// The part that all loops share: what waits is told by a descriptor, and is run once, in order.
#include <distworker/post_queue.hpp>

#include <gtest/gtest.h>
#include <poll.h>

#include <memory>
#include <string>

namespace distworker::testing {
namespace {

bool tells(const post_queue& queue) {
    pollfd descriptor{.fd = queue.descriptor(), .events = POLLIN, .revents = 0};
    return ::poll(&descriptor, 1, 0) == 1;
}

TEST(PostQueue, TellsWhileThereIsSomethingToRun) {
    post_queue queue;
    std::string order;
    EXPECT_FALSE(tells(queue));
    queue.add([&] { order += 'a'; });
    queue.add([&] {
        order += 'b';
        queue.add([&] { order += 'c'; });
    });
    EXPECT_TRUE(tells(queue));
    queue.run();
    EXPECT_EQ(order, "ab");
    EXPECT_TRUE(tells(queue)) << "what was added meanwhile waits";
    queue.run();
    EXPECT_EQ(order, "abc");
    EXPECT_FALSE(tells(queue));
}

TEST(PostQueue, IsWokenWithNothingToRun) {
    post_queue queue;
    queue.wake();
    EXPECT_TRUE(tells(queue));
    queue.run();
    EXPECT_FALSE(tells(queue));
}

TEST(PostQueue, MayGoInsideATaskEvenOneThatRunsItAgain) {
    for (const bool nested : {false, true}) {
        auto queue = std::make_unique<post_queue>();
        auto held = std::make_shared<int>(0);
        queue->add([&] {
            if (nested) {
                queue->add([&] { queue.reset(); });
                queue->run();
            } else {
                queue.reset();
            }
        });
        queue->add([held] { ++*held; });
        queue->run();
        EXPECT_EQ(queue, nullptr);
        EXPECT_EQ(*held, 0);
        EXPECT_EQ(held.use_count(), 1);
    }
}

} // namespace
} // namespace distworker::testing
