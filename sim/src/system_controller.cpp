// The controller's process: its engine, its ends of the lines, the tasks that are submitted.
#include "system.hpp"

#include <distworker/openssl_crypto.hpp>

namespace distworker::sim {

using namespace std::chrono_literals;

void system::start_controller() {
    controller_.engine = std::make_unique<controller_engine>(
        controller_config{.idle_time = 0, .keep = 1'000'000}, make_openssl_crypto(), random_.next());
    const auto added =
        controller_.engine->add_provisioner({"sim", secret{std::string_view{"token"}}, {"sim.task"}});
    if (!added) {
        accuse("the controller takes no provisioner: " + added.error().to_string());
    }
    log("controller: up");
}

// It forgets its connections and its tasks: what was not finished is gone with it, as after a crash of the
// deployed one, which cancels what was being processed.
void system::kill_controller() {
    for (auto& [id, l] : lines_) {
        if (std::exchange(l->at_controller, false)) {
            l->server.abandon();
        }
    }
    for (const std::string& id : submitted_) {
        told_lost_.insert(id);
    }
    controller_.engine.reset();
    controller_.wakes = never;
    touched_ = true;
    log("controller: down");
}

bool system::pump_controller() {
    if (controller_.engine == nullptr) {
        return false;
    }
    bool did_something = false;
    for (;;) {
        controller_output out = controller_.engine->poll(wall_true());
        if (const auto* idle = std::get_if<controller_idle>(&out)) {
            controller_.wakes = idle->deadline;
            return did_something;
        }
        did_something = true;
        if (auto* message = std::get_if<send_message>(&out)) {
            if (line* const l = find_line(message->connection)) {
                l->server.send(message->message.bytes());
                sent(message->message.bytes());
                touched_ = true;
            }
        } else if (const auto* ping = std::get_if<send_ping>(&out)) {
            if (line* const l = find_line(ping->connection)) {
                l->server.ping({});
                touched_ = true;
            }
        } else if (const auto* end = std::get_if<end_connection>(&out)) {
            if (line* const l = find_line(end->connection)) {
                l->at_controller = false;
                l->server.abandon();
                touched_ = true;
            }
        } else if (const auto* event = std::get_if<task_event>(&out)) {
            if (event->what == task_event::kind::ended) {
                finished_.insert(event->task->id);
            }
        } else if (const auto* note = std::get_if<controller_note>(&out)) {
            result_.seen.hit(to_string(note->what));
        }
    }
}

void system::told_controller(line& from, endpoint_event& event) {
    controller_engine& engine = *controller_.engine;
    switch (event.what) {
    case endpoint_event::kind::part:
        engine.received(from.id, event.message, event.bytes, event.last, wall_true());
        break;
    case endpoint_event::kind::pong:
        engine.alive(from.id, wall_true());
        break;
    case endpoint_event::kind::sent:
        engine.sent(from.id, wall_true());
        break;
    case endpoint_event::kind::closed:
        result_.seen.hit("worker_closed");
        break;
    case endpoint_event::kind::ended:
        from.at_controller = false;
        engine.disconnected(from.id, wall_true());
        break;
    case endpoint_event::kind::pinged:
        break;
    }
}

void system::submit() {
    if (controller_.engine == nullptr) {
        return;
    }
    const std::int64_t timeout = plan_.has(fault::timeouts) && chance(random_, 30)
                                     ? static_cast<std::int64_t>(number(random_, 1, 60'000))
                                     : 0;
    const auto task =
        controller_.engine->submit({.queue = "sim.task",
                                    .metadata = {},
                                    .input = value{{"n", static_cast<double>(submitted_.size())}},
                                    .timeout_ms = timeout,
                                    .max_retry = 0},
                                   wall_true());
    if (task) {
        submitted_.insert((*task)->id);
        ++result_.tasks.submitted;
    }
}

} // namespace distworker::sim
