// Registrations, and what becomes of a worker and its task when its connection ends or it returns.
#include "controller_state.hpp"

#include <distworker/utf8.hpp>

namespace distworker {

void controller_engine::implementation::register_worker(connection& from,
                                                        const worker_register_view& registration) {
    const auto admitted = registry_.admit(registration, now_.wall);
    if (!admitted) {
        end(from, note_kind::refused, admitted.error(), true);
        return;
    }
    admit(from, *admitted);

    byte_buffer answer;
    write_register_response(answer, config_.idle_time);
    const bool overtaken =
        config_.early_assign_percent > 0 && !ideal() && random_.next() % 100 < config_.early_assign_percent;
    if (overtaken) {
        become_idle(from);
    }
    send(from, {.message = std::move(answer).share()});
    if (!overtaken) {
        become_idle(from);
    }
}

void controller_engine::implementation::admit(connection& from, const detail::admission& admitted) {
    const signed_register_view& told = admitted.told;
    from.provisioner = admitted.provisioner;
    from.read_deadline = saturating_add(now_.monotonic, controller_read_timeout);
    from.info.worker_id =
        told.worker_id.empty() ? from.provisioner->name + "-" + new_id() : std::string{told.worker_id};
    from.info.provisioner = from.provisioner->name;
    from.info.hostname = told.hostname;
    from.info.cpu_cores = told.cpu_cores;
    from.info.memory_mb = told.memory_mb;
    from.info.connected_at = now_.wall;
    from.info.queues = from.provisioner->queues;
    note(note_kind::worker_registered, from, "host '" + escape_for_log(told.hostname) + "'");

    if (const auto other = listed_.find(from.info.worker_id); other != listed_.end()) {
        connection& first = connections_.at(other->second);
        if (ideal()) {
            end(first, note_kind::replaced, "its session registered again", true);
        } else {
            leave_idle(first); // the table of workers has one entry for each id
        }
    }
    listed_.insert_or_assign(from.info.worker_id, from.id);
    const auto kept = away_.find(from.info.worker_id);
    if (ideal() && (admitted.returning || kept != away_.end())) {
        note(note_kind::returned, from, "");
        from.settles_at = saturating_add(now_.monotonic, config_.settle_time);
        if (kept != away_.end()) {
            const task_pointer task = kept->second;
            from.info.task_id = task->id;
            away_.erase(kept);
        }
    }
}

void controller_engine::implementation::sign_off(connection& gone) {
    leave_idle(gone);
    const auto listed = listed_.find(gone.info.worker_id);
    if (!ideal() && listed != listed_.end() && listed->second != gone.id) {
        connection& other = connections_.at(listed->second);
        leave_idle(other);
        note(note_kind::ghost, other, "an earlier connection of its session ended");
    }
    if (listed != listed_.end()) {
        listed_.erase(listed);
    }
    if (!ideal()) {
        registry_.end_session(gone.info.worker_id);
    }
    const task_pointer task = store_.find(gone.info.task_id);
    if (task == nullptr || task->status != task_status::processing || task->owner != gone.info.worker_id) {
        return;
    }
    if (!ideal()) {
        note(note_kind::task_stranded, gone, "task " + task->id + " stays processing");
    } else {
        wait_for_owner(task);
    }
}

void controller_engine::implementation::settle(connection& returned) {
    returned.settles_at = never;
    const task_pointer task = store_.find(returned.info.task_id);
    if (task != nullptr && task->status == task_status::processing &&
        task->owner == returned.info.worker_id) {
        task->return_at = never;
        schedule(*task);
        assign(returned, *task); // it may have forgotten; if not, it takes this for the same delivery
    } else {
        returned.info.task_id.clear();
        become_idle(returned);
    }
}

void controller_engine::implementation::get_stuck(connection& at) {
    at.assign_deadline = never;
    at.stuck = true;
    note(note_kind::sender_stuck, at, "task " + at.info.task_id + " goes to another worker");
    const task_pointer task = store_.find(std::exchange(at.info.task_id, {}));
    if (task != nullptr && task->status == task_status::processing && task->owner == at.info.worker_id) {
        put_back(task);
    }
}

} // namespace distworker
