// The broker when things happen at an awkward moment: while a message is being written, between two polls.
#include "core/controller_harness.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace distworker::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(controller_races, a_connection_that_is_told_twice_is_one) {
    controller_harness host;
    host.join(1);
    host.engine.connected(1, host.now());
    host.drain();
    EXPECT_EQ(host.engine.workers().size(), 1U) << "it has not lost its registration";
}

TEST(controller_races, a_message_for_a_connection_that_ends_before_it_goes_out_goes_nowhere) {
    controller_harness host;
    host.join(1);
    ASSERT_TRUE(host.engine.submit({.queue = "a"}, host.now()));
    host.engine.disconnected(1, host.now());
    host.drain();
    EXPECT_THAT(host.assignments(1), IsEmpty());
    EXPECT_EQ(host.count(note_kind::task_stranded), 1U);
}

TEST(controller_races, a_tick_is_as_good_as_a_poll) {
    controller_harness host;
    host.join(1);
    host.leap(4s);
    host.engine.tick(host.now());
    host.leap(-4s);
    host.drain();
    EXPECT_THAT(host.pings, ElementsAre(1U)) << "time does not step back from there";
}

TEST(controller_races, what_waits_behind_a_stuck_assignment_never_goes_out) {
    controller_harness host{{.early_assign_percent = 100}};
    static_cast<void>(host.submit_to("a"));
    host.write_at_once = false;
    host.join(1); // the assignment first, the answer to the registration behind it
    host.pass(3s);
    ASSERT_EQ(host.state(1), availability::stuck);
    host.engine.sent(1, host.now());
    host.drain();
    EXPECT_EQ(host.messages[1].size(), 1U);
}

TEST(controller_races, a_task_cancelled_while_it_is_written_goes_to_nobody_else) {
    controller_harness host;
    host.join(1);
    host.join(2);
    host.write_at_once = false;
    const auto task = host.submit_to("a");
    ASSERT_TRUE(host.engine.cancel(task->id, host.now()));
    host.pass(3s);
    EXPECT_EQ(host.state(1), availability::stuck);
    EXPECT_EQ(task->status, task_status::finished);
    EXPECT_THAT(host.assignments(2), IsEmpty());
}

TEST(controller_races, a_task_answered_before_its_assignment_is_known_to_be_written_stays_answered) {
    controller_harness host;
    host.join(1);
    host.join(2);
    host.write_at_once = false;
    const auto task = host.submit_to("a");
    host.receive(1, done(task->id));
    host.pass(3s);
    EXPECT_EQ(host.state(1), availability::stuck);
    EXPECT_EQ(task->status, task_status::finished);
    EXPECT_THAT(host.assignments(2), IsEmpty());
}

TEST(controller_races, a_task_that_another_connection_of_the_session_gave_up_is_not_put_back) {
    controller_harness host;
    host.add_session("w1");
    host.join(1, stable);
    host.write_at_once = false;
    const auto task = host.submit({.queue = "a", .max_retry = 1}); // being written to 1
    host.write_at_once = true;
    host.join(2);
    host.join(3, stable);
    host.receive(3, failed_frame(task->id, "CODE")); // of that session all the same
    ASSERT_EQ(host.assignments(2).size(), 1U);
    host.pass(3s);
    EXPECT_EQ(host.state(1), availability::stuck);
    EXPECT_THAT(host.assignments(3), IsEmpty()) << "2 has it now";
    host.receive(2, done(task->id));
    EXPECT_EQ(task->status, task_status::finished);
}

// --- The ideal controller, which gives a task away when its time is over ---

// Lets time pass while both workers are heard.
void pass_alive(controller_harness& host, std::chrono::seconds time) {
    for (; time > 0s; time -= 1s) {
        for (const worker_info& worker : host.engine.workers()) {
            host.engine.alive(worker.connection, host.now());
        }
        host.pass(1s);
    }
}

constexpr std::int64_t timeout_ms = 1000; // over after 11 s: the worker is to answer first

TEST(controller_races, the_end_of_a_worker_whose_task_another_has_changes_nothing) {
    controller_harness host{ideal};
    host.add_session("w1");
    host.join(1, stable);
    const auto task = host.submit({.queue = "a", .timeout_ms = timeout_ms, .max_retry = 9});
    pass_alive(host, 11s);
    host.join(2);
    ASSERT_EQ(host.assignments(2).size(), 1U);
    host.disconnect(1);
    EXPECT_EQ(task->status, task_status::processing);
    host.receive(2, done(task->id));
    EXPECT_EQ(task->status, task_status::finished);
}

TEST(controller_races, a_session_that_returns_to_a_task_given_away_meanwhile_is_free) {
    controller_harness host{ideal};
    host.add_session("w1");
    host.join(1, stable);
    const auto task = host.submit({.queue = "a", .timeout_ms = timeout_ms, .max_retry = 9});
    pass_alive(host, 8s);
    host.disconnect(1);
    host.join(2);
    host.join(3, stable);
    EXPECT_EQ(host.state(3), availability::settling);
    pass_alive(host, 4s);
    ASSERT_EQ(host.assignments(2).size(), 1U) << "its time was over";
    pass_alive(host, 2s);
    EXPECT_EQ(host.state(3), availability::idle);
    EXPECT_THAT(host.assignments(3), IsEmpty());
    EXPECT_EQ(task->status, task_status::processing);
}

TEST(controller_races, a_session_that_returns_to_a_task_cancelled_meanwhile_is_free) {
    controller_harness host{ideal};
    host.add_session("w1");
    host.join(1, stable);
    const auto task = host.submit_to("a");
    host.disconnect(1);
    host.join(2, stable);
    ASSERT_TRUE(host.engine.cancel(task->id, host.now()));
    host.pass(5s);
    EXPECT_EQ(host.state(2), availability::idle);
    EXPECT_THAT(host.assignments(2), IsEmpty());
}

// Only a damaged store can say so: a worker has one task at a time.
TEST(controller_races, of_two_restored_tasks_of_one_session_each_finds_its_end) {
    controller_harness host{ideal};
    host.add_session("w1");
    for (const char* id : {"first", "second"}) {
        task_record record;
        record.id = id;
        record.queue = "a";
        record.status = task_status::processing;
        record.worker_id = "w1";
        ASSERT_TRUE(host.engine.restore(record, host.now()));
    }
    ASSERT_TRUE(host.engine.cancel("first", host.now()));
    host.join(1, stable);
    EXPECT_EQ(host.state(1), availability::settling) << "the second still waits for it";
    host.receive(1, done("second"));
    EXPECT_EQ(host.engine.find("second")->status, task_status::finished);
}

} // namespace
} // namespace distworker::testing
