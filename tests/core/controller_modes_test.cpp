// What goes wrong with the deployed controller, and what does not with the ideal one (protocol, section 4).
#include "core/controller_harness.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace distworker::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;

TEST(controller_faithful, an_early_registration_after_a_drop_becomes_a_ghost) {
    controller_harness host;
    host.add_session("w1");
    host.join(1, stable);
    host.join(2, stable); // the first is dead, and nobody has noticed
    EXPECT_EQ(host.state(1), availability::ghost);
    EXPECT_EQ(host.state(2), availability::idle);
    host.pass(10s);
    host.receive(2, progress_frame("x", 0, "")); // only one of them is heard
    host.pass(6s);
    EXPECT_THAT(host.hung_up, ElementsAre(1U));
    EXPECT_EQ(host.state(2), availability::ghost);
    EXPECT_EQ(host.count(note_kind::ghost), 1U);
    const auto task = host.submit_to("a");
    EXPECT_EQ(task->status, task_status::pending);
    EXPECT_TRUE(host.assignments(2).empty());
}

TEST(controller_faithful, a_ghost_may_finish_what_it_has_and_gets_nothing_more) {
    controller_harness host;
    host.add_session("w1");
    host.join(1, stable);
    host.join(2, stable);
    const auto task = host.submit_to("a");
    EXPECT_EQ(host.assignments(2).size(), 1U);
    host.disconnect(1);
    const auto next = host.submit_to("a");
    host.receive(2, done(task->id));
    EXPECT_EQ(task->status, task_status::finished);
    EXPECT_EQ(next->status, task_status::pending);
}

TEST(controller_faithful, an_assignment_that_takes_three_seconds_goes_out_twice) {
    controller_harness host;
    host.join(1);
    host.join(2);
    host.write_at_once = false;
    const auto task = host.submit_to("a");
    ASSERT_EQ(host.assignments(1).size(), 1U);
    host.pass(2999ms);
    EXPECT_TRUE(host.assignments(2).empty());
    host.pass(1ms);
    ASSERT_EQ(host.assignments(2).size(), 1U);
    EXPECT_EQ(host.assignments(2)[0].task_id, task->id);
    EXPECT_EQ(host.state(1), availability::stuck);
    EXPECT_EQ(host.count(note_kind::sender_stuck), 1U);

    // It is written all the same; the first worker's result is refused, it still is read, and nothing goes to
    // it.
    host.engine.sent(1, host.now());
    host.engine.sent(2, host.now());
    host.write_at_once = true;
    host.pings.clear();
    host.receive(1, done(task->id));
    EXPECT_EQ(host.count(note_kind::not_owner), 1U);
    host.receive(2, done(task->id));
    EXPECT_EQ(task->status, task_status::finished);
    static_cast<void>(host.submit_to("a"));
    static_cast<void>(host.submit_to("a"));
    host.pass(10s);
    EXPECT_EQ(host.assignments(1).size(), 1U);
    EXPECT_EQ(host.assignments(2).size(), 2U);
    EXPECT_THAT(host.pings, ::testing::Each(2U));
}

TEST(controller_faithful, a_task_of_a_stuck_connection_waits_when_there_is_no_other) {
    controller_harness host;
    host.join(1);
    host.write_at_once = false;
    const auto task = host.submit_to("a");
    host.pass(3s);
    EXPECT_EQ(task->status, task_status::pending);
    host.join(2);
    EXPECT_EQ(task->status, task_status::processing);
}

TEST(controller_faithful, an_assignment_may_overtake_the_answer_to_the_registration) {
    controller_harness host{{.early_assign_percent = 100}};
    static_cast<void>(host.submit_to("a"));
    host.join(1);
    ASSERT_EQ(host.messages[1].size(), 2U);
    EXPECT_TRUE(std::holds_alternative<task_assign_view>(*read_frame(host.messages[1][0])));
    EXPECT_TRUE(std::holds_alternative<register_response_view>(*read_frame(host.messages[1][1])));
}

TEST(controller_faithful, does_not_enforce_the_timeout) {
    controller_harness host;
    host.join(1);
    const auto task = host.submit({.queue = "a", .timeout_ms = 1});
    for (int i = 0; i < 100; ++i) {
        host.engine.alive(1, host.now());
        host.pass(10s);
    }
    EXPECT_EQ(task->status, task_status::processing);
}

TEST(controller_ideal, puts_the_task_of_a_lost_anonymous_worker_back_at_its_place) {
    controller_harness host{ideal};
    host.join(1);
    const auto first = host.submit_to("a");
    const auto second = host.submit_to("a");
    host.disconnect(1);
    EXPECT_EQ(first->status, task_status::pending);
    host.join(2);
    EXPECT_EQ(first->status, task_status::processing);
    EXPECT_EQ(second->status, task_status::pending);
    EXPECT_EQ(host.count(note_kind::task_stranded), 0U);
}

TEST(controller_ideal, keeps_the_task_of_a_session_until_it_returns) {
    controller_harness host{ideal};
    host.add_session("w1");
    host.join(1, stable);
    const auto task = host.submit_to("a");
    host.disconnect(1);
    host.join(9); // another would be there
    host.pass(10s);
    EXPECT_EQ(task->status, task_status::processing);
    host.join(2, stable);
    EXPECT_EQ(host.state(2), availability::settling);
    EXPECT_EQ(host.count(note_kind::returned), 1U);
    host.receive(2, done(task->id)); // sent again
    EXPECT_EQ(task->status, task_status::finished);
    EXPECT_TRUE(host.assignments(2).empty());
    host.pass(5s);
    EXPECT_EQ(host.state(2), availability::idle);
}

TEST(controller_ideal, assigns_again_what_a_returned_session_does_not_answer) {
    controller_harness host{ideal};
    host.add_session("w1");
    host.join(1, stable);
    const auto task = host.submit_to("a");
    host.disconnect(1);
    host.join(2, stable);
    host.pass(4999ms);
    EXPECT_TRUE(host.assignments(2).empty());
    host.pass(1ms);
    ASSERT_EQ(host.assignments(2).size(), 1U);
    EXPECT_EQ(host.assignments(2)[0].task_id, task->id);
    EXPECT_EQ(host.state(2), availability::busy);
    host.receive(2, done(task->id));
    EXPECT_EQ(task->status, task_status::finished);
}

TEST(ControllerConfig, HasTheTimesOfItsDocumentation) {
    EXPECT_EQ(controller_config{}.return_time, 90s);
    EXPECT_EQ(controller_config{}.settle_time, 5s);
    EXPECT_EQ(controller_config{}.timeout_grace, 10s);
    EXPECT_EQ(controller_config{}.keep, 10'000U);
}

// Found by the simulator: a worker whose connections all ended within `settle_time` kept its task for ever.
TEST(controller_ideal, gives_the_task_of_a_session_that_never_settles_to_another) {
    controller_harness host{ideal};
    host.add_session("w1");
    host.join(1, stable);
    const auto task = host.submit_to("a");
    host.join(2);
    connection_id last = 10;
    host.disconnect(1);
    for (int i = 0; i < 22; ++i) {
        EXPECT_EQ(task->status, task_status::processing);
        host.receive(2, progress_frame("x", 0, "")); // it is alive
        host.join(++last, stable);
        host.pass(4s);
        host.disconnect(last);
    }
    EXPECT_TRUE(host.assignments(2).empty());
    host.join(++last, stable);
    host.pass(2s);
    ASSERT_EQ(host.assignments(2).size(), 1U);
    host.pass(3s);
    EXPECT_EQ(host.state(last), availability::idle);
    host.receive(2, done(task->id));
    EXPECT_EQ(task->status, task_status::finished);
}

TEST(controller_ideal, gives_the_task_of_a_session_that_stays_away_to_another_and_takes_its_result_still) {
    controller_harness host{ideal};
    host.add_session("w1");
    host.join(1, stable);
    const auto task = host.submit_to("a");
    host.disconnect(1);
    for (int i = 0; i < 9; ++i) {
        EXPECT_EQ(task->status, task_status::processing);
        host.pass(10s);
    }
    EXPECT_EQ(task->status, task_status::pending);
    EXPECT_EQ(host.count(note_kind::task_put_back), 1U);
    host.join(2);
    ASSERT_EQ(host.assignments(2).size(), 1U);
    host.join(3, stable);
    host.receive(3, failed_frame(task->id, "CODE")); // another has it now
    EXPECT_EQ(task->status, task_status::processing);
    EXPECT_EQ(host.count(note_kind::not_owner), 1U);
    host.receive(3, done(task->id, 3));
    EXPECT_EQ(task->status, task_status::finished);
    host.receive(2, done(task->id, 2)); // too late
    EXPECT_EQ(host.count(note_kind::second_outcome), 1U);
    EXPECT_EQ(value{task->result->view()}, (value{{"n", 3}}));
    EXPECT_EQ(host.state(2), availability::idle);
}

// Found by the simulator: a worker that came back too late, and still ran what was given to another, made
// each task fail that it was given then.
TEST(controller_ideal, puts_a_task_back_that_a_busy_worker_refuses) {
    controller_harness host{ideal};
    host.add_session("w1");
    host.join(1, stable);
    const auto lost = host.submit_to("a");
    host.disconnect(1);
    host.pass(90s);
    host.join(2);
    ASSERT_EQ(host.assignments(2).size(), 1U);
    const auto next = host.submit_to("a");
    host.join(3, stable);
    host.pass(10s); // it has settled, and is taken for idle
    ASSERT_EQ(host.assignments(3).size(), 1U);
    host.receive(3, failed_frame(next->id, "WORKER_BUSY"));
    EXPECT_EQ(next->status, task_status::pending);
    EXPECT_EQ(host.state(3), availability::settling) << "it is left alone for a while";
    EXPECT_EQ(host.info(3).task_id, "");
    host.receive(2, progress_frame(lost->id, 0, "")); // both are alive
    host.pass(10s);
    EXPECT_EQ(host.assignments(3).size(), 2U);
    host.receive(3, failed_frame(next->id, "WORKER_BUSY"));
    host.receive(2, done(lost->id));
    EXPECT_EQ(host.assignments(2).size(), 2U) << "another takes it at once";
    host.receive(2, done(next->id));
    EXPECT_EQ(next->status, task_status::finished);
}

TEST(controller_ideal, has_nothing_to_put_back_when_a_worker_is_too_busy_for_what_nobody_knows) {
    controller_harness host{ideal};
    host.join(1);
    const auto task = host.submit_to("a");
    host.receive(1, failed_frame("no such task", "WORKER_BUSY"));
    EXPECT_EQ(task->status, task_status::processing);
}

TEST(controller_faithful, takes_worker_busy_for_the_failure_of_the_task) {
    controller_harness host;
    host.join(1);
    const auto task = host.submit_to("a");
    host.receive(1, failed_frame(task->id, "WORKER_BUSY"));
    EXPECT_EQ(task->status, task_status::finished);
    ASSERT_TRUE(task->error);
    EXPECT_EQ(task->error->code, "WORKER_BUSY");
}

TEST(controller_ideal, replaces_the_connection_of_a_session_that_registers_again) {
    controller_harness host{ideal};
    host.add_session("w1");
    host.join(1, stable);
    const auto task = host.submit_to("a");
    host.join(2, stable);
    EXPECT_THAT(host.hung_up, ElementsAre(1U));
    EXPECT_EQ(host.count(note_kind::replaced), 1U);
    host.receive(2, done(task->id));
    EXPECT_EQ(task->status, task_status::finished);
}

TEST(controller_ideal, takes_the_first_outcome_alone) {
    controller_harness host{ideal};
    host.join(1);
    const auto task = host.submit({.queue = "a", .max_retry = 3});
    host.receive(1, done(task->id));
    host.receive(1, failed_frame(task->id, "CODE"));
    host.receive(1, done(task->id, 2));
    EXPECT_EQ(task->status, task_status::finished);
    EXPECT_EQ(value{task->result->view()}, (value{{"n", 1}}));
    EXPECT_EQ(host.count(note_kind::second_outcome), 2U);
}

TEST(controller_ideal, enforces_the_timeout_when_the_worker_does_not) {
    controller_harness host{ideal};
    host.join(1);
    const auto task = host.submit({.queue = "a", .timeout_ms = 1000, .max_retry = 1});
    const auto pass = [&](std::chrono::milliseconds time) {
        host.engine.alive(1, host.now());
        host.pass(time);
    };
    pass(10'999ms);
    EXPECT_EQ(task->status, task_status::processing);
    pass(1ms);
    EXPECT_EQ(host.count(note_kind::task_timed_out), 1U);
    EXPECT_EQ(task->status, task_status::pending); // it may run again, elsewhere
    EXPECT_EQ(host.state(1), availability::busy);
    host.join(2);
    EXPECT_EQ(task->status, task_status::processing);
    for (int i = 0; i < 2; ++i) {
        host.engine.alive(2, host.now());
        pass(5500ms);
    }
    EXPECT_EQ(task->status, task_status::finished);
    EXPECT_EQ(task->error->code, "TIMEOUT");
    host.receive(1, done(task->id));
    EXPECT_EQ(host.state(1), availability::idle);
    EXPECT_EQ(task->error->code, "TIMEOUT");
}

TEST(controller_ideal, gives_a_task_with_the_longest_timeout_all_the_time_there_is) {
    controller_harness host{ideal};
    host.join(1);
    const auto task = host.submit({.queue = "a", .timeout_ms = INT64_MAX});
    host.receive(1, done(task->id));
    EXPECT_EQ(host.count(note_kind::task_timed_out), 0U);
}

TEST(controller_ideal, cancels_a_task_whose_session_is_away) {
    controller_harness host{ideal};
    host.add_session("w1");
    host.join(1, stable);
    const auto task = host.submit_to("a");
    host.disconnect(1);
    EXPECT_TRUE(host.engine.cancel(task->id, host.now()));
    host.pass(100s);
    EXPECT_EQ(task->status, task_status::finished);
    host.join(2, stable);
    host.pass(5s);
    EXPECT_EQ(host.state(2), availability::idle);
}

TEST(controller_ideal, gives_sessions_their_time_after_a_suspended_machine) {
    controller_harness host{ideal};
    host.add_session("w1");
    host.join(1, stable);
    const auto task = host.submit_to("a");
    host.disconnect(1);
    host.leap(1h);
    host.drain();
    EXPECT_EQ(task->status, task_status::processing);
    host.pass(5s);
    EXPECT_EQ(task->status, task_status::pending);
}

} // namespace
} // namespace distworker::testing
