// What the controller asks to be kept, what waits for that, waits for tasks, and a restart.
#include "core/controller_harness.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace distworker::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

const controller_config stored{.storage = true};

TEST(controller_storage, is_told_each_change_by_a_serial) {
    controller_harness host{{.keep = 1, .storage = true}};
    host.join(1);
    const auto first = host.submit_to("a");
    host.receive(1, progress_frame(first->id, 0.5F, ""));
    host.receive(1, done(first->id));
    const auto second = host.submit_to("a");
    ASSERT_TRUE(host.engine.cancel(second->id, host.now()));
    host.drain();
    using enum store_record::action;
    std::vector<std::pair<store_record::action, std::string>> told;
    for (std::size_t i = 0; i < host.stores.size(); ++i) {
        EXPECT_EQ(host.stores[i].serial, i + 1);
        told.emplace_back(host.stores[i].what, host.stores[i].task->id);
    }
    EXPECT_THAT(told,
                ElementsAre(std::pair{put, first->id}, std::pair{put, first->id}, std::pair{put, first->id},
                            std::pair{put, first->id}, std::pair{put, second->id}, std::pair{put, second->id},
                            std::pair{put, second->id}, std::pair{erase, first->id}));
}

TEST(controller_storage, that_is_slow_holds_back_the_assignment_and_the_answer) {
    controller_harness host{stored};
    host.join(1);
    host.store_at_once = false;
    const auto task = host.submit_to("a");
    const auto wait = host.engine.wait(task->id, wait_for::stored, never, host.now());
    host.pass(2s);
    EXPECT_THAT(host.assignments(1), IsEmpty());
    EXPECT_THAT(host.events, IsEmpty());
    EXPECT_THAT(host.over, IsEmpty());
    host.engine.stored(1, host.now()); // the task as pending; it was given away since
    host.drain();
    EXPECT_THAT(host.assignments(1), IsEmpty());
    host.engine.stored(2, host.now());
    host.drain();
    EXPECT_EQ(host.assignments(1).size(), 1U);
    EXPECT_EQ(host.events.size(), 1U);
    ASSERT_EQ(host.over.size(), 1U);
    EXPECT_EQ(host.over[0].wait, *wait);
}

TEST(controller_storage, that_is_slow_holds_the_reading_of_that_connection_alone) {
    controller_harness host{stored};
    host.join(1);
    host.join(2);
    const auto task = host.submit_to("a");
    host.held.clear();
    host.store_at_once = false;
    host.receive(1, done(task->id));
    host.receive(2, done("unknown"));
    EXPECT_THAT(host.held, ElementsAre(1U));
    EXPECT_THAT(host.read_on_for, IsEmpty());
    host.pass(1s);
    EXPECT_THAT(host.read_on_for, IsEmpty());
    host.engine.stored(host.stores.back().serial, host.now());
    host.drain();
    EXPECT_THAT(host.read_on_for, ElementsAre(1U));
}

TEST(controller_storage, that_is_slow_holds_back_no_registration_and_no_ping) {
    controller_harness host{stored};
    host.store_at_once = false;
    static_cast<void>(host.submit_to("elsewhere"));
    host.join(1);
    EXPECT_EQ(host.messages[1].size(), 1U);
    host.pass(3s);
    EXPECT_THAT(host.pings, ElementsAre(1U));
}

TEST(controller_storage, takes_serials_that_it_never_gave_for_those_that_it_gave) {
    controller_harness host{stored};
    host.join(1);
    host.store_at_once = false;
    host.engine.stored(1000, host.now());
    static_cast<void>(host.submit_to("a"));
    host.drain();
    EXPECT_THAT(host.assignments(1), IsEmpty());
    host.engine.stored(2, host.now());
    host.engine.stored(1, host.now());
    host.drain();
    EXPECT_EQ(host.assignments(1).size(), 1U);
}

TEST(controller_wait, ends_with_its_task) {
    controller_harness host;
    host.join(1);
    const auto task = host.submit_to("a");
    const auto first = host.engine.wait(task->id, wait_for::end, never, host.now());
    const auto second = host.engine.wait(task->id, wait_for::end, never, host.now());
    host.drain();
    EXPECT_THAT(host.over, IsEmpty());
    host.engine.stop_waiting(*first);
    host.engine.stop_waiting(*first);
    host.receive(1, done(task->id));
    ASSERT_EQ(host.over.size(), 1U);
    EXPECT_EQ(host.over[0].wait, *second);
    EXPECT_EQ(host.over[0].task, task);
    // One that comes too late ends at once.
    EXPECT_TRUE(host.engine.wait(task->id, wait_for::end, never, host.now()));
    host.drain();
    EXPECT_EQ(host.over.size(), 2U);
}

TEST(controller_wait, ends_at_its_deadline) {
    controller_harness host;
    const auto task = host.submit_to("a");
    ASSERT_TRUE(
        host.engine.wait(task->id, wait_for::end, saturating_add(host.now().monotonic, 10s), host.now()));
    ASSERT_TRUE(
        host.engine.wait(task->id, wait_for::end, saturating_add(host.now().monotonic, 5s), host.now()));
    host.pass(4999ms);
    EXPECT_THAT(host.over, IsEmpty());
    host.pass(1ms);
    EXPECT_EQ(host.over.size(), 1U);
    ASSERT_TRUE(host.engine.cancel(task->id, host.now()));
    host.pass(10s);
    EXPECT_EQ(host.over.size(), 2U);
    EXPECT_FALSE(host.engine.wait("unknown", wait_for::end, never, host.now()));
}

TEST(controller_wait, is_not_told_once_it_was_stopped) {
    controller_harness host{stored};
    host.store_at_once = false;
    const auto task = host.submit_to("a");
    const auto wait = host.engine.wait(task->id, wait_for::stored, never, host.now());
    host.engine.stop_waiting(*wait);
    host.engine.stored(1, host.now());
    host.drain();
    EXPECT_THAT(host.over, IsEmpty());
}

// A controller that is ended in the middle, and one that begins with what it had stored.
struct restart {
    explicit restart(controller_mode mode, bool with_session) : before{{.mode = mode, .storage = true}} {
        if (with_session) {
            before.add_session("w1");
            after.add_session("w1");
        }
    }
    void run() {
        std::map<std::string, task_record> kept;
        std::vector<std::string> order;
        for (const store_record& store : before.stores) {
            if (kept.insert_or_assign(store.task->id, *store.task).second) {
                order.push_back(store.task->id);
            }
        }
        for (const std::string& id : order) {
            EXPECT_TRUE(after.engine.restore(kept.at(id), after.now()));
        }
        after.drain();
    }
    controller_harness before;
    controller_harness after{before.engine_config};
};

TEST(controller_restart, cancels_what_was_processing) {
    restart it{controller_mode::faithful, false};
    it.before.join(1);
    const auto running = it.before.submit_to("a");
    const auto waiting = it.before.submit_to("a");
    it.run();
    EXPECT_EQ(it.after.engine.find(running->id)->error->code, "CANCELLED");
    EXPECT_EQ(it.after.engine.find(waiting->id)->status, task_status::pending);
    ASSERT_FALSE(it.after.stores.empty()); // and keeps that
    EXPECT_EQ(it.after.stores[0].task->id, running->id);
    it.after.join(5);
    ASSERT_EQ(it.after.assignments(5).size(), 1U);
    EXPECT_EQ(it.after.assignments(5)[0].task_id, waiting->id);
}

TEST(controller_restart, loses_nothing_in_ideal_mode) {
    restart it{controller_mode::ideal, true};
    it.before.join(1, {.worker_id = "w1", .token = "once"});
    const auto of_session = it.before.submit_to("a");
    it.before.join(2);
    const auto of_anonymous = it.before.submit_to("a");
    it.run();
    EXPECT_EQ(it.after.engine.find(of_session->id)->status, task_status::processing);
    EXPECT_EQ(it.after.engine.find(of_anonymous->id)->status, task_status::pending);
    it.after.join(7, {.worker_id = "w1", .token = "once"});
    it.after.receive(7, done(of_session->id));
    EXPECT_EQ(it.after.engine.find(of_session->id)->status, task_status::finished);
    EXPECT_EQ(it.after.state(7), availability::settling);
    // One who had it before the restart and nobody has it now.
    it.after.join(8);
    EXPECT_EQ(it.after.assignments(8).size(), 1U);
}

TEST(controller_restart, keeps_the_order_results_and_the_limit) {
    controller_harness host{{.keep = 2, .storage = true}};
    for (int i = 0; i < 3; ++i) {
        task_record finished;
        finished.id = "t" + std::to_string(i);
        finished.queue = "a";
        finished.status = task_status::finished;
        EXPECT_TRUE(host.engine.restore(finished, host.now()));
    }
    task_record again;
    EXPECT_EQ(host.engine.restore(again, host.now()).error().problem, "is empty");
    again.id = "t2";
    EXPECT_EQ(host.engine.restore(again, host.now()).error().problem, "is there already");
    host.drain();
    EXPECT_EQ(host.engine.find("t0"), nullptr);
    EXPECT_EQ(host.engine.tasks("", 0, 10).tasks.front()->id, "t2");
    ASSERT_EQ(host.stores.size(), 1U);
    EXPECT_EQ(host.stores[0].what, store_record::action::erase);
}

TEST(controller_restart, takes_a_task_whose_webhook_was_still_to_be_called_for_done) {
    controller_harness host{stored};
    task_record called_back;
    called_back.id = "t";
    called_back.queue = "a";
    called_back.status = task_status::completed;
    EXPECT_TRUE(host.engine.restore(called_back, host.now()));
    host.join(1);
    EXPECT_THAT(host.assignments(1), IsEmpty());
    EXPECT_EQ(host.engine.queues().at(0).finished, 1U);
}

} // namespace
} // namespace distworker::testing
