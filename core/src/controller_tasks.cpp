// The API on tasks; how they end; what is stored; waits.
#include "controller_state.hpp"

#include <distworker/outcome.hpp>
#include <distworker/utf8.hpp>

#include <algorithm>

namespace distworker {

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
    auto task = std::make_shared<detail::stored_task>();
    task->id = new_id();
    task->queue = spec.queue;
    task->metadata = *std::move(metadata);
    task->input = *std::move(input);
    task->timeout_ms = spec.timeout_ms;
    task->max_retry = spec.max_retry;
    task->created_at = now_.wall;
    store_.add(task);
    save(task);
    place(task);
    return task;
}

std::expected<std::shared_ptr<const task_record>, cancel_error>
controller_engine::implementation::cancel(std::string_view id) {
    task_pointer task = store_.find(id);
    if (task == nullptr) {
        return std::unexpected{cancel_error::unknown_task};
    }
    if (task->status == task_status::finished) {
        return std::unexpected{cancel_error::already_finished};
    }
    task->error = task_failure{"CANCELLED", "cancelled through the API", {}};
    finish(task);
    task->owner.clear();
    return task;
}

std::expected<void, request_fault> controller_engine::implementation::restore(task_record record) {
    if (record.id.empty() || store_.find(record.id) != nullptr) {
        return refuse("id", record.id.empty() ? "is empty" : "is there already");
    }
    auto task = std::make_shared<detail::stored_task>();
    static_cast<task_record&>(*task) = std::move(record);
    if (const task_pointer surplus = store_.restore(task)) {
        save(surplus, store_record::action::erase);
    }
    if (task->status == task_status::pending) {
        place(task);
    } else if (task->status == task_status::processing) {
        task->owner = task->worker_id;
        if (!ideal()) {
            task->error = task_failure{"CANCELLED", "the controller was restarted", {}};
            finish(task);
            task->owner.clear();
        } else {
            wait_for_owner(task);
        }
    }
    return {};
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

void controller_engine::implementation::finish(const task_pointer& task) {
    forget_deadlines(task);
    const task_pointer surplus = store_.finish(task, now_.wall);
    save(task);
    if (surplus != nullptr) {
        save(surplus, store_record::action::erase);
    }
    tell(task_event::kind::ended, task);
    const auto [first, last] = waits_by_task_.equal_range(task->created_serial);
    for (auto entry = first; entry != last; ++entry) {
        tell_when_stored(wait_over{entry->second, task});
    }
}

void controller_engine::implementation::fail(const task_pointer& task, task_failure failure) {
    if (task->retried < task->max_retry) {
        ++task->retried;
        forget_deadlines(task);
        store_.requeue(task);
        save(task);
        tell(task_event::kind::requeued, task);
        place(task);
    } else {
        task->result.reset();
        task->error = std::move(failure);
        finish(task);
    }
}

void controller_engine::implementation::wait_for_owner(const task_pointer& task) {
    if (registry_.has_session(task->owner)) {
        // Who returns and leaves again before it has settled gets no more time.
        task->return_at = std::min(task->return_at, saturating_add(now_.monotonic, config_.return_time));
        schedule(*task);
        away_[task->owner] = task;
    } else {
        put_back(task);
    }
}

void controller_engine::implementation::put_back(const task_pointer& task) {
    forget_deadlines(task);
    if (ideal() && std::ranges::find(task->former_owners, task->owner) == task->former_owners.end()) {
        task->former_owners.push_back(task->owner);
    }
    store_.put_back(task);
    save(task);
    tell(task_event::kind::requeued, task);
    place(task);
}

void controller_engine::implementation::fire(const task_pointer& due) {
    connection nobody;
    nobody.info.worker_id = due->owner;
    if (due->return_at <= now_.monotonic) {
        note(note_kind::task_put_back, nobody, "task " + due->id + ": its worker did not return");
        put_back(due);
    } else if (due->timeout_at <= now_.monotonic) {
        note(note_kind::task_timed_out, nobody, "task " + due->id);
        due->former_owners.push_back(due->owner);
        fail(due, task_failure{"TIMEOUT", "its worker gave no answer in time", {}});
    } else {
        schedule(*due);
    }
}

void controller_engine::implementation::schedule(detail::stored_task& task) {
    task_wakes_.erase({task.wake, task.created_serial});
    task.wake = std::min(task.timeout_at, task.return_at);
    if (task.wake != never) {
        task_wakes_.emplace(task.wake, task.created_serial);
    }
}

void controller_engine::implementation::forget_deadlines(const task_pointer& task) {
    if (const auto absent = away_.find(task->owner); absent != away_.end() && absent->second == task) {
        away_.erase(absent);
    }
    task->timeout_at = task->return_at = never;
    schedule(*task);
}

void controller_engine::implementation::save(const task_pointer& task, store_record::action what) {
    if (config_.storage) {
        outputs_.emplace_back(store_record{++serial_, what, task});
    }
}

void controller_engine::implementation::tell(task_event::kind what, const task_pointer& task,
                                             encoded_object data) {
    tell_when_stored(task_event{what, task, std::move(data)});
}

void controller_engine::implementation::tell_when_stored(controller_output out) {
    when_stored_.emplace_back(serial_, std::move(out));
}

void controller_engine::implementation::stored(std::uint64_t serial) {
    stored_ = std::max(stored_, std::min(serial, serial_));
    while (!write_when_stored_.empty() && write_when_stored_.begin()->first <= stored_) {
        to_write_.push_back(write_when_stored_.begin()->second);
        write_when_stored_.erase(write_when_stored_.begin());
    }
}

std::optional<wait_id> controller_engine::implementation::wait(std::string_view id, wait_for what,
                                                               monotonic_time deadline) {
    const task_pointer task = store_.find(id);
    if (task == nullptr) {
        return std::nullopt;
    }
    const wait_id wait = ++last_wait_;
    waits_.emplace(wait, waiting{task, deadline});
    waits_by_task_.emplace(task->created_serial, wait);
    if (deadline != never) {
        wait_deadlines_.emplace(deadline, wait);
    }
    if (what == wait_for::stored || task->status == task_status::finished) {
        tell_when_stored(wait_over{wait, task});
    }
    return wait;
}

void controller_engine::implementation::stop_waiting(wait_id wait) {
    const auto found = waits_.find(wait);
    if (found == waits_.end()) {
        return;
    }
    const auto [first, last] = waits_by_task_.equal_range(found->second.task->created_serial);
    waits_by_task_.erase(std::find_if(first, last, [&](const auto& entry) { return entry.second == wait; }));
    wait_deadlines_.erase({found->second.deadline, wait});
    waits_.erase(found);
}

} // namespace distworker
