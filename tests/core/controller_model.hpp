// A model of the broker: whatever comes in whatever order, it keeps its invariants.
#pragma once

#include "core/controller_harness.hpp"
#include "core/controller_step.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

namespace distworker::testing {

/// One broker and what must be true of it. Throws the first violation.
class controller_model {
public:
    /// Few tasks are kept, so that forgetting them is part of it.
    static constexpr std::size_t kept = 3;

    explicit controller_model(controller_mode mode, bool storage, unsigned early_assign_percent = 0)
        : host_{{.mode = mode,
                 .keep = kept,
                 .storage = storage,
                 .early_assign_percent = early_assign_percent}} {
        host_.add_session("w1");
    }

    void take(const controller_step& s) {
        perform(s);
        host_.drain();
        check();
    }

    /// What can be said of a whole run.
    void finish() {
        check_events();
        check_storage();
    }

    /// In ideal mode every task ends, whatever happened, once there is a worker that answers.
    void check_that_no_task_is_lost() {
        using namespace std::chrono_literals;
        host_.write_at_once = host_.store_at_once = true;
        host_.store_all();
        for (const worker_info& worker : host_.engine.workers()) {
            host_.disconnect(worker.connection);
        }
        host_.pass(10min); // those who are away are given up
        const connection_id worker = host_.last_connection + 1;
        host_.join(worker);
        for (std::size_t i = 0; i < host_.assignments(worker).size(); ++i) {
            host_.receive(worker, complete_frame(host_.assignments(worker)[i].task_id, {{"n", 1}}));
        }
        for (const auto& task : host_.engine.tasks("a", 0, SIZE_MAX).tasks) {
            require(task->status == task_status::finished, "an ideal controller loses no task");
        }
    }

private:
    static void require(bool held, const char* rule) {
        if (!held) {
            throw std::logic_error{rule};
        }
    }

    [[nodiscard]] std::string any_task(std::uint32_t which) const {
        const auto all = host_.engine.tasks("", 0, SIZE_MAX).tasks;
        return all.empty() ? "none" : all[which % all.size()]->id;
    }

    void perform(const controller_step& s) {
        using enum controller_step::kind;
        const connection_id who = 1 + s.a % (host_.last_connection + 1);
        const connection_id next = host_.last_connection + 1;
        switch (s.what) {
        case join:
            host_.join(next);
            break;
        case join_session:
            host_.join(next, {.worker_id = "w1", .token = "once"});
            break;
        case refused_join:
            host_.join(next, {.worker_id = s.a % 3 == 0 ? "w2" : "",
                              .token = s.a % 3 == 1 ? "another" : "token",
                              .clock_off = std::chrono::seconds{s.a % 3 == 2 ? 301 : 0}});
            break;
        case connect:
            host_.engine.connected(++host_.last_connection, host_.now());
            break;
        case disconnect:
            host_.engine.disconnected(who, host_.now());
            break;
        case submit:
            static_cast<void>(host_.submit({.queue = s.a % 4 == 0 ? "elsewhere" : "a",
                                            .metadata = {},
                                            .input = {},
                                            .timeout_ms = s.b % 2 * 1000,
                                            .max_retry = s.b % 3}));
            break;
        case cancel:
            static_cast<void>(host_.engine.cancel(any_task(s.a), host_.now()));
            break;
        case wait: {
            const auto asked =
                host_.engine.wait(any_task(s.a), s.b % 2 == 0 ? wait_for::end : wait_for::stored,
                                  host_.now().monotonic + std::chrono::milliseconds{s.b}, host_.now());
            if (asked && s.b % 5 == 0) {
                host_.engine.stop_waiting(*asked);
            }
            break;
        }
        case complete:
            host_.receive(who, complete_frame(any_task(s.b), {{"n", 1}}));
            break;
        case fail:
            host_.receive(who, failed_frame(any_task(s.b), "CODE"));
            break;
        case progress:
            host_.receive(who,
                          progress_frame(any_task(s.b), static_cast<float>(s.a % 1500) / 1000.0F, "text"));
            break;
        case stream:
            host_.receive(who, stream_frame(any_task(s.b), {{"n", 1}}));
            break;
        case noise:
            host_.receive(who, message(s.b % 20, static_cast<std::byte>(s.a)),
                          s.b % 7 == 0 ? message_kind::text : message_kind::binary);
            break;
        case damaged: {
            message frame = complete_frame(any_task(s.b), {{"n", 1}});
            frame[s.a % frame.size()] ^= static_cast<std::byte>(1 + s.b % 255);
            host_.receive(who, frame);
            break;
        }
        case part: { // of a message that stops in the middle
            const message whole = complete_frame(any_task(s.b), {{"n", 1}});
            host_.engine.received(who, message_kind::binary, std::span{whole}.first(s.b % whole.size()),
                                  false, host_.now());
            break;
        }
        case alive:
            host_.engine.alive(who, host_.now());
            host_.engine.sent(who, host_.now());
            break;
        case store_all:
            host_.store_all();
            break;
        case hold:
            host_.write_at_once = s.a % 2 == 0;
            host_.store_at_once = s.b % 2 == 0;
            break;
        case leap: // back too
            host_.leap(std::chrono::milliseconds{std::int64_t{s.a} * 20 - 5000});
            break;
        case pass:
            host_.pass(std::chrono::milliseconds{s.a * 4});
            break;
        }
    }

    // What must hold after every step.
    void check() const {
        const auto workers = host_.engine.workers();
        std::map<std::string, std::string> running; // task, worker
        bool somebody_is_idle = false;
        for (const worker_info& worker : workers) {
            const auto task = host_.engine.find(worker.task_id);
            if (task != nullptr && task->status == task_status::processing &&
                task->worker_id == worker.worker_id && worker.state != availability::ghost) {
                require(running.emplace(task->id, worker.worker_id).second, "one task is with one worker");
            }
            somebody_is_idle |= worker.state == availability::idle;
            require((worker.state == availability::busy) <= !worker.task_id.empty(),
                    "a busy worker has a task");
            require((worker.state == availability::idle) <= worker.task_id.empty(),
                    "an idle worker has none");
            require(host_.engine_config.mode == controller_mode::faithful ||
                        (worker.state != availability::ghost && worker.state != availability::stuck),
                    "an ideal controller has no ghosts");
        }
        std::size_t finished = 0;
        const task_page all = host_.engine.tasks("", 0, SIZE_MAX);
        require(all.tasks.size() == all.total, "a page that holds all holds as many as there are");
        for (const auto& task : all.tasks) {
            finished += task->status == task_status::finished ? 1U : 0U;
            require(host_.engine.find(task->id) == task, "a listed task can be found");
            require(task->completed_at.has_value() == (task->status == task_status::finished),
                    "a finished task has the time of its end");
            require(task->retried <= task->max_retry, "no task is retried more often than it may be");
            require(!(task->status == task_status::pending && task->queue == "a" && somebody_is_idle),
                    "no task waits while a worker of its queue is idle");
        }
        require(finished <= kept, "no more finished tasks are kept than wanted");
        require(host_.deadline > host_.now().monotonic, "a deadline that fired makes progress");
    }

    // Whether a task's event may follow this one; nothing: it is the first.
    [[nodiscard]] bool may_follow(std::optional<task_event::kind> before, task_event::kind what) const {
        using enum task_event::kind;
        const bool faithful = host_.engine_config.mode == controller_mode::faithful;
        const bool over = before == ended;
        switch (what) {
        case assigned:
            return !before || before == requeued;
        case progress:
        case data:
            return before == assigned || before == progress || before == data;
        case requeued: // the deployed controller lets a finished task fail
            return before && before != requeued && (!over || faithful);
        case ended: // a pending one ends by being cancelled
            return !over || faithful;
        }
        return false;
    }

    void check_events() const {
        std::map<std::string, std::optional<task_event::kind>> last;
        for (const auto& [what, id] : host_.events) {
            const bool fits = may_follow(std::exchange(last[id], what), what);
            require(fits, "a task's events come in an order that makes sense");
        }
    }

    // What is written of a task has been stored before.
    void check_storage() const {
        if (!host_.engine_config.storage) {
            return;
        }
        for (connection_id worker = 1; worker <= host_.last_connection; ++worker) {
            for (const assignment& given : host_.assignments(worker)) {
                require(std::ranges::any_of(host_.stores,
                                            [&](const store_record& store) {
                                                return store.serial <= host_.stored &&
                                                       store.task->id == given.task_id;
                                            }),
                        "what is assigned has been stored");
            }
        }
        require(host_.read_on_for.size() <= host_.held.size(), "who reads on was held");
        require(host_.stored != host_.stores.size() || host_.read_on_for == host_.held,
                "when all is stored nobody is held");
    }

    controller_harness host_;
};

} // namespace distworker::testing
