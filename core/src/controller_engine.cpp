#include "controller_state.hpp"

#include <distworker/controller_engine.hpp>

#include <algorithm>

namespace distworker {
namespace {

// A jump ahead of this much means that the machine slept: peers get another chance to be heard.
constexpr std::chrono::seconds suspended{5};

} // namespace

const char* to_string(note_kind kind) noexcept {
    switch (kind) {
    case note_kind::worker_registered:
        return "worker registered";
    case note_kind::worker_gone:
        return "worker gone";
    case note_kind::task_stranded:
        return "task stranded";
    case note_kind::refused:
        return "registration refused";
    case note_kind::timed_out:
        return "timed out";
    case note_kind::message_too_large:
        return "message too large";
    case note_kind::malformed:
        return "malformed message ignored";
    case note_kind::text_ignored:
        return "text message ignored";
    case note_kind::unexpected:
        return "unexpected message ignored";
    case note_kind::not_owner:
        return "refused: not the owner of the task";
    case note_kind::second_outcome:
        return "second outcome taken";
    case note_kind::outcome_lost:
        return "outcome lost";
    }
    return "unknown";
}

void controller_engine::implementation::advance(instant now) {
    if (now.monotonic > now_.monotonic) {
        if (now.monotonic - now_.monotonic > suspended) {
            const monotonic_time grace = saturating_add(now.monotonic, suspended);
            for (auto& [id, peer] : connections_) {
                peer.read_deadline = std::max(peer.read_deadline, grace);
                peer.write_deadline = std::max(peer.write_deadline, grace);
            }
        }
        now_.monotonic = now.monotonic;
    }
    now_.wall = now.wall;
}

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
        to.write_deadline = never;
        to.outbox.pop_front();
        if (!to.outbox.empty()) {
            to_send_.push_back(to.id);
        }
    }
}

controller_output controller_engine::implementation::next_output() {
    fire_deadlines();
    if (!outputs_.empty()) {
        controller_output out = std::move(outputs_.front());
        outputs_.pop_front();
        return out;
    }
    while (!to_send_.empty()) {
        connection* const to = find_connection(to_send_.front());
        to_send_.pop_front();
        if (to != nullptr) {
            to->writing = true;
            to->write_deadline = saturating_add(now_.monotonic, controller_write_timeout);
            return send_message{to->id, to->outbox.front()};
        }
    }
    return controller_idle{wakes_.empty() ? never : wakes_.begin()->first};
}

// A connection wakes at its next ping at the latest, so a deadline that moved or was set since is met.
void controller_engine::implementation::fire_deadlines() {
    while (!wakes_.empty() && wakes_.begin()->first <= now_.monotonic) {
        connection& c = connections_.at(wakes_.begin()->second);
        if (c.read_deadline <= now_.monotonic) {
            end(c, note_kind::timed_out,
                c.registered() ? "nothing was heard for 15 s" : "no registration within 15 s", true);
            continue;
        }
        if (c.write_deadline <= now_.monotonic) {
            end(c, note_kind::timed_out, "a message could not be written within 10 s", true);
            continue;
        }
        if (c.next_ping <= now_.monotonic) {
            c.next_ping = saturating_add(now_.monotonic, controller_ping_interval);
            outputs_.emplace_back(send_ping{c.id});
        }
        schedule(c);
    }
}

void controller_engine::implementation::schedule(connection& of) {
    wakes_.erase({of.wake, of.id});
    of.wake = std::min({of.next_ping, of.read_deadline, of.write_deadline});
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
        if (!gone.info.task_id.empty()) {
            note(note_kind::task_stranded, gone, "task " + gone.info.task_id + " stays processing");
        }
        idle_[gone.provisioner->name].erase(gone.idle_serial);
        registry_.end_session(gone.info.worker_id);
    }
    if (hang_up) {
        outputs_.emplace_back(end_connection{gone.id});
    }
    wakes_.erase({gone.wake, gone.id});
    connections_.erase(gone.id);
}

void controller_engine::implementation::send(connection& to, byte_buffer message) {
    to.outbox.push_back(std::move(message).share());
    if (to.outbox.size() == 1) {
        to_send_.push_back(to.id);
    }
}

void controller_engine::implementation::note(note_kind kind, const connection& about, std::string text) {
    ++counters_.notes[static_cast<std::size_t>(kind)];
    outputs_.emplace_back(controller_note{kind, about.id, about.info.worker_id, std::move(text)});
}

void controller_engine::implementation::tell(task_event::kind what,
                                             const std::shared_ptr<detail::stored_task>& task,
                                             encoded_object data) {
    outputs_.emplace_back(task_event{what, task, std::move(data)});
}

controller_engine::controller_engine(const controller_config& config, std::shared_ptr<const crypto> crypto,
                                     std::uint64_t seed)
    : self_{std::make_unique<implementation>(config, std::move(crypto), seed)} {}

controller_engine::~controller_engine() = default;

std::expected<void, config_fault> controller_engine::add_provisioner(provisioner_spec provisioner) {
    return self_->registry().add(std::move(provisioner));
}

std::expected<void, config_fault> controller_engine::add_session(session_spec session) {
    return self_->registry().add(std::move(session));
}

void controller_engine::connected(connection_id connection, instant now) {
    self_->advance(now);
    self_->open(connection);
}

void controller_engine::received(connection_id connection, message_kind kind, std::span<const std::byte> part,
                                 bool end_of_message, instant now) {
    self_->advance(now);
    if (auto* const from = self_->find_connection(connection)) {
        self_->take_part(*from, kind, part, end_of_message);
    }
}

void controller_engine::alive(connection_id connection, instant now) {
    self_->advance(now);
    if (auto* const from = self_->find_connection(connection)) {
        self_->pong(*from);
    }
}

void controller_engine::sent(connection_id connection, instant now) {
    self_->advance(now);
    if (auto* const to = self_->find_connection(connection)) {
        self_->message_sent(*to);
    }
}

void controller_engine::disconnected(connection_id connection, instant now) {
    self_->advance(now);
    if (auto* const gone = self_->find_connection(connection)) {
        self_->end(*gone, note_kind::worker_gone, "connection ended", false);
    }
}

void controller_engine::tick(instant now) {
    self_->advance(now);
}

controller_output controller_engine::poll(instant now) {
    self_->advance(now);
    return self_->next_output();
}

std::expected<std::shared_ptr<const task_record>, request_fault>
controller_engine::submit(const task_spec& spec, instant now) {
    self_->advance(now);
    return self_->submit(spec);
}

std::expected<std::shared_ptr<const task_record>, cancel_error> controller_engine::cancel(std::string_view id,
                                                                                          instant now) {
    self_->advance(now);
    return self_->cancel(id);
}

std::shared_ptr<const task_record> controller_engine::find(std::string_view id) const {
    return self_->store().find(id);
}

task_page controller_engine::tasks(std::string_view queue, std::size_t page, std::size_t limit) const {
    return self_->store().page(queue, page, limit);
}

std::vector<queue_info> controller_engine::queues() const {
    std::map<std::string, queue_info, std::less<>> by_name;
    for (const auto& [name, provisioner] : self_->registry().provisioners()) {
        for (const std::string& queue : provisioner.queues) {
            by_name.try_emplace(queue);
        }
    }
    self_->store().count(by_name);
    for (const auto& [id, connection] : self_->connections()) {
        for (const std::string& queue : connection.info.queues) {
            ++by_name[queue].workers;
        }
    }
    std::vector<queue_info> out;
    for (auto& [name, info] : by_name) {
        info.name = name;
        out.push_back(std::move(info));
    }
    return out;
}

std::vector<worker_info> controller_engine::workers() const {
    std::vector<worker_info> out;
    for (const auto& [id, connection] : self_->connections()) {
        if (connection.registered()) {
            out.push_back(connection.info);
        }
    }
    return out;
}

controller_counters controller_engine::counters() const noexcept {
    return self_->counters();
}

} // namespace distworker
