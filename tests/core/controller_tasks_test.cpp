// The broker without sockets: queues, dispatch, retries, outcomes, events.
#include "core/controller_harness.hpp"

#include <distworker/outcome.hpp>
#include <distworker/payload_schema.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace distworker::testing {
namespace {

using namespace std::chrono_literals;
using enum task_event::kind;

std::vector<std::string> ids(const std::vector<assignment>& assignments) {
    std::vector<std::string> out;
    for (const assignment& a : assignments) {
        out.push_back(a.task_id);
    }
    return out;
}

value nested(unsigned containers) {
    value out = value::empty_object();
    for (unsigned i = 1; i < containers; ++i) {
        out = value{{"n", std::move(out)}};
    }
    return out;
}

TEST(controller_dispatch, gives_a_task_as_it_was_submitted) {
    controller_harness host;
    host.join(1);
    const auto task = host.submit(
        {.queue = "a", .input = {{"x", 1}, {"list", value::of({1, "two"})}}, .timeout_ms = 30'000});
    const auto given = host.assignments(1);
    ASSERT_EQ(given.size(), 1U);
    EXPECT_EQ(given[0].task_id, task->id);
    EXPECT_EQ(given[0].queue, "a");
    EXPECT_EQ(given[0].input, (value{{"x", 1}, {"list", value::of({1, "two"})}}));
    EXPECT_EQ(given[0].timeout_ms, 30'000);
    EXPECT_EQ(task->status, task_status::processing);
    EXPECT_EQ(task->started_at, host.now().wall);
    EXPECT_EQ(task->worker_id, host.engine.workers()[0].worker_id);
}

TEST(controller_dispatch, is_first_in_first_out_and_one_at_a_time) {
    controller_harness host;
    const auto first = host.submit_to("a");
    const auto second = host.submit_to("b");
    const auto third = host.submit_to("a");
    host.join(1);
    EXPECT_EQ(ids(host.assignments(1)), (std::vector{first->id}));
    host.receive(1, complete_frame(first->id, {}));
    EXPECT_EQ(ids(host.assignments(1)), (std::vector{first->id, second->id}));
    host.receive(1, complete_frame(second->id, {}));
    EXPECT_EQ(ids(host.assignments(1)), (std::vector{first->id, second->id, third->id}));
}

TEST(controller_dispatch, follows_exact_queue_names) {
    controller_harness host{{}, false};
    ASSERT_TRUE(host.engine.add_provisioner({"p", secret{std::string_view{"token"}}, {"math.add", "x/y"}}));
    host.join(1);
    const auto other = host.submit_to("math.*");
    EXPECT_EQ(other->status, task_status::pending);
    const auto mine = host.submit_to("x/y");
    EXPECT_EQ(mine->status, task_status::processing);
}

TEST(controller_dispatch, takes_the_worker_that_is_idle_longest) {
    controller_harness host{{}, false};
    ASSERT_TRUE(host.engine.add_provisioner({"p", secret{std::string_view{"token"}}, {"a"}}));
    ASSERT_TRUE(host.engine.add_provisioner({"q", secret{std::string_view{"token"}}, {"a"}}));
    host.join(1, {.provisioner = "q"});
    host.join(2);
    const auto first = host.submit_to("a");
    const auto second = host.submit_to("a");
    EXPECT_EQ(ids(host.assignments(1)), (std::vector{first->id}));
    EXPECT_EQ(ids(host.assignments(2)), (std::vector{second->id}));
    host.receive(2, complete_frame(second->id, {}));
    host.receive(1, complete_frame(first->id, {}));
    const auto third = host.submit_to("a");
    EXPECT_EQ(ids(host.assignments(2)), (std::vector{second->id, third->id}));
}

TEST(controller_outcomes, end_the_task) {
    controller_harness host;
    host.join(1);
    const auto task = host.submit_to("a");
    host.pass(2s);
    host.receive(1, complete_frame(task->id, {{"answer", 42}}));
    EXPECT_EQ(task->status, task_status::finished);
    EXPECT_EQ(value{task->result->view()}, (value{{"answer", 42}}));
    EXPECT_EQ(task->completed_at, host.now().wall);
    EXPECT_FALSE(task->error);
    EXPECT_THAT(host.events,
                ::testing::ElementsAre(std::pair{assigned, task->id}, std::pair{ended, task->id}));
}

TEST(controller_outcomes, failed_tasks_run_again_while_their_allowance_lasts) {
    controller_harness host;
    host.join(1);
    const auto task = host.submit({.queue = "a", .max_retry = 2});
    const auto other = host.submit_to("a");
    host.receive(1, failed_frame(task->id, "BROKEN"));
    EXPECT_EQ(task->status, task_status::pending); // behind the one that waited
    host.receive(1, complete_frame(other->id, {}));
    EXPECT_EQ(task->status, task_status::processing);
    host.receive(1, failed_frame(task->id, "BROKEN"));
    EXPECT_EQ(task->retried, 2U);
    EXPECT_EQ(ids(host.assignments(1)), (std::vector{task->id, other->id, task->id, task->id}));
    host.receive(1, failed_frame(task->id, "BROKEN", "for good"));
    EXPECT_EQ(task->status, task_status::finished);
    ASSERT_TRUE(task->error);
    EXPECT_EQ(task->error->code, "BROKEN");
    EXPECT_EQ(task->error->message, "for good");
}

TEST(controller_outcomes, of_another_connection_are_refused) {
    controller_harness host;
    host.join(1);
    host.join(2);
    const auto task = host.submit_to("a");
    host.receive(2, complete_frame(task->id, {}));
    host.receive(2, complete_frame("no such task", {}));
    host.receive(2, progress_frame(task->id, 0.5F, ""));
    EXPECT_EQ(task->status, task_status::processing);
    EXPECT_FALSE(task->progress);
    EXPECT_EQ(host.count(note_kind::not_owner), 3U);
}

TEST(controller_outcomes, a_second_one_of_the_owner_is_taken) {
    controller_harness host;
    host.join(1);
    const auto task = host.submit_to("a");
    host.receive(1, complete_frame(task->id, {{"n", 1}}));
    host.receive(1, complete_frame(task->id, {{"n", 2}}));
    EXPECT_EQ(value{task->result->view()}, (value{{"n", 2}}));
    EXPECT_EQ(host.count(note_kind::second_outcome), 1U);
    EXPECT_EQ(host.events.size(), 3U); // assigned, ended, ended
}

TEST(controller_outcomes, a_failure_after_the_result_runs_a_finished_task_again) {
    controller_harness host;
    host.join(1);
    const auto task = host.submit({.queue = "a", .max_retry = 1});
    host.receive(1, complete_frame(task->id, {}));
    host.receive(1, failed_frame(task->id, "LATE"));
    EXPECT_EQ(task->status, task_status::processing);
    EXPECT_EQ(host.assignments(1).size(), 2U);
    host.receive(1, complete_frame(task->id, {}));
    EXPECT_EQ(task->status, task_status::finished);
}

TEST(controller_outcomes, of_a_retried_task_belong_to_its_new_worker) {
    controller_harness host;
    host.join(1);
    host.join(2);
    const auto task = host.submit({.queue = "a", .max_retry = 5});
    host.receive(1, failed_frame(task->id, "BROKEN"));
    ASSERT_EQ(host.assignments(2).size(), 1U);
    host.receive(1, failed_frame(task->id, "BROKEN"));
    EXPECT_EQ(host.count(note_kind::not_owner), 1U);
    EXPECT_EQ(task->retried, 1U);
}

TEST(controller_outcomes, that_cannot_be_kept_are_lost) {
    controller_harness host;
    host.join(1);
    const auto deep = host.submit_to("a");
    host.receive(1, complete_frame(deep->id, nested(97)));
    EXPECT_EQ(deep->status, task_status::processing);
    EXPECT_EQ(host.count(note_kind::outcome_lost), 1U);
    const auto next = host.submit_to("a"); // the worker is free all the same
    EXPECT_EQ(host.assignments(1).size(), 2U);
    host.receive(1, complete_frame(next->id, nested(96)));
    EXPECT_EQ(next->status, task_status::finished);
}

TEST(controller_outcomes, have_their_files) {
    controller_harness host;
    host.join(1);
    const auto task = host.submit_to("a");
    outcome_writer answer{task->id, buffer_pool{}};
    answer.file({.file_id = "f", .filename = "n", .content_type = "t", .size = 3, .storage_url = "u"});
    answer.file({.file_id = "second"});
    host.receive(1, to_message(std::move(answer).complete().frame()));
    ASSERT_EQ(task->result_files.size(), 2U);
    EXPECT_EQ(task->result_files[0].file_id, "f");
    EXPECT_EQ(task->result_files[0].filename, "n");
    EXPECT_EQ(task->result_files[0].content_type, "t");
    EXPECT_EQ(task->result_files[0].size, 3);
    EXPECT_EQ(task->result_files[0].storage_url, "u");
    EXPECT_EQ(task->result_files[1].file_id, "second");
}

// What no writer of ours would write: a number that is not finite.
message odd_frame(frame_type type, std::uint32_t field, std::string_view task_id) {
    byte_buffer out;
    wire::writer wire{out};
    wire::begin_frame(wire, type);
    wire.text(1, task_id);
    wire.open(field);
    wire.open(wire::struct_field::entry);
    wire.text(wire::struct_field::key, "odd");
    wire.open(wire::struct_field::value);
    wire.fixed64(wire::value_field::number, std::numeric_limits<double>::quiet_NaN());
    wire.close();
    wire.close();
    wire.close();
    wire::end_frame(wire);
    return to_message(out.bytes());
}

TEST(controller_outcomes, with_details_that_cannot_be_kept_are_lost) {
    controller_harness host;
    host.join(1);
    const auto task = host.submit_to("a");
    host.receive(1, odd_frame(frame_type::task_failed, wire::failed_field::error_details, task->id));
    EXPECT_EQ(task->status, task_status::processing);
    EXPECT_EQ(host.count(note_kind::outcome_lost), 1U);
    EXPECT_EQ(host.state(1), availability::idle) << "the worker is free all the same";
}

TEST(controller_progress, with_data_that_cannot_be_kept_is_not_relayed) {
    controller_harness host;
    host.join(1);
    const auto task = host.submit_to("a");
    host.receive(1, odd_frame(frame_type::task_progress, wire::progress_field::data, task->id));
    EXPECT_TRUE(host.data.empty());
    EXPECT_EQ(host.count(note_kind::malformed), 1U);
}

TEST(controller_progress, that_has_data_and_a_message_tells_both) {
    controller_harness host;
    host.join(1);
    const auto task = host.submit_to("a");
    byte_buffer out;
    wire::writer wire{out};
    wire::begin_frame(wire, frame_type::task_progress);
    wire.text(wire::progress_field::task_id, task->id);
    wire.text(wire::progress_field::message, "half way");
    write_payload(wire, wire::progress_field::data, {{"step", 1}});
    wire::end_frame(wire);
    host.receive(1, to_message(out.bytes()));
    EXPECT_EQ(task->progress->message, "half way");
    EXPECT_THAT(host.data, ::testing::ElementsAre(value{{"step", 1}}));

    byte_buffer further;
    wire::writer more{further};
    wire::begin_frame(more, frame_type::task_progress);
    more.text(wire::progress_field::task_id, task->id);
    more.fixed32(wire::progress_field::progress, 0.75F);
    write_payload(more, wire::progress_field::data, {{"step", 2}});
    wire::end_frame(more);
    host.receive(1, to_message(further.bytes()));
    EXPECT_EQ(task->progress->fraction, 0.75F);
    EXPECT_EQ(host.data.size(), 2U);
}

TEST(controller_cancel, ends_a_pending_task) {
    controller_harness host;
    const auto task = host.submit_to("a");
    ASSERT_TRUE(host.engine.cancel(task->id, host.now()));
    EXPECT_EQ(task->status, task_status::finished);
    EXPECT_EQ(task->error->code, "CANCELLED");
    host.join(1);
    EXPECT_TRUE(host.assignments(1).empty());
    EXPECT_EQ(host.engine.cancel(task->id, host.now()).error(), cancel_error::already_finished);
    EXPECT_EQ(host.engine.cancel("nothing", host.now()).error(), cancel_error::unknown_task);
}

TEST(controller_cancel, ends_the_record_of_a_running_task_and_refuses_its_outcome) {
    controller_harness host;
    host.join(1);
    const auto task = host.submit_to("a");
    ASSERT_TRUE(host.engine.cancel(task->id, host.now()));
    const auto next = host.submit_to("a");
    EXPECT_EQ(next->status, task_status::pending); // the worker still runs the first
    EXPECT_EQ(host.messages[1].size(), 2U);        // and was told nothing
    host.receive(1, complete_frame(task->id, {}));
    EXPECT_EQ(task->error->code, "CANCELLED");
    EXPECT_FALSE(task->result);
    EXPECT_EQ(host.count(note_kind::not_owner), 1U);
    EXPECT_EQ(next->status, task_status::processing);
}

TEST(controller_lost_connection, strands_its_task) {
    controller_harness host;
    host.join(1);
    const auto task = host.submit_to("a");
    host.engine.disconnected(1, host.now());
    host.join(2);
    EXPECT_EQ(task->status, task_status::processing);
    EXPECT_TRUE(host.assignments(2).empty());
    EXPECT_EQ(host.count(note_kind::task_stranded), 1U);
    host.receive(2, complete_frame(task->id, {}));
    EXPECT_EQ(task->status, task_status::processing);
}

TEST(controller_lost_connection, of_an_idle_worker_gets_no_task) {
    controller_harness host;
    host.join(1);
    host.engine.disconnected(1, host.now());
    const auto task = host.submit_to("a");
    EXPECT_EQ(task->status, task_status::pending);
    host.join(2);
    EXPECT_EQ(task->status, task_status::processing);
}

TEST(controller_progress, is_kept_and_told_in_order) {
    controller_harness host;
    host.join(1);
    const auto task = host.submit_to("a");
    host.receive(1, progress_frame(task->id, 0.25F, "a quarter"));
    ASSERT_TRUE(task->progress);
    EXPECT_EQ(task->progress->fraction, 0.25F);
    EXPECT_EQ(task->progress->message, "a quarter");
    EXPECT_EQ(task->progress->updated_at, host.now().wall);
    host.receive(1, stream_frame(task->id, {{"step", 1}}));
    host.receive(1, stream_frame(task->id, {{"step", 2}}));
    EXPECT_EQ(task->progress->fraction, 0.25F); // data alone says nothing of it
    host.receive(1, progress_frame(task->id, 7.0F, ""));
    EXPECT_EQ(task->progress->fraction, 1.0F);
    host.receive(1, progress_frame(task->id, std::nanf(""), ""));
    EXPECT_EQ(task->progress->fraction, 1.0F);
    host.receive(1, complete_frame(task->id, {}));
    host.receive(1, progress_frame(task->id, 0.5F, "late"));
    EXPECT_EQ(task->progress->fraction, 1.0F);
    std::vector<task_event::kind> kinds;
    for (const auto& [kind, id] : host.events) {
        kinds.push_back(kind);
    }
    EXPECT_THAT(kinds, ::testing::ElementsAre(assigned, progress, data, data, progress, progress, ended));
    EXPECT_THAT(host.data, ::testing::ElementsAre(value{{"step", 1}}, value{{"step", 2}}));
}

TEST(controller_store, keeps_so_many_finished_tasks) {
    controller_harness host{{.keep = 2}};
    host.join(1);
    std::vector<std::shared_ptr<const task_record>> tasks;
    for (int i = 0; i < 4; ++i) {
        tasks.push_back(host.submit_to("a"));
    }
    for (int i = 0; i < 3; ++i) {
        host.receive(1, complete_frame(tasks[static_cast<std::size_t>(i)]->id, {}));
    }
    EXPECT_EQ(host.engine.find(tasks[0]->id), nullptr);
    EXPECT_EQ(host.engine.find(tasks[1]->id), tasks[1]);
    EXPECT_EQ(host.engine.find(tasks[3]->id), tasks[3]);
    EXPECT_EQ(host.engine.tasks("", 0, 100).total, 3U);
    host.receive(1, complete_frame(tasks[0]->id, {})); // of a task that nobody knows any more
    EXPECT_EQ(host.count(note_kind::not_owner), 1U);
}

TEST(controller_store, lists_tasks_in_pages_the_youngest_first) {
    controller_harness host;
    std::vector<std::string> made;
    for (int i = 0; i < 5; ++i) {
        made.push_back(host.submit_to(i % 2 == 0 ? "even" : "odd")->id);
    }
    const auto page = host.engine.tasks("", 1, 2);
    EXPECT_EQ(page.total, 5U);
    ASSERT_EQ(page.tasks.size(), 2U);
    EXPECT_EQ(page.tasks[0]->id, made[2]);
    EXPECT_EQ(page.tasks[1]->id, made[1]);
    EXPECT_EQ(host.engine.tasks("odd", 0, 10).total, 2U);
    EXPECT_TRUE(host.engine.tasks("", 9, 2).tasks.empty());
    EXPECT_TRUE(host.engine.tasks("", 0, 0).tasks.empty());
    EXPECT_EQ(host.engine.tasks("", 0, 0).total, 5U) << "a page of none still counts";
}

TEST(controller_store, counts_queues) {
    controller_harness host;
    host.join(1);
    static_cast<void>(host.submit_to("a"));
    static_cast<void>(host.submit_to("a"));
    static_cast<void>(host.submit_to("elsewhere"));
    host.receive(1, complete_frame(host.assignments(1)[0].task_id, {}));
    static_cast<void>(host.submit_to("a"));
    const auto queues = host.engine.queues();
    ASSERT_EQ(queues.size(), 3U);
    EXPECT_EQ(queues[0].finished, 1U);
    EXPECT_EQ(queues[0].name, "a");
    EXPECT_EQ(queues[0].pending, 1U);
    EXPECT_EQ(queues[0].processing, 1U);
    EXPECT_EQ(queues[0].workers, 1U);
    EXPECT_EQ(queues[1].name, "b");
    EXPECT_EQ(queues[2].name, "elsewhere");
    EXPECT_EQ(queues[2].pending, 1U);
    EXPECT_EQ(queues[2].workers, 0U);
}

TEST(controller_submit, names_what_is_wrong) {
    controller_harness host;
    const auto problem = [&](const task_spec& spec) {
        const auto task = host.engine.submit(spec, host.now());
        return task ? std::string{"nothing"} : task.error().to_string();
    };
    EXPECT_EQ(problem({.queue = ""}), "queue: is missing or empty");
    EXPECT_EQ(problem({.queue = std::string(1025, 'q')}), "queue: is longer than 1024 bytes");
    EXPECT_EQ(problem({.queue = "\xFF"}), "queue: is not UTF-8");
    EXPECT_EQ(problem({.queue = std::string("a\0b", 3)}), "queue: holds a NUL");
    EXPECT_EQ(problem({.queue = "a", .input = 1}), "input: must be an object");
    EXPECT_EQ(problem({.queue = "a", .metadata = value::of({1})}), "metadata: must be an object");
    EXPECT_EQ(problem({.queue = "a", .input = {{"x", std::string("\xFF")}}}),
              "input.x: text that is not UTF-8");
    EXPECT_EQ(problem({.queue = "a", .input = {{"x", std::numeric_limits<double>::infinity()}}}),
              "input.x: a number that is not finite");
    EXPECT_EQ(problem({.queue = "a", .metadata = {{std::string("a\0b", 3), 1}}}),
              "metadata.a\\x00b: a key that holds NUL");
    EXPECT_EQ(problem({.queue = "a", .input = {{"x", std::string(16 << 20, 'x')}}}),
              "input.x: larger than the controller can keep");
    const value half{{"x", std::string(9 << 20, 'x')}};
    EXPECT_EQ(problem({.queue = "a", .metadata = half, .input = half}),
              "input: is too large together with metadata: a task holds at most 16 MiB");
    EXPECT_EQ(problem({.queue = "a", .timeout_ms = -1}), "timeout: is negative");
    EXPECT_EQ(problem({.queue = "a", .input = nested(100)}), "nothing");
    EXPECT_THAT(problem({.queue = "a", .input = nested(101)}),
                ::testing::HasSubstr("nested deeper than 100"));
}

TEST(controller_submit, makes_ids_that_are_uuids_of_version_7) {
    controller_harness host;
    const auto a = host.submit_to("a");
    const auto b = host.submit_to("a");
    EXPECT_NE(a->id, b->id);
    EXPECT_THAT(a->id, ::testing::MatchesRegex(
                           "0197[0-9a-f]{4}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"));
    controller_harness again;
    EXPECT_EQ(again.submit_to("a")->id, a->id) << "the same seed and time give the same id";
}

TEST(controller_send, has_one_message_under_way_at_a_time) {
    controller_harness host;
    host.write_at_once = false;
    const auto task = host.submit_to("a");
    host.join(1);
    EXPECT_EQ(host.messages[1].size(), 1U); // the answer; the assignment waits behind it
    host.engine.sent(1, host.now());
    host.drain();
    EXPECT_EQ(ids(host.assignments(1)), (std::vector{task->id}));
}

} // namespace
} // namespace distworker::testing
