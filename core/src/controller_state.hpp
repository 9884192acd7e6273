// The parts of `controller_engine` that its source files share. Internal.
//
// controller_engine.cpp     the public calls, `poll`
// controller_connections.cpp  connections: their beginning, deadlines and end
// controller_frames.cpp     what a worker's messages do
// controller_sessions.cpp   registrations; what becomes of a worker and its task when it goes or returns
// controller_dispatch.cpp   tasks to workers
// controller_tasks.cpp      the API on tasks; what is stored; waits
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

    struct outgoing {
        shared_bytes message;
        std::uint64_t after = 0; // goes out when this `store_record` is stored
        bool assigns = false;
    };
    struct connection {
        connection_id id{};
        const provisioner_spec* provisioner = nullptr; // null before registration
        worker_info info;
        byte_buffer partial; // a message whose end is still to come
        std::deque<outgoing> outbox;
        bool writing = false; // the front of the outbox is being sent
        bool stuck = false;   // nothing goes out any more
        std::uint64_t idle_serial = 0;
        monotonic_time read_deadline{};
        monotonic_time write_deadline = never;
        monotonic_time assign_deadline = never;
        monotonic_time settles_at = never; // a returned session's first task, at the earliest
        monotonic_time next_ping{};
        monotonic_time wake{}; // its entry in `wakes_`

        [[nodiscard]] bool registered() const noexcept { return provisioner != nullptr; }
    };
    using task_pointer = std::shared_ptr<detail::stored_task>;
    using task_answer = std::shared_ptr<const task_record>;

    // The public calls (controller_engine.cpp)
    void advance(instant now);
    controller_output next_output();
    [[nodiscard]] std::vector<queue_info> queues() const;
    [[nodiscard]] std::vector<worker_info> workers() const;
    [[nodiscard]] detail::controller_registry& registry() noexcept { return registry_; }
    [[nodiscard]] const detail::task_store& store() const noexcept { return store_; }
    [[nodiscard]] const controller_counters& counters() const noexcept { return counters_; }

    // Connections (controller_connections.cpp)
    void open(connection_id id);
    void take_part(connection& from, message_kind kind, std::span<const std::byte> part, bool last);
    void pong(connection& from);
    void message_sent(connection& to);
    connection* find_connection(connection_id id);
    // Forgets a connection and tells why; with `hang_up` the host is to end it.
    void end(connection& gone, note_kind why, std::string text, bool hang_up);

    // Tasks (controller_tasks.cpp)
    std::expected<task_answer, request_fault> submit(const task_spec& spec);
    std::expected<task_answer, cancel_error> cancel(std::string_view id);
    std::expected<void, request_fault> restore(task_record record);
    std::optional<wait_id> wait(std::string_view id, wait_for what, monotonic_time deadline);
    void stop_waiting(wait_id wait);
    void stored(std::uint64_t serial);

private:
    // A task's serial of creation, or a wait; the earliest first.
    using deadline_set = std::set<std::pair<monotonic_time, std::uint64_t>>;
    struct waiting {
        task_pointer task;
        monotonic_time deadline = never;
    };

    // controller_connections.cpp
    void fire_deadlines();
    void fire(connection& at);
    void schedule(connection& of);
    void send(connection& to, outgoing message);
    void write_next(connection& to);
    void note(note_kind kind, const connection& about, std::string text);

    // controller_frames.cpp
    void take_message(connection& from, message_kind kind, std::span<const std::byte> message);
    void take(connection& from, const worker_register_view& again);
    void take(connection& from, const register_response_view& misplaced);
    void take(connection& from, const task_assign_view& misplaced);
    void take(connection& from, const heartbeat_view& heartbeat);
    void take(connection& from, const task_progress_view& progress);
    void take(connection& from, const task_complete_view& complete);
    void take(connection& from, const task_failed_view& failed);
    // The task of a frame, when this worker may speak for it.
    task_pointer owned(connection& from, std::string_view task_id, std::string_view what);
    // The same for an outcome: null too when it has one and a second is ignored.
    task_pointer answered(connection& from, std::string_view task_id, std::string_view what);
    // Ideal: a worker refuses a task because it is busy.
    void take_back(connection& from, const task_pointer& task);
    // After an outcome of either kind for this task.
    void free_worker(connection& worker, std::string_view task_id);

    // controller_sessions.cpp
    void register_worker(connection& from, const worker_register_view& registration);
    void admit(connection& from, const detail::admission& admitted);
    void sign_off(connection& gone);
    void settle(connection& returned);
    void get_stuck(connection& at);

    // controller_dispatch.cpp
    // The worker may take a task: gives it one or puts it among the idle.
    void become_idle(connection& worker);
    void leave_idle(connection& worker);
    // A pending task: gives it to the worker that is idle longest, if any.
    void place(const task_pointer& task);
    void give(connection& worker, const task_pointer& task);
    void assign(connection& worker, const detail::stored_task& task);

    // controller_tasks.cpp
    std::string new_id();
    void finish(const task_pointer& task);
    void fail(const task_pointer& task, task_failure failure);
    void put_back(const task_pointer& task);
    // Ideal: keeps it for its owner's return, or puts it back when that cannot be.
    void wait_for_owner(const task_pointer& task);
    void fire(const task_pointer& due);
    void schedule(detail::stored_task& task);
    // Neither its timeout nor its owner's return matter any more.
    void forget_deadlines(const task_pointer& task);
    void save(const task_pointer& task, store_record::action what = store_record::action::put);
    void tell(task_event::kind what, const task_pointer& task, encoded_object data = {});
    // Out when all that was stored so far is stored.
    void tell_when_stored(controller_output out);

    [[nodiscard]] monotonic_time next_deadline() const;
    [[nodiscard]] availability state_of(const connection& worker) const;
    [[nodiscard]] bool ideal() const noexcept { return config_.mode == controller_mode::ideal; }

    controller_config config_;
    detail::controller_registry registry_;
    detail::task_store store_;
    seeded_random random_;
    instant now_;
    controller_counters counters_;

    std::map<connection_id, connection> connections_;
    deadline_set wakes_;                                       // one entry for each connection
    std::map<std::string, connection_id, std::less<>> listed_; // by worker id: those that may get tasks
    std::map<std::string_view, std::map<std::uint64_t, connection_id>> idle_; // by provisioner, longest first
    std::uint64_t idle_serial_ = 0;

    std::map<std::string, task_pointer, std::less<>> away_; // ideal: by owner, whose connection ended
    deadline_set task_wakes_;
    std::map<wait_id, waiting> waits_;
    deadline_set wait_deadlines_; // of those that have one
    std::multimap<std::uint64_t, wait_id> waits_by_task_;
    wait_id last_wait_ = 0;

    std::deque<controller_output> outputs_;
    std::uint64_t serial_ = 0; // of the last `store_record`
    std::uint64_t stored_ = 0;
    std::deque<std::pair<std::uint64_t, controller_output>> when_stored_;
    std::set<std::pair<std::uint64_t, connection_id>> write_when_stored_;
    std::deque<connection_id> to_write_; // whose next message may go out
};

} // namespace distworker
