#include "controller_state.hpp"

#include <distworker/outcome.hpp>
#include <distworker/utf8.hpp>

#include <algorithm>

namespace distworker {

using detail::stored_task;

namespace {

constexpr std::size_t max_queue_bytes = 1024;

std::unexpected<request_fault> refuse(std::string field, std::string problem) {
    return std::unexpected{request_fault{std::move(field), std::move(problem)}};
}

std::string queue_problem(std::string_view queue) {
    if (queue.empty()) {
        return "is missing or empty";
    }
    if (queue.size() > max_queue_bytes) {
        return "is longer than 1024 bytes";
    }
    if (!is_valid_utf8(queue)) {
        return "is not UTF-8";
    }
    return queue.contains('\0') ? "holds a NUL" : "";
}

// A fault of `encoded_object::encode` in words for who sent the object.
request_fault told(const write_fault& fault) {
    switch (fault.what) {
    case write_fault::kind::too_deep:
        return {fault.path, "nested deeper than " + std::to_string(max_input_depth) + " containers"};
    case write_fault::kind::misuse:
        return {fault.path, "must be an object"};
    case write_fault::kind::not_utf8:
    case write_fault::kind::not_finite:
    case write_fault::kind::bad_key:
    case write_fault::kind::too_large:
        break;
    }
    return {fault.path, to_string(fault.what)};
}

} // namespace

std::expected<std::shared_ptr<const task_record>, request_fault>
controller_engine::implementation::submit(const task_spec& spec) {
    if (std::string problem = queue_problem(spec.queue); !problem.empty()) {
        return refuse("queue", std::move(problem));
    }
    if (spec.timeout_ms < 0) {
        return refuse("timeout", "is negative");
    }
    auto metadata = encoded_object::encode(spec.metadata, "metadata", max_input_depth);
    if (!metadata) {
        return std::unexpected{told(metadata.error())};
    }
    auto input = encoded_object::encode(spec.input, "input", max_input_depth);
    if (!input) {
        return std::unexpected{told(input.error())};
    }
    if (metadata->document_bytes() + input->document_bytes() > max_document_bytes) {
        return refuse("input", "is too large together with metadata: a task holds at most 16 MiB");
    }
    auto task = std::make_shared<stored_task>();
    task->id = new_id();
    task->queue = spec.queue;
    task->metadata = *std::move(metadata);
    task->input = *std::move(input);
    task->timeout_ms = spec.timeout_ms;
    task->max_retry = spec.max_retry;
    task->created_at = now_.wall;
    store_.add(task);
    place(task);
    return task;
}

std::expected<std::shared_ptr<const task_record>, cancel_error>
controller_engine::implementation::cancel(std::string_view id) {
    std::shared_ptr<stored_task> task = store_.find(id);
    if (task == nullptr) {
        return std::unexpected{cancel_error::unknown_task};
    }
    if (task->status == task_status::finished) {
        return std::unexpected{cancel_error::already_finished};
    }
    task->owner.reset();
    task->error = task_failure{"CANCELLED", "cancelled through the API", {}};
    store_.finish(task, now_.wall);
    tell(task_event::kind::ended, task);
    return task;
}

void controller_engine::implementation::become_idle(connection& worker) {
    if (const auto task = store_.first_pending(worker.provisioner->queues)) {
        give(worker, task);
        return;
    }
    worker.idle_serial = ++idle_serial_;
    idle_[worker.provisioner->name].emplace(worker.idle_serial, worker.id);
}

void controller_engine::implementation::place(const std::shared_ptr<stored_task>& task) {
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
        idle_[worker.provisioner->name].erase(worker.idle_serial);
        give(worker, task);
    }
}

void controller_engine::implementation::give(connection& worker, const std::shared_ptr<stored_task>& task) {
    store_.start(*task, worker.id, worker.info.worker_id, now_.wall);
    worker.info.task_id = task->id;
    tell(task_event::kind::assigned, task);

    task_assign_view assignment;
    assignment.task_id = task->id;
    assignment.queue = task->queue;
    assignment.metadata = task->metadata.view();
    assignment.input = task->input.view();
    assignment.timeout_ms = task->timeout_ms;
    byte_buffer frame;
    write_task_assign(frame, assignment);
    send(worker, std::move(frame));
}

// A UUIDv7 (RFC 9562, section 5.7): 48 bits of Unix milliseconds, the rest random but for version and
// variant.
std::string controller_engine::implementation::new_id() {
    const auto milliseconds = static_cast<std::uint64_t>(now_.wall.time_since_epoch().count());
    const std::uint64_t high = (milliseconds << 16U) | 0x7000U | (random_.next() & 0x0FFFU);
    const std::uint64_t low = (random_.next() >> 2U) | (std::uint64_t{1} << 63U);
    static constexpr std::string_view digits = "0123456789abcdef";
    std::string text;
    for (unsigned i = 0; i < 32; ++i) {
        if (i == 8 || i == 12 || i == 16 || i == 20) {
            text += '-';
        }
        const std::uint64_t half = i < 16 ? high : low;
        text += digits[(half >> (60U - 4U * (i % 16U))) & 0xFU];
    }
    return text;
}

} // namespace distworker
