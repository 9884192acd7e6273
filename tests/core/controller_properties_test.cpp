// Whatever comes in whatever order: the broker keeps its invariants.
#include "core/controller_harness.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <set>

namespace distworker::testing {
namespace {

constexpr std::size_t kept = 3;

// What must hold after every input.
void check(controller_harness& host) {
    const auto workers = host.engine.workers();
    std::set<std::string> running;
    for (const worker_info& worker : workers) {
        if (!worker.task_id.empty()) {
            RC_ASSERT(running.insert(worker.task_id).second); // one task is with one worker
        }
    }
    std::size_t finished = 0;
    std::size_t waiting_for_idle = 0;
    const task_page all = host.engine.tasks("", 0, SIZE_MAX);
    RC_ASSERT(all.tasks.size() == all.total);
    const bool somebody_is_idle = running.size() < workers.size();
    for (const auto& task : all.tasks) {
        finished += task->status == task_status::finished ? 1U : 0U;
        waiting_for_idle +=
            task->status == task_status::pending && task->queue == "a" && somebody_is_idle ? 1U : 0U;
        RC_ASSERT(host.engine.find(task->id) == task);
        RC_ASSERT(task->completed_at.has_value() == (task->status == task_status::finished));
        RC_ASSERT(task->retried <= task->max_retry);
    }
    RC_ASSERT(finished <= kept);
    RC_ASSERT(waiting_for_idle == 0U); // no task waits while a worker of its queue is idle
    RC_ASSERT(host.deadline > host.now().monotonic);
}

std::string any_task(const controller_harness& host) {
    const auto all = host.engine.tasks("", 0, SIZE_MAX).tasks;
    return all.empty() ? "none" : all[*rc::gen::inRange<std::size_t>(0, all.size())]->id;
}

void do_something(controller_harness& host) {
    const connection_id who = *rc::gen::inRange<connection_id>(1, 5);
    switch (*rc::gen::inRange(0, 12)) {
    case 0:
        host.join(who);
        break;
    case 1:
        host.engine.connected(who, host.now());
        break;
    case 2:
        host.engine.disconnected(who, host.now());
        break;
    case 3:
        static_cast<void>(host.submit({.queue = *rc::gen::element<std::string>("a", "elsewhere"),
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
    controller_harness host{{.keep = kept}};
    const int steps = *rc::gen::inRange(0, 60);
    for (int i = 0; i < steps; ++i) {
        do_something(host);
        check(host);
    }
}

} // namespace
} // namespace distworker::testing
