#include "broker.hpp"

#include <utility>
#include <vector>

namespace distworker::controller {
namespace {

instant now() {
    return {monotonic_time{std::chrono::steady_clock::now().time_since_epoch()},
            std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now())};
}

spdlog::level::level_enum level_of(note_kind kind) {
    return kind == note_kind::worker_registered || kind == note_kind::worker_gone ? spdlog::level::info
                                                                                  : spdlog::level::warn;
}

} // namespace

broker::broker(boost::asio::io_context& loop, const controller_config& config,
               std::shared_ptr<const crypto> crypto, std::uint64_t seed, std::shared_ptr<spdlog::logger> log)
    : engine_{config, std::move(crypto), seed}, timer_{loop}, log_{std::move(log)} {}

connection_id broker::attach(worker_link& link) {
    const connection_id id = ++last_connection_;
    links_.emplace(id, &link);
    engine_.connected(id, now());
    pump();
    return id;
}

void broker::received(connection_id from, message_kind kind, std::span<const std::byte> part, bool last) {
    engine_.received(from, kind, part, last, now());
    pump();
}

void broker::alive(connection_id from) {
    engine_.alive(from, now());
    pump();
}

void broker::sent(connection_id to) {
    engine_.sent(to, now());
    pump();
}

void broker::detach(connection_id gone) {
    links_.erase(gone);
    engine_.disconnected(gone, now());
    pump();
}

std::expected<std::shared_ptr<const task_record>, request_fault> broker::submit(const task_spec& spec) {
    auto task = engine_.submit(spec, now());
    pump();
    return task;
}

std::expected<std::shared_ptr<const task_record>, cancel_error> broker::cancel(std::string_view id) {
    auto task = engine_.cancel(id, now());
    pump();
    return task;
}

broker::watch_id broker::watch(std::string_view task_id, watcher on_event) {
    const watch_id id = ++last_watch_;
    watches_.emplace(id, watch_entry{std::string{task_id}, std::move(on_event)});
    watches_by_task_.emplace(task_id, id);
    return id;
}

void broker::unwatch(watch_id watch) {
    const auto found = watches_.find(watch);
    if (found == watches_.end()) {
        return;
    }
    const auto [first, last] = watches_by_task_.equal_range(found->second.task_id);
    for (auto it = first; it != last; ++it) {
        if (it->second == watch) {
            watches_by_task_.erase(it);
            break;
        }
    }
    watches_.erase(found);
}

wait_id broker::wait(const task_record& task, wait_for what, std::optional<std::chrono::milliseconds> limit,
                     waiter on_over) {
    const instant current = now();
    const monotonic_time deadline =
        limit ? saturating_add(current.monotonic, saturating_milliseconds(limit->count())) : never;
    const auto id = engine_.wait(task.id, what, deadline, current);
    if (!id) {
        on_over(task); // finished, and dropped since
        return 0;
    }
    waits_.emplace(*id, std::move(on_over));
    pump();
    return *id;
}

void broker::stop_waiting(wait_id wait) {
    engine_.stop_waiting(wait);
    waits_.erase(wait);
}

void broker::pump() {
    if (std::exchange(pumping_, true)) {
        return;
    }
    for (bool idle = false; !idle;) {
        controller_output out = engine_.poll(now());
        idle = std::holds_alternative<controller_idle>(out);
        std::visit([this](auto& what) { perform(what); }, out);
    }
    pumping_ = false;
}

void broker::perform(send_message& out) {
    if (const auto link = links_.find(out.connection); link != links_.end()) {
        link->second->send(std::move(out.message));
    }
}

void broker::perform(const send_ping& out) {
    if (const auto link = links_.find(out.connection); link != links_.end()) {
        link->second->ping();
    }
}

void broker::perform(const end_connection& out) {
    if (const auto node = links_.extract(out.connection)) {
        node.mapped()->hang_up();
    }
}

void broker::perform(const hold_reading& out) {
    if (const auto link = links_.find(out.connection); link != links_.end()) {
        link->second->hold_reading();
    }
}

void broker::perform(const read_on& out) {
    if (const auto link = links_.find(out.connection); link != links_.end()) {
        link->second->read_on();
    }
}

// Tasks are kept in memory alone, and there they are already.
void broker::perform(const store_record& out) {
    engine_.stored(out.serial, now());
}

void broker::perform(const wait_over& out) {
    if (const auto wait = waits_.extract(out.wait)) {
        wait.mapped()(*out.task);
    }
}

void broker::perform(const task_event& out) {
    // A watcher may unwatch itself or others.
    std::vector<watch_id> watching;
    const auto [first, last] = watches_by_task_.equal_range(out.task->id);
    for (auto it = first; it != last; ++it) {
        watching.push_back(it->second);
    }
    for (const watch_id id : watching) {
        if (const auto found = watches_.find(id); found != watches_.end()) {
            const watcher call = found->second.on_event;
            call(out);
        }
    }
}

void broker::perform(const controller_note& out) {
    log_->log(level_of(out.what), "{}: {} (connection {}) {}", to_string(out.what),
              out.worker_id.empty() ? "worker" : out.worker_id, out.connection, out.text);
}

void broker::perform(const controller_idle& out) {
    if (out.deadline == armed_for_) {
        return;
    }
    armed_for_ = out.deadline;
    if (out.deadline == never) {
        timer_.cancel();
        return;
    }
    timer_.expires_at(std::chrono::steady_clock::time_point{out.deadline.time_since_epoch()});
    timer_.async_wait([this](const boost::system::error_code& error) {
        if (!error) {
            armed_for_ = never;
            pump();
        }
    });
}

} // namespace distworker::controller
