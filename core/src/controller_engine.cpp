#include "controller_state.hpp"

#include <distworker/controller_engine.hpp>

#include <algorithm>

namespace distworker {
namespace {

// A host that is so late for a deadline slept: peers get another chance to be heard.
constexpr std::chrono::seconds suspended{5};

} // namespace

const char* to_string(controller_mode mode) noexcept {
    switch (mode) {
    case controller_mode::faithful:
        return "faithful";
    case controller_mode::ideal:
        return "ideal";
    }
    return "unknown";
}

const char* to_string(availability state) noexcept {
    switch (state) {
    case availability::idle:
        return "idle";
    case availability::busy:
        return "busy";
    case availability::settling:
        return "settling";
    case availability::stuck:
        return "stuck";
    case availability::ghost:
        return "ghost";
    }
    return "unknown";
}

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
        return "second outcome";
    case note_kind::outcome_lost:
        return "outcome lost";
    case note_kind::sender_stuck:
        return "sender stuck";
    case note_kind::ghost:
        return "ghost";
    case note_kind::replaced:
        return "replaced";
    case note_kind::returned:
        return "session returned";
    case note_kind::task_put_back:
        return "task put back";
    case note_kind::task_timed_out:
        return "task timed out";
    }
    return "unknown";
}

void controller_engine::implementation::advance(instant now) {
    if (now.monotonic > now_.monotonic) {
        if (now.monotonic > saturating_add(next_deadline(), suspended)) {
            const monotonic_time grace = saturating_add(now.monotonic, suspended);
            for (auto& [id, peer] : connections_) {
                peer.read_deadline = std::max(peer.read_deadline, grace);
                peer.write_deadline = std::max(peer.write_deadline, grace);
                peer.assign_deadline = std::max(peer.assign_deadline, grace);
            }
            for (const auto& [owner, task] : away_) {
                task->return_at = std::max(task->return_at, grace);
            }
        }
        now_.monotonic = now.monotonic;
    }
    now_.wall = now.wall;
}

controller_output controller_engine::implementation::next_output() {
    fire_deadlines();
    if (!outputs_.empty()) {
        controller_output out = std::move(outputs_.front());
        outputs_.pop_front();
        return out;
    }
    while (!when_stored_.empty() && when_stored_.front().first <= stored_) {
        controller_output out = std::move(when_stored_.front().second);
        when_stored_.pop_front();
        const auto* const over = std::get_if<wait_over>(&out);
        if (over != nullptr && !waits_.contains(over->wait)) {
            continue; // nobody waits any more
        }
        if (over != nullptr) {
            stop_waiting(over->wait);
        }
        return out;
    }
    while (!to_write_.empty()) {
        connection* const to = find_connection(to_write_.front());
        to_write_.pop_front();
        if (to != nullptr) {
            to->writing = true;
            to->write_deadline = saturating_add(now_.monotonic, controller_write_timeout);
            if (to->outbox.front().assigns && !ideal()) {
                to->assign_deadline = saturating_add(now_.monotonic, controller_assign_timeout);
            }
            return send_message{to->id, to->outbox.front().message};
        }
    }
    return controller_idle{next_deadline()};
}

monotonic_time controller_engine::implementation::next_deadline() const {
    monotonic_time deadline = never;
    for (const deadline_set* const all : {&wakes_, &task_wakes_, &wait_deadlines_}) {
        deadline = std::min(deadline, all->empty() ? never : all->begin()->first);
    }
    return deadline;
}

std::vector<queue_info> controller_engine::implementation::queues() const {
    std::map<std::string, queue_info, std::less<>> by_name;
    for (const auto& [name, provisioner] : registry_.provisioners()) {
        for (const std::string& queue : provisioner.queues) {
            by_name.try_emplace(queue);
        }
    }
    store_.count(by_name);
    for (const auto& [id, worker] : connections_) {
        for (const std::string& queue : worker.info.queues) {
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

std::vector<worker_info> controller_engine::implementation::workers() const {
    std::vector<worker_info> out;
    for (const auto& [id, worker] : connections_) {
        if (worker.registered()) {
            out.push_back(worker.info);
            out.back().state = state_of(worker);
        }
    }
    return out;
}

availability controller_engine::implementation::state_of(const connection& worker) const {
    if (worker.stuck) {
        return availability::stuck;
    }
    const auto listed = listed_.find(worker.info.worker_id);
    if (listed == listed_.end() || listed->second != worker.id) {
        return availability::ghost;
    }
    if (worker.settles_at != never) {
        return availability::settling;
    }
    return worker.info.task_id.empty() ? availability::idle : availability::busy;
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

void controller_engine::stored(std::uint64_t serial, instant now) {
    self_->advance(now);
    self_->stored(serial);
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

std::optional<wait_id> controller_engine::wait(std::string_view id, wait_for what, monotonic_time deadline,
                                               instant now) {
    self_->advance(now);
    return self_->wait(id, what, deadline);
}

void controller_engine::stop_waiting(wait_id wait) {
    self_->stop_waiting(wait);
}

std::expected<void, request_fault> controller_engine::restore(task_record record, instant now) {
    self_->advance(now);
    return self_->restore(std::move(record));
}

std::shared_ptr<const task_record> controller_engine::find(std::string_view id) const {
    return self_->store().find(id);
}

task_page controller_engine::tasks(std::string_view queue, std::size_t page, std::size_t limit) const {
    return self_->store().page(queue, page, limit);
}

std::vector<queue_info> controller_engine::queues() const {
    return self_->queues();
}

std::vector<worker_info> controller_engine::workers() const {
    return self_->workers();
}

controller_counters controller_engine::counters() const noexcept {
    return self_->counters();
}

} // namespace distworker
