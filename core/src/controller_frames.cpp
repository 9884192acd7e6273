#include "controller_state.hpp"

#include <distworker/outcome.hpp>
#include <distworker/utf8.hpp>

#include <algorithm>
#include <cmath>

namespace distworker {

void controller_engine::implementation::take_message(connection& from, message_kind kind,
                                                     std::span<const std::byte> message) {
    pong(from); // a complete message renews the read deadline as a pong does
    if (kind == message_kind::text) {
        note(note_kind::text_ignored, from, std::to_string(message.size()) + " bytes");
        return;
    }
    const auto frame = read_frame(message);
    if (!from.registered()) {
        const auto* const registration = frame ? std::get_if<worker_register_view>(&*frame) : nullptr;
        if (registration == nullptr) {
            end(from, note_kind::refused, "the first message is not a registration", true);
        } else {
            register_worker(from, *registration);
        }
        return;
    }
    if (!frame) {
        note(note_kind::malformed, from, std::string{frame.error().reason});
        return;
    }
    const std::uint64_t before = serial_;
    std::visit([&](const auto& view) { take(from, view); }, *frame);
    if (serial_ != before) {
        outputs_.emplace_back(hold_reading{from.id});
        tell_when_stored(read_on{from.id});
    }
}

void controller_engine::implementation::take(connection& from, const worker_register_view&) {
    note(note_kind::unexpected, from, "a second registration");
}

void controller_engine::implementation::take(connection& from, const register_response_view&) {
    note(note_kind::unexpected, from, "a registration's answer, from a worker");
}

void controller_engine::implementation::take(connection& from, const task_assign_view&) {
    note(note_kind::unexpected, from, "an assignment, from a worker");
}

void controller_engine::implementation::take(connection& from, const heartbeat_view& heartbeat) {
    from.info.heartbeat_at = now_.wall;
    from.info.health = heartbeat.health;
    from.info.usage = heartbeat.usage;
}

controller_engine::implementation::task_pointer
controller_engine::implementation::owned(connection& from, std::string_view task_id, std::string_view what) {
    task_pointer task = store_.find(task_id);
    if (task == nullptr || task->owner != from.info.worker_id) {
        note(note_kind::not_owner, from, std::string{what} + " for task " + escape_for_log(task_id));
        return nullptr;
    }
    return task;
}

controller_engine::implementation::task_pointer
controller_engine::implementation::answered(connection& from, std::string_view task_id,
                                            std::string_view what) {
    task_pointer task = owned(from, task_id, what);
    if (task != nullptr && task->status == task_status::finished) {
        note(note_kind::second_outcome, from, std::string{what} + " for task " + task->id);
        return ideal() ? nullptr : task;
    }
    return task;
}

void controller_engine::implementation::take(connection& from, const task_progress_view& progress) {
    const task_pointer task = owned(from, progress.task_id, "progress");
    if (task == nullptr) {
        return;
    }
    if (task->status != task_status::processing) {
        note(note_kind::unexpected, from, "progress after the outcome of task " + task->id);
        return;
    }
    // An item of the stream that says nothing of the progress leaves it as it was.
    if (!progress.has_data || progress.progress != 0 || !progress.message.empty()) {
        task_progress& told = task->progress ? *task->progress : task->progress.emplace();
        told.fraction =
            std::isnan(progress.progress) ? told.fraction : std::clamp(progress.progress, 0.0F, 1.0F);
        told.message = progress.message;
        told.updated_at = now_.wall;
        save(task);
        tell(task_event::kind::progress, task);
    }
    if (progress.has_data) {
        auto data = encoded_object::encode(progress.data, "data", max_input_depth);
        if (data) {
            tell(task_event::kind::data, task, *std::move(data));
        } else {
            note(note_kind::malformed, from, data.error().path + ": " + to_string(data.error().what));
        }
    }
}

void controller_engine::implementation::take(connection& from, const task_complete_view& complete) {
    task_pointer task = store_.find(complete.task_id);
    // A result that was thought lost is as good as another.
    if (task == nullptr ||
        std::ranges::find(task->former_owners, from.info.worker_id) == task->former_owners.end() ||
        task->status == task_status::finished) {
        task = answered(from, complete.task_id, "a result");
    }
    if (task != nullptr) {
        auto result = encoded_object::encode(complete.result, "result", max_result_depth);
        if (result) {
            task->result = *std::move(result);
            task->error.reset();
            task->result_files.clear();
            for (const file_view file : complete.result_files) {
                task->result_files.push_back({std::string{file.file_id}, std::string{file.filename},
                                              std::string{file.content_type}, file.size,
                                              std::string{file.storage_url}});
            }
            finish(task);
        } else {
            note(note_kind::outcome_lost, from,
                 "task " + task->id + ", " + result.error().path + ": " + to_string(result.error().what));
        }
    }
    free_worker(from, complete.task_id);
}

void controller_engine::implementation::take(connection& from, const task_failed_view& failed) {
    const task_pointer task = answered(from, failed.task_id, "an error");
    if (task != nullptr && ideal() && failed.error_code == error_code::worker_busy) {
        take_back(from, task);
        return;
    }
    if (task != nullptr) {
        auto details = encoded_object::encode(failed.error_details, "error_details", max_result_depth);
        if (details) {
            fail(task, task_failure{std::string{failed.error_code}, std::string{failed.error_message},
                                    *std::move(details)});
        } else {
            note(note_kind::outcome_lost, from,
                 "task " + task->id + ", " + details.error().path + ": " + to_string(details.error().what));
        }
    }
    free_worker(from, failed.task_id);
}

// It still runs what was taken from it while it was away: the task has not been tried, and it needs time.
void controller_engine::implementation::take_back(connection& from, const task_pointer& task) {
    note(note_kind::task_put_back, from, "task " + task->id + ": its worker is busy with another");
    from.info.task_id.clear();
    from.settles_at = saturating_add(now_.monotonic, config_.settle_time);
    put_back(task);
}

void controller_engine::implementation::free_worker(connection& worker, std::string_view task_id) {
    if (!worker.info.task_id.empty() && worker.info.task_id == task_id) {
        worker.info.task_id.clear();
        become_idle(worker);
    }
}

} // namespace distworker
