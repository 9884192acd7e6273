// Connections: their beginning, what goes out, their deadlines and end.
#include "controller_state.hpp"

#include <algorithm>

namespace distworker {

void controller_engine::implementation::open(connection_id id) {
    auto [place, is_new] = connections_.try_emplace(id);
    if (!is_new) {
        return;
    }
    connection& c = place->second;
    c.id = id;
    c.info.connection = id;
    c.read_deadline = saturating_add(now_.monotonic, controller_registration_timeout);
    c.next_ping = saturating_add(now_.monotonic, controller_ping_interval);
    c.wake = c.next_ping;
    wakes_.emplace(c.wake, id);
}

void controller_engine::implementation::take_part(connection& from, message_kind kind,
                                                  std::span<const std::byte> part, bool last) {
    if (from.partial.size() + part.size() > config_.max_message_bytes) {
        end(from, note_kind::message_too_large,
            "over " + std::to_string(config_.max_message_bytes) + " bytes", true);
        return;
    }
    if (last && from.partial.empty()) {
        take_message(from, kind, part);
        return;
    }
    from.partial.append(part);
    if (last) {
        const byte_buffer whole = std::exchange(from.partial, byte_buffer{});
        take_message(from, kind, whole.bytes());
    }
}

void controller_engine::implementation::pong(connection& from) {
    // The first message has a deadline of its own, whatever else comes.
    if (from.registered()) {
        from.read_deadline = saturating_add(now_.monotonic, controller_read_timeout);
    }
}

void controller_engine::implementation::message_sent(connection& to) {
    if (to.writing) {
        to.writing = false;
        to.write_deadline = to.assign_deadline = never;
        to.outbox.pop_front();
        write_next(to);
    }
}

void controller_engine::implementation::send(connection& to, outgoing message) {
    to.outbox.push_back(std::move(message));
    if (to.outbox.size() == 1) {
        write_next(to);
    }
}

void controller_engine::implementation::write_next(connection& to) {
    if (to.outbox.empty() || to.stuck) {
        return;
    }
    if (to.outbox.front().after > stored_) {
        write_when_stored_.emplace(to.outbox.front().after, to.id);
    } else {
        to_write_.push_back(to.id);
    }
}

// A connection wakes at its next ping at the latest, so a deadline that moved or was set since is met.
void controller_engine::implementation::fire_deadlines() {
    while (!wakes_.empty() && wakes_.begin()->first <= now_.monotonic) {
        fire(connections_.at(wakes_.begin()->second));
    }
    while (!task_wakes_.empty() && task_wakes_.begin()->first <= now_.monotonic) {
        fire(store_.at(task_wakes_.begin()->second));
    }
    while (!wait_deadlines_.empty() && wait_deadlines_.begin()->first <= now_.monotonic) {
        const wait_id wait = wait_deadlines_.begin()->second;
        outputs_.emplace_back(wait_over{wait, waits_.at(wait).task});
        stop_waiting(wait);
    }
}

void controller_engine::implementation::fire(connection& at) {
    if (at.read_deadline <= now_.monotonic) {
        end(at, note_kind::timed_out,
            at.registered() ? "nothing was heard for 15 s" : "no registration within 15 s", true);
        return;
    }
    if (at.write_deadline <= now_.monotonic) {
        end(at, note_kind::timed_out, "a message could not be written within 10 s", true);
        return;
    }
    if (at.next_ping <= now_.monotonic) {
        at.next_ping = saturating_add(now_.monotonic, controller_ping_interval);
        if (!at.stuck) {
            outputs_.emplace_back(send_ping{at.id});
        }
    }
    if (at.assign_deadline <= now_.monotonic) {
        get_stuck(at);
    }
    if (at.settles_at <= now_.monotonic) {
        settle(at);
    }
    schedule(at);
}

void controller_engine::implementation::schedule(connection& of) {
    wakes_.erase({of.wake, of.id});
    of.wake =
        std::min({of.next_ping, of.read_deadline, of.write_deadline, of.assign_deadline, of.settles_at});
    wakes_.emplace(of.wake, of.id);
}

controller_engine::implementation::connection*
controller_engine::implementation::find_connection(connection_id id) {
    const auto found = connections_.find(id);
    return found == connections_.end() ? nullptr : &found->second;
}

void controller_engine::implementation::end(connection& gone, note_kind why, std::string text, bool hang_up) {
    note(why, gone, std::move(text));
    if (gone.registered()) {
        if (why != note_kind::worker_gone) {
            note(note_kind::worker_gone, gone, "");
        }
        sign_off(gone);
    }
    if (hang_up) {
        outputs_.emplace_back(end_connection{gone.id});
    }
    wakes_.erase({gone.wake, gone.id});
    connections_.erase(gone.id);
}

void controller_engine::implementation::note(note_kind kind, const connection& about, std::string text) {
    ++counters_.notes[static_cast<std::size_t>(kind)];
    outputs_.emplace_back(controller_note{kind, about.id, about.info.worker_id, std::move(text)});
}

} // namespace distworker
