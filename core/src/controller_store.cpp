#include "controller_store.hpp"

#include <ranges>

namespace distworker::detail {

void task_store::add(std::shared_ptr<stored_task> task) {
    task->created_serial = ++serial_;
    by_id_.emplace(task->id, task);
    by_creation_.emplace(task->created_serial, task);
    requeue(task);
}

std::shared_ptr<stored_task> task_store::restore(const std::shared_ptr<stored_task>& task) {
    task->created_serial = task->queued_serial = ++serial_;
    by_id_.emplace(task->id, task);
    by_creation_.emplace(task->created_serial, task);
    if (task->status == task_status::pending) {
        wait_in_line(task);
    }
    return task->status == task_status::finished ? keep_finished(task) : nullptr;
}

std::shared_ptr<stored_task> task_store::find(std::string_view id) const {
    const auto found = by_id_.find(id);
    return found == by_id_.end() ? nullptr : found->second;
}

std::shared_ptr<stored_task> task_store::at(std::uint64_t created_serial) const {
    return by_creation_.at(created_serial);
}

std::shared_ptr<stored_task> task_store::first_pending(const std::vector<std::string>& queues) const {
    const std::shared_ptr<stored_task>* first = nullptr;
    for (const std::string& queue : queues) {
        const auto line = lines_.find(queue);
        if (line == lines_.end()) {
            continue;
        }
        const auto& head = line->second.begin()->second; // empty lines are not kept
        if (first == nullptr || head->queued_serial < (*first)->queued_serial) {
            first = &head;
        }
    }
    return first == nullptr ? nullptr : *first;
}

void task_store::start(stored_task& task, std::string_view worker_id, wall_time now) {
    leave_line(task);
    task.status = task_status::processing;
    task.owner = worker_id;
    task.worker_id = worker_id;
    task.started_at = now;
}

void task_store::requeue(const std::shared_ptr<stored_task>& task) {
    finished_.erase(task->finished_serial);
    task->completed_at.reset();
    task->result.reset();
    task->result_files.clear();
    task->queued_serial = ++serial_;
    put_back(task);
}

void task_store::put_back(const std::shared_ptr<stored_task>& task) {
    task->status = task_status::pending;
    task->owner.clear();
    task->started_at.reset();
    task->progress.reset();
    wait_in_line(task);
}

std::shared_ptr<stored_task> task_store::finish(const std::shared_ptr<stored_task>& task, wall_time now) {
    leave_line(*task);
    finished_.erase(task->finished_serial);
    task->status = task_status::finished;
    task->completed_at = now;
    return keep_finished(task);
}

std::shared_ptr<stored_task> task_store::keep_finished(const std::shared_ptr<stored_task>& task) {
    task->finished_serial = ++serial_;
    finished_.emplace(task->finished_serial, task);
    if (finished_.size() <= keep_) {
        return nullptr;
    }
    const std::shared_ptr<stored_task> oldest = finished_.extract(finished_.begin()).mapped();
    by_creation_.erase(oldest->created_serial);
    by_id_.erase(oldest->id);
    return oldest;
}

void task_store::wait_in_line(const std::shared_ptr<stored_task>& task) {
    lines_[task->queue].emplace(task->queued_serial, task);
}

void task_store::leave_line(stored_task& task) {
    const auto line = lines_.find(task.queue);
    if (line != lines_.end() && line->second.erase(task.queued_serial) > 0 && line->second.empty()) {
        lines_.erase(line);
    }
}

task_page task_store::page(std::string_view queue, std::size_t page, std::size_t limit) const {
    task_page out;
    for (const auto& task : by_creation_ | std::views::values | std::views::reverse) {
        if (!queue.empty() && task->queue != queue) {
            continue;
        }
        if (limit > 0 && out.total / limit == page) {
            out.tasks.push_back(task);
        }
        ++out.total;
    }
    return out;
}

void task_store::count(std::map<std::string, queue_info, std::less<>>& queues) const {
    for (const auto& task : by_creation_ | std::views::values) {
        queue_info& info = queues[task->queue];
        switch (task->status) {
        case task_status::pending:
            ++info.pending;
            break;
        case task_status::processing:
            ++info.processing;
            break;
        case task_status::completed:
        case task_status::finished:
            ++info.finished;
            break;
        }
    }
}

} // namespace distworker::detail
