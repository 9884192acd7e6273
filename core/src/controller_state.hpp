// The parts of `controller_engine` that its source files share. Internal.
//
// controller_engine.cpp     the public calls, deadlines, `poll`
// controller_frames.cpp     what a worker's messages do
// controller_dispatch.cpp   tasks to workers, and the API on tasks
// controller_registry.cpp   who may register
// controller_store.cpp      the tasks themselves
#pragma once

#include "controller_registry.hpp"
#include "controller_store.hpp"

#include <distworker/random.hpp>

#include <deque>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace distworker {

class controller_engine::implementation {
public:
    implementation(const controller_config& config, std::shared_ptr<const crypto> crypto, std::uint64_t seed)
        : config_{config}, registry_{std::move(crypto)}, store_{config.keep}, random_{seed} {}

    struct connection {
        connection_id id{};
        const provisioner_spec* provisioner = nullptr; // null before registration
        worker_info info;
        byte_buffer partial; // a message whose end is still to come
        std::deque<shared_bytes> outbox;
        bool writing = false; // the front of the outbox is being sent
        std::uint64_t idle_serial = 0;
        monotonic_time read_deadline{};
        monotonic_time write_deadline = never;
        monotonic_time next_ping{};
        monotonic_time wake{}; // its entry in `wakes_`

        [[nodiscard]] bool registered() const noexcept { return provisioner != nullptr; }
    };

    // Engine (controller_engine.cpp)
    void advance(instant now);
    void open(connection_id id);
    void take_part(connection& from, message_kind kind, std::span<const std::byte> part, bool last);
    void pong(connection& from);
    void message_sent(connection& to);
    controller_output next_output();
    connection* find_connection(connection_id id);
    // Forgets a connection and tells why; with `hang_up` the host is to end it.
    void end(connection& gone, note_kind why, std::string text, bool hang_up);
    void send(connection& to, byte_buffer message);
    void note(note_kind kind, const connection& about, std::string text);
    void tell(task_event::kind what, const std::shared_ptr<detail::stored_task>& task,
              encoded_object data = {});

    // Messages (controller_frames.cpp)
    void take_message(connection& from, message_kind kind, std::span<const std::byte> message);

    // Tasks (controller_dispatch.cpp)
    std::expected<std::shared_ptr<const task_record>, request_fault> submit(const task_spec& spec);
    std::expected<std::shared_ptr<const task_record>, cancel_error> cancel(std::string_view id);
    // The worker can take a task: gives it one or puts it among the idle.
    void become_idle(connection& worker);
    // A pending task: gives it to the worker that is idle longest, if any.
    void place(const std::shared_ptr<detail::stored_task>& task);

    [[nodiscard]] detail::controller_registry& registry() noexcept { return registry_; }
    [[nodiscard]] const detail::task_store& store() const noexcept { return store_; }
    [[nodiscard]] const std::map<connection_id, connection>& connections() const noexcept {
        return connections_;
    }
    [[nodiscard]] const controller_counters& counters() const noexcept { return counters_; }

private:
    void fire_deadlines();
    void schedule(connection& of);
    std::string new_id();
    void give(connection& worker, const std::shared_ptr<detail::stored_task>& task);

    void register_worker(connection& from, const worker_register_view& registration);
    void take(connection& from, const worker_register_view& again);
    void take(connection& from, const register_response_view& misplaced);
    void take(connection& from, const task_assign_view& misplaced);
    void take(connection& from, const heartbeat_view& heartbeat);
    void take(connection& from, const task_progress_view& progress);
    void take(connection& from, const task_complete_view& complete);
    void take(connection& from, const task_failed_view& failed);
    // The task of an outcome, when this connection owns it.
    std::shared_ptr<detail::stored_task> owned(connection& from, std::string_view task_id,
                                               std::string_view what);
    // After an outcome of either kind for this task.
    void free_worker(connection& worker, std::string_view task_id);

    controller_config config_;
    detail::controller_registry registry_;
    detail::task_store store_;
    seeded_random random_;
    instant now_;
    std::map<connection_id, connection> connections_;
    std::set<std::pair<monotonic_time, connection_id>> wakes_;                // one entry for each connection
    std::map<std::string_view, std::map<std::uint64_t, connection_id>> idle_; // by provisioner, longest first
    std::uint64_t idle_serial_ = 0;
    std::deque<controller_output> outputs_;
    std::deque<connection_id> to_send_; // whose next message may go out
    controller_counters counters_;
};

} // namespace distworker
