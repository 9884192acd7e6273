// A worker and a controller in memory: both real engines, a network of nothing but delay and accidents, and
// virtual time.
//
// The network gives each connection what TCP and WebSocket give: order, pings answered where they stand in
// line, an end that both sides learn of; and what they do not: a `cut` loses what is on its way, a `silence`
// loses all and tells nobody.
#pragma once

#include "core/engine_rig.hpp"

#include <distworker/controller_engine.hpp>
#include <distworker/openssl_crypto.hpp>
#include <distworker/overloaded.hpp>
#include <distworker/signing.hpp>
#include <distworker/worker_group.hpp>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace distworker::testing {

inline worker_config pair_config(std::uint64_t slots = 1) {
    worker_config config = default_config();
    config.slots = slots;
    return config;
}

class engine_pair {
public:
    explicit engine_pair(const worker_config& config = pair_config(),
                         const controller_config& controller_settings = {}, std::string_view token = "token",
                         std::uint64_t seed = 1)
        : worker{config.validate().value(), make_signer(make_openssl_crypto(), secret{token}), seed},
          controller{controller_settings, make_openssl_crypto(), seed}, current_(worker.slots()) {
        if (!controller.add_provisioner(
                {config.provisioner, secret{std::string_view{"token"}}, {"math.add", "text"}})) {
            throw std::logic_error{"the controller takes no provisioner"};
        }
        if (!config.worker_id.empty() &&
            !controller.add_session(
                {config.worker_id, secret{std::string_view{"token"}}, config.provisioner})) {
            throw std::logic_error{"the controller takes no session"};
        }
        handler = [this](const assigned_task& task) { after(10ms, [this, task] { complete(task); }); };
    }

    worker_group worker;
    controller_engine controller;
    instant now{monotonic_time{1h}, wall_time{std::chrono::milliseconds{1'790'000'000'000}}};
    std::chrono::nanoseconds latency = 1ms;
    bool reachable = true;

    /// Runs a task; by default it completes after 10 ms.
    std::function<void(const assigned_task&)> handler;
    std::function<void(const output::stop_task&)> on_stop = [](const output::stop_task&) {};
    std::function<void(delivery)> on_writable = [](delivery) {};

    // What happened.
    std::vector<assigned_task> assigned;
    std::vector<output::stop_task> stops;
    std::vector<std::pair<std::string, certainty>> returned; // by task id
    std::vector<end_reason> stopped;
    std::vector<output::disconnected> ends;
    std::vector<std::pair<task_event::kind, std::string>> events; // of the controller's tasks
    std::vector<std::string> told;                                // progress messages and stream texts
    std::size_t accepted = 0;                                     // answers that the worker took

    // --- What a test does ---

    void start() {
        if (!worker.start(now)) {
            throw std::logic_error{"started twice"};
        }
        drain();
    }
    std::expected<void, misuse> stop(end_reason why = end_reason::stop_requested,
                                     std::chrono::nanoseconds drain_timeout = 25s) {
        auto done = worker.stop(why, drain_timeout, now);
        drain();
        return done;
    }
    std::string submit(const task_spec& spec) {
        const auto task = controller.submit(spec, now);
        if (!task) {
            throw std::logic_error{task.error().to_string()};
        }
        drain();
        return (*task)->id;
    }
    std::string submit(value input = value{{"a", 1}}) {
        return submit(task_spec{.queue = "math.add", .metadata = {}, .input = std::move(input)});
    }
    void cancel(const std::string& id) {
        static_cast<void>(controller.cancel(id, now));
        drain();
    }
    void complete(const assigned_task& task) {
        accepted += worker.complete(task.name(), engine_rig::result_for(task), now) ? 1U : 0U;
    }
    void fail(const assigned_task& task, std::string_view code) {
        outcome_writer answer{task};
        accepted += worker.complete(task.name(), std::move(answer).fail(code, "it had to be"), now) ? 1U : 0U;
    }
    /// Does something later; what it does to the engines is carried out at once.
    void after(std::chrono::nanoseconds delay, std::function<void()> what) {
        pending_.emplace(now.monotonic + delay, std::move(what));
    }
    /// Ends a slot's connection; what is on its way is lost, and both sides learn of it at once.
    void cut(std::uint32_t slot) {
        if (link* const l = find(current_[slot])) {
            lose_worker_side(*l, link_end::kind::lost);
            lose_controller_side(*l);
            drain();
        }
    }
    /// From now on nothing arrives on a slot's connection, and nobody is told.
    void silence(std::uint32_t slot) {
        if (link* const l = find(current_[slot])) {
            l->silent = true;
        }
    }
    /// Lets time pass, event by event.
    void pass(std::chrono::nanoseconds time) {
        const monotonic_time end = now.monotonic + time;
        drain();
        while (next_event() <= end) {
            set_time(std::max(next_event(), now.monotonic));
            while (!pending_.empty() && pending_.begin()->first <= now.monotonic) {
                const auto next = pending_.extract(pending_.begin());
                next.mapped()();
                drain();
            }
            drain();
        }
        set_time(end);
    }
    /// Lets time pass until `done()`, looked at every 10 ms; whether it ever was.
    template <typename Done>
    [[nodiscard]] bool pass_until(Done done, std::chrono::nanoseconds at_most) {
        const monotonic_time end = now.monotonic + at_most;
        while (!done() && now.monotonic < end) {
            pass(10ms);
        }
        return done();
    }

    [[nodiscard]] const task_record& task(const std::string& id) const {
        const auto found = controller.find(id);
        if (found == nullptr) {
            throw std::logic_error{"no task " + id};
        }
        return *found;
    }
    [[nodiscard]] bool finished(const std::string& id) const {
        return task(id).status == task_status::finished;
    }
    [[nodiscard]] std::string error_of(const std::string& id) const {
        return task(id).error ? task(id).error->code : "";
    }

private:
    struct link {
        std::uint32_t slot = 0;
        std::uint32_t generation = 0;
        connection_id id = 0;
        bool worker_side = true;      // the worker holds it to be there
        bool controller_side = false; // so does the controller
        bool silent = false;
    };

    link* find(connection_id id) {
        const auto found = links_.find(id);
        return found == links_.end() ? nullptr : &found->second;
    }
    [[nodiscard]] monotonic_time next_event() const {
        const monotonic_time first = pending_.empty() ? never : pending_.begin()->first;
        return std::min({first, worker_deadline_, controller_deadline_});
    }
    void set_time(monotonic_time t) {
        now.wall += std::chrono::duration_cast<std::chrono::milliseconds>(t - now.monotonic);
        now.monotonic = t;
    }
    /// Something arrives at the other side, if it does.
    void travel(connection_id id, std::function<void(link&)> arrive) {
        after(latency, [this, id, arrive = std::move(arrive)] {
            link& l = links_.at(id);
            if (!l.silent) {
                arrive(l);
            }
        });
    }
    template <typename Event>
    void to_worker(link& l, Event event) {
        if (l.worker_side) {
            worker.with(l.slot, [&](worker_engine& engine) { event(engine, l.generation); });
        }
    }
    void lose_worker_side(link& l, link_end::kind what) {
        to_worker(l, [&](worker_engine& engine, std::uint32_t generation) {
            engine.closed(generation, {.what = what, .detail = "pair"}, now);
        });
        l.worker_side = false;
    }
    void lose_controller_side(link& l) {
        if (std::exchange(l.controller_side, false)) {
            controller.disconnected(l.id, now);
        }
    }

    void drain() {
        for (int outputs = 0; outputs < 1'000'000; ++outputs) {
            group_output out = worker.poll(now);
            const auto* const idle = std::get_if<output::idle>(&out.out);
            if (idle == nullptr) {
                std::visit([&](auto& o) { perform(out.slot, o); }, out.out);
                continue;
            }
            worker_deadline_ = idle->deadline;
            auto order = controller.poll(now);
            if (const auto* done = std::get_if<controller_idle>(&order)) {
                controller_deadline_ = done->deadline;
                return;
            }
            std::visit([&](auto& o) { perform(o); }, order);
        }
        throw std::logic_error{"the engines never become idle"};
    }

    // --- The worker's outputs ---

    void perform(std::uint32_t slot, output::connect& o) {
        const connection_id id = ++last_id_;
        current_[slot] = id;
        links_[id] = {.slot = slot, .generation = o.generation, .id = id};
        after(latency, [this, id] {
            link& l = links_.at(id);
            if (!reachable) {
                lose_worker_side(l, link_end::kind::connect);
            } else if (l.worker_side) {
                l.controller_side = true;
                controller.connected(id, now);
                to_worker(l, [&](worker_engine& e, std::uint32_t generation) { e.opened(generation, now); });
            }
        });
    }
    void perform(std::uint32_t slot, output::send& o) {
        const connection_id id = current_[slot];
        travel(id, [this, message = copy_of(o.bytes)](link& l) {
            if (l.controller_side) {
                controller.received(l.id, message_kind::binary, message, true, now);
            }
        });
        after(latency, [this, id] { // a write to a silent link is done as well
            to_worker(links_.at(id),
                      [&](worker_engine& e, std::uint32_t generation) { e.sent(generation, now); });
        });
    }
    void perform(std::uint32_t slot, output::ping& o) {
        travel(current_[slot], [this, payload = o.payload](link& at_controller) {
            if (!at_controller.controller_side) {
                return;
            }
            travel(at_controller.id, [this, payload](link& l) {
                to_worker(
                    l, [&](worker_engine& e, std::uint32_t generation) { e.pong(generation, payload, now); });
            });
        });
    }
    void perform(std::uint32_t slot, output::close&) {
        travel(current_[slot], [this](link& at_controller) {
            lose_controller_side(at_controller);
            travel(at_controller.id, [this](link& l) { lose_worker_side(l, link_end::kind::closed); });
        });
    }
    void perform(std::uint32_t slot, output::abort&) {
        links_.at(current_[slot]).worker_side = false;
        travel(current_[slot], [this](link& l) { lose_controller_side(l); });
    }
    void perform(std::uint32_t, output::assigned& o) {
        assigned.push_back(o.task);
        handler(o.task);
    }
    void perform(std::uint32_t, output::stop_task& o) {
        stops.push_back(o);
        on_stop(o);
    }
    void perform(std::uint32_t, output::writable& o) { on_writable(o.task); }
    void perform(std::uint32_t, output::undeliverable& o) {
        const frame_view frame = o.answer.read();
        const auto* const completed = std::get_if<task_complete_view>(&frame);
        returned.emplace_back(completed != nullptr ? completed->task_id
                                                   : std::get<task_failed_view>(frame).task_id,
                              o.how_sure);
    }
    void perform(std::uint32_t, output::disconnected& o) { ends.push_back(o); }
    void perform(std::uint32_t, output::stopped& o) { stopped.push_back(o.reason); }
    template <typename Other>
    void perform(std::uint32_t, const Other&) {} // idle, samples, states

    // --- The controller's outputs ---

    void perform(send_message& o) {
        travel(o.connection, [this, message = o.message](link& l) {
            to_worker(l, [&](worker_engine& e, std::uint32_t generation) {
                e.received(generation, message_kind::binary, message.bytes(), true, message.bytes().size(),
                           now);
            });
        });
        after(latency, [this, id = o.connection] { controller.sent(id, now); });
    }
    void perform(send_ping& o) {
        travel(o.connection, [this](link& at_worker) {
            if (!at_worker.worker_side) {
                return;
            }
            to_worker(at_worker,
                      [&](worker_engine& e, std::uint32_t generation) { e.pinged(generation, now); });
            travel(at_worker.id, [this](link& l) { controller.alive(l.id, now); });
        });
    }
    void perform(end_connection& o) {
        links_.at(o.connection).controller_side = false;
        travel(o.connection, [this](link& l) { lose_worker_side(l, link_end::kind::lost); });
    }
    void perform(task_event& o) {
        events.emplace_back(o.what, o.task->id);
        if (o.what == task_event::kind::progress && !o.task->progress->message.empty()) {
            told.push_back(o.task->progress->message);
        } else if (o.what == task_event::kind::data) {
            told.push_back(*value{o.data.view()}.find("text")->string());
        }
    }
    template <typename Other>
    void perform(const Other&) {} // notes

    std::map<connection_id, link> links_;
    std::vector<connection_id> current_; // by slot
    connection_id last_id_ = 0;
    std::multimap<monotonic_time, std::function<void()>> pending_; // in order, also among equal times
    monotonic_time worker_deadline_ = never;
    monotonic_time controller_deadline_ = never;
};

} // namespace distworker::testing
