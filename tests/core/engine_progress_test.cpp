// Progress in its two lanes.
#include "engine_rig.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace distworker::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;

TEST(EngineProgress, ProgressBetweenStreamItemsIsBoundedWithThem) {
    engine_rig rig;
    rig.become_ready();
    rig.assign();
    const delivery task = rig.tasks[0].name();
    rig.hold_writes = true;
    std::size_t queued = 0;
    for (bool room = true; room; ++queued) {
        ASSERT_LT(queued, 1000U);
        ASSERT_TRUE(rig.engine.progress(task, 0.5, std::string(4000, 'x'), rig.now));
        stream_item_writer item{rig.tasks[0], 0.5F};
        item.data().member("n", 1);
        room = rig.engine.stream(task, *std::move(item).finish(), rig.now).has_value();
    }
    EXPECT_LE(rig.engine.outbox_bytes(), default_config().stream_bytes + 8192);
}

TEST(EngineProgress, ProgressIsCoalescedLimitedInRateAndFlushedBeforeTheOutcome) {
    engine_rig rig;
    rig.become_ready();
    rig.assign();
    const delivery task = rig.tasks[0].name();
    for (int i = 0; i <= 100; ++i) {
        ASSERT_TRUE(rig.engine.progress(task, i / 100.0, "step " + std::to_string(i), rig.now));
        rig.drain();
    }
    auto updates = rig.all<task_progress_view>();
    ASSERT_THAT(updates, SizeIs(1));
    EXPECT_EQ(updates[0].progress, 0.0F);
    rig.pass(250ms);
    updates = rig.all<task_progress_view>();
    ASSERT_THAT(updates, SizeIs(2));
    EXPECT_EQ(updates[1].progress, 1.0F);
    EXPECT_EQ(updates[1].message, "step 100");
    ASSERT_TRUE(rig.engine.progress(task, 0.5, "last", rig.now));
    ASSERT_TRUE(rig.complete());
    EXPECT_THAT(rig.kinds(), ElementsAre("progress", "progress", "progress", "complete"));
    EXPECT_EQ(rig.engine.progress(task, 0.5, "late", rig.now).error(), misuse::stale_delivery);
}

TEST(EngineProgress, ProgressIsClampedAndNotANumberIsRejected) {
    engine_rig rig;
    rig.become_ready();
    rig.assign();
    const delivery task = rig.tasks[0].name();
    EXPECT_EQ(rig.engine.progress(task, std::nan(""), "", rig.now).error(), misuse::invalid_value);
    ASSERT_TRUE(rig.engine.progress(task, 7.0, "bad \xFF text", rig.now));
    rig.drain();
    ASSERT_THAT(rig.all<task_progress_view>(), SizeIs(1));
    EXPECT_EQ(rig.all<task_progress_view>()[0].progress, 1.0F);
    EXPECT_EQ(rig.all<task_progress_view>()[0].message, "bad \xEF\xBF\xBD text");
}

stream_item item_of(const assigned_task& task, int number, std::size_t padding = 0) {
    stream_item_writer item{task, 0.5F};
    item.data().member("n", number).member("pad", std::string(padding, 'x'));
    return std::move(item).finish().value();
}

TEST(EngineProgress, TheStreamIsOrderedLosslessAndBeforeTheOutcome) {
    engine_rig rig;
    rig.become_ready();
    rig.assign();
    for (int i = 0; i < 20; ++i) {
        ASSERT_TRUE(rig.engine.stream(rig.tasks[0].name(), item_of(rig.tasks[0], i), rig.now));
    }
    ASSERT_TRUE(rig.complete());
    const auto items = rig.all<task_progress_view>();
    ASSERT_THAT(items, SizeIs(20));
    for (std::size_t i = 0; i < items.size(); ++i) {
        EXPECT_EQ(items[i].data.find("n")->number(), static_cast<double>(i));
    }
    EXPECT_EQ(rig.kinds().back(), "complete");
}

TEST(EngineProgress, AFullStreamSaysWouldBlockAndWritableLater) {
    engine_rig rig;
    rig.become_ready();
    rig.assign();
    rig.hold_writes = true;
    int queued = 0;
    std::expected<void, misuse> result;
    stream_item refused;
    while (true) {
        stream_item item = item_of(rig.tasks[0], queued, 16 * 1024);
        result = rig.engine.stream(rig.tasks[0].name(), std::move(item), rig.now);
        if (!result) {
            refused = std::move(item);
            break;
        }
        ++queued;
        rig.drain();
        ASSERT_LT(queued, 1000);
    }
    EXPECT_EQ(result.error(), misuse::would_block);
    EXPECT_FALSE(refused.empty()) << "the item stays the caller's";
    EXPECT_EQ(queued, 15); // 256 KiB
    for (int i = 0; i < 8; ++i) {
        EXPECT_EQ(rig.writables, 0);
        rig.write_done();
    }
    EXPECT_EQ(rig.writables, 1);
    EXPECT_TRUE(rig.engine.stream(rig.tasks[0].name(), std::move(refused), rig.now));
}

} // namespace
} // namespace distworker::testing
