// Tasks to workers.
#include "controller_state.hpp"

#include <algorithm>

namespace distworker {

void controller_engine::implementation::become_idle(connection& worker) {
    if (state_of(worker) != availability::idle) {
        return;
    }
    if (const auto task = store_.first_pending(worker.provisioner->queues)) {
        give(worker, task);
        return;
    }
    worker.idle_serial = ++idle_serial_;
    idle_[worker.provisioner->name].emplace(worker.idle_serial, worker.id);
}

void controller_engine::implementation::leave_idle(connection& worker) {
    idle_[worker.provisioner->name].erase(std::exchange(worker.idle_serial, 0));
}

void controller_engine::implementation::place(const task_pointer& task) {
    std::pair<std::uint64_t, connection_id> longest{UINT64_MAX, 0};
    for (const auto& [name, provisioner] : registry_.provisioners()) {
        const auto idle = idle_.find(name);
        if (idle != idle_.end() && !idle->second.empty() &&
            std::ranges::find(provisioner.queues, task->queue) != provisioner.queues.end()) {
            longest = std::min<std::pair<std::uint64_t, connection_id>>(longest, *idle->second.begin());
        }
    }
    if (longest.first != UINT64_MAX) {
        connection& worker = connections_.at(longest.second);
        leave_idle(worker);
        give(worker, task);
    }
}

void controller_engine::implementation::give(connection& worker, const task_pointer& task) {
    store_.start(*task, worker.info.worker_id, now_.wall);
    worker.info.task_id = task->id;
    if (ideal() && task->timeout_ms > 0) {
        task->timeout_at = saturating_add(
            saturating_add(now_.monotonic, saturating_milliseconds(task->timeout_ms)), config_.timeout_grace);
        schedule(*task);
    }
    save(task);
    tell(task_event::kind::assigned, task);
    assign(worker, *task);
}

void controller_engine::implementation::assign(connection& worker, const detail::stored_task& task) {
    task_assign_view assignment;
    assignment.task_id = task.id;
    assignment.queue = task.queue;
    assignment.metadata = task.metadata.view();
    assignment.input = task.input.view();
    assignment.timeout_ms = task.timeout_ms;
    byte_buffer frame;
    write_task_assign(frame, assignment);
    send(worker, {.message = std::move(frame).share(), .after = serial_, .assigns = true});
}

} // namespace distworker
