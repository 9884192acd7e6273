// Whatever comes in whatever order: the broker keeps its invariants.
#include "core/controller_harness.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

namespace distworker::testing {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kept = 3;

// What must hold after every input.
void check(controller_harness& host) {
    const auto workers = host.engine.workers();
    std::map<std::string, std::string> running; // task, worker
    bool somebody_is_idle = false;
    for (const worker_info& worker : workers) {
        const auto task = host.engine.find(worker.task_id);
        if (task != nullptr && task->status == task_status::processing &&
            task->worker_id == worker.worker_id && worker.state != availability::ghost) {
            RC_ASSERT(running.emplace(task->id, worker.worker_id).second); // one task is with one worker
        }
        somebody_is_idle |= worker.state == availability::idle;
        RC_ASSERT((worker.state == availability::busy) <= !worker.task_id.empty());
        RC_ASSERT((worker.state == availability::idle) <= worker.task_id.empty());
        RC_ASSERT(host.engine_config.mode == controller_mode::faithful ||
                  (worker.state != availability::ghost && worker.state != availability::stuck));
    }
    std::size_t finished = 0;
    const task_page all = host.engine.tasks("", 0, SIZE_MAX);
    RC_ASSERT(all.tasks.size() == all.total);
    for (const auto& task : all.tasks) {
        finished += task->status == task_status::finished ? 1U : 0U;
        RC_ASSERT(host.engine.find(task->id) == task);
        RC_ASSERT(task->completed_at.has_value() == (task->status == task_status::finished));
        RC_ASSERT(task->retried <= task->max_retry);
        // No task waits while a worker of its queue is idle.
        RC_ASSERT(!(task->status == task_status::pending && task->queue == "a" && somebody_is_idle));
    }
    RC_ASSERT(finished <= kept);
    RC_ASSERT(host.deadline > host.now().monotonic);
}

// Whether a task's event may follow this one; nothing: it is the first.
bool may_follow(std::optional<task_event::kind> before, task_event::kind what, controller_mode mode) {
    using enum task_event::kind;
    const bool over = before == ended;
    switch (what) {
    case assigned:
        return !before || before == requeued;
    case progress:
    case data:
        return before == assigned || before == progress || before == data;
    case requeued: // the deployed controller lets a finished task fail
        return before && before != requeued && (!over || mode == controller_mode::faithful);
    case ended: // a pending one ends by being cancelled
        return !over || mode == controller_mode::faithful;
    }
    return false;
}

void check_events(const controller_harness& host) {
    std::map<std::string, std::optional<task_event::kind>> last;
    for (const auto& [what, id] : host.events) {
        const bool fits = may_follow(std::exchange(last[id], what), what, host.engine_config.mode);
        RC_ASSERT(fits);
    }
}

// What is written of a task has been stored before.
void check_storage(const controller_harness& host) {
    if (!host.engine_config.storage) {
        return;
    }
    for (connection_id worker = 1; worker <= host.last_connection; ++worker) {
        for (const assignment& given : host.assignments(worker)) {
            RC_ASSERT(std::ranges::any_of(host.stores, [&](const store_record& store) {
                return store.serial <= host.stored && store.task->id == given.task_id;
            }));
        }
    }
    RC_ASSERT(host.read_on_for.size() <= host.held.size());
    if (host.stored == host.stores.size()) {
        RC_ASSERT(host.read_on_for == host.held);
    }
}

std::string any_task(const controller_harness& host) {
    const auto all = host.engine.tasks("", 0, SIZE_MAX).tasks;
    return all.empty() ? "none" : all[*rc::gen::inRange<std::size_t>(0, all.size())]->id;
}

void do_something(controller_harness& host) {
    const connection_id who = *rc::gen::inRange<connection_id>(1, host.last_connection + 2);
    const connection_id next = host.last_connection + 1;
    switch (*rc::gen::inRange(0, 15)) {
    case 0:
        host.join(next);
        break;
    case 12:
        host.join(next, {.worker_id = "w1", .token = "once"});
        break;
    case 13:
        host.store_all();
        break;
    case 14:
        host.write_at_once = *rc::gen::arbitrary<bool>();
        host.store_at_once = *rc::gen::arbitrary<bool>();
        break;
    case 1:
        host.engine.connected(++host.last_connection, host.now());
        break;
    case 2:
        host.engine.disconnected(who, host.now());
        break;
    case 3:
        static_cast<void>(host.submit({.queue = *rc::gen::element<std::string>("a", "elsewhere"),
                                       .timeout_ms = *rc::gen::inRange(0, 2) * 1000,
                                       .max_retry = *rc::gen::inRange(0U, 3U)}));
        break;
    case 4:
        static_cast<void>(host.engine.cancel(any_task(host), host.now()));
        break;
    case 5:
        host.receive(who, complete_frame(any_task(host), {{"n", 1}}));
        break;
    case 6:
        host.receive(who, failed_frame(any_task(host), "CODE"));
        break;
    case 7:
        host.receive(who, progress_frame(any_task(host), *rc::gen::arbitrary<float>(), "text"));
        break;
    case 8:
        host.receive(who,
                     *rc::gen::container<message>(rc::gen::map(rc::gen::arbitrary<std::uint8_t>(),
                                                               [](std::uint8_t b) { return std::byte{b}; })));
        break;
    case 9:
        host.engine.alive(who, host.now());
        host.engine.sent(who, host.now());
        break;
    case 10:
        host.leap(std::chrono::milliseconds{*rc::gen::inRange(-5000, 20'000)});
        break;
    default:
        host.pass(std::chrono::milliseconds{*rc::gen::inRange(0, 4000)});
        break;
    }
    host.drain();
}

RC_GTEST_PROP(controller_properties, hold_after_every_input, ()) {
    controller_harness host{{.mode = *rc::gen::element(controller_mode::faithful, controller_mode::ideal),
                             .keep = kept,
                             .storage = *rc::gen::arbitrary<bool>(),
                             .early_assign_percent = *rc::gen::element(0U, 50U)}};
    host.add_session("w1");
    const int steps = *rc::gen::inRange(0, 80);
    for (int i = 0; i < steps; ++i) {
        do_something(host);
        check(host);
    }
    check_events(host);
    check_storage(host);
}

// In ideal mode every task ends, whatever happened, once there is a worker that answers.
RC_GTEST_PROP(controller_properties, an_ideal_controller_loses_no_task, ()) {
    controller_harness host{{.mode = controller_mode::ideal, .storage = *rc::gen::arbitrary<bool>()}};
    host.add_session("w1");
    const int steps = *rc::gen::inRange(0, 60);
    for (int i = 0; i < steps; ++i) {
        do_something(host);
    }
    host.write_at_once = host.store_at_once = true;
    host.store_all();
    for (const worker_info& worker : host.engine.workers()) {
        host.disconnect(worker.connection);
    }
    host.pass(10min); // those who are away are given up
    const connection_id worker = host.last_connection + 1;
    host.join(worker);
    for (std::size_t i = 0; i < host.assignments(worker).size(); ++i) {
        host.receive(worker, complete_frame(host.assignments(worker)[i].task_id, {{"n", 1}}));
    }
    for (const auto& task : host.engine.tasks("a", 0, SIZE_MAX).tasks) {
        RC_ASSERT(task->status == task_status::finished);
    }
}

} // namespace
} // namespace distworker::testing
