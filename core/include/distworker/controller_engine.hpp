// The broker as a pure state machine: workers, queues, tasks; no sockets, no clock, no threads.
//
// Use it to build a controller for development and tests, or to play one in memory on virtual time; the
// program `distworker-controller` is its host. Everything enters as an argument, everything leaves by
// `poll()`. It behaves as the deployed controller does (protocol, sections 1 to 6), lost tasks included, or,
// in its ideal mode, as one that loses none; it is not the production controller.
#pragma once

#include <distworker/config_fault.hpp>
#include <distworker/controller_config.hpp>
#include <distworker/controller_output.hpp>
#include <distworker/controller_task.hpp>
#include <distworker/crypto.hpp>
#include <distworker/frame.hpp>
#include <distworker/message_kind.hpp>
#include <distworker/time.hpp>

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace distworker {

/// Whether a connected worker gets tasks.
enum class availability : std::uint8_t {
    idle,     ///< Gets the next task of its queues.
    busy,     ///< Runs one.
    settling, ///< Ideal: a session that returned; it gets none yet.
    stuck,    ///< Faithful: nothing is sent to it any more.
    ghost,    ///< Faithful: the table of workers holds another connection of its session, or none.
};

[[nodiscard]] const char* to_string(availability state) noexcept;

/// A connected, registered worker.
struct worker_info {
    connection_id connection{}; ///< As the host named it.
    std::string worker_id;      ///< The session's; an anonymous worker gets one for this connection.
    std::string provisioner;    ///< By name.
    std::string hostname;       ///< As the worker told it; so are the two below.
    std::int32_t cpu_cores = 0; ///< 0: unknown.
    std::int64_t memory_mb = 0; ///< MiB; 0: unknown.
    wall_time connected_at{};   ///< When it registered.
    std::optional<wall_time> heartbeat_at;             ///< The latest one; nothing before the first.
    worker_health health = worker_health::unspecified; ///< As the latest heartbeat says.
    resource_usage usage;                              ///< As the latest heartbeat says; zero before.
    availability state = availability::idle;           ///< Whether it gets tasks now.
    std::string task_id;                               ///< What runs there; empty when nothing does.
    std::vector<std::string> queues;                   ///< Those that it serves, by exact name.
};

/// A queue that a provisioner names or a kept task uses.
struct queue_info {
    std::string name;           ///< Exact.
    std::size_t pending = 0;    ///< Tasks that wait for a worker.
    std::size_t processing = 0; ///< Tasks that a worker has, or had when it was lost.
    std::size_t finished = 0;   ///< Among the kept ones.
    std::size_t workers = 0;    ///< Connected workers that serve it.
};

/// One page of the tasks, the youngest first.
struct task_page {
    std::vector<std::shared_ptr<const task_record>>
        tasks;             ///< As they are now: the engine goes on changing them.
    std::size_t total = 0; ///< In all pages.
};

/// Why a task could not be cancelled.
enum class cancel_error : std::uint8_t {
    unknown_task,    ///< Never submitted, or dropped since (`controller_config::keep`).
    already_finished ///< It has its end; nothing was changed.
};

/// What `controller_engine::wait` waits for.
enum class wait_for : std::uint8_t {
    stored, ///< All that has happened to the task so far is stored; at once without storage.
    end,    ///< The task has finished, and that is stored.
};

/// The broker. Single-threaded; no call throws but for want of memory. A `now` that steps back is clamped.
/// Calls for a connection that it does not know (any more) are ignored.
///
/// A call that finds no memory throws std::bad_alloc, and what it was to do may be half done: the engine is
/// spent, and every further call throws at once. Destroy it; another one takes what was stored by `restore`.
class controller_engine {
public:
    /// `crypto` is not null. The same seed and inputs give the same outputs, ids included.
    controller_engine(const controller_config& config, std::shared_ptr<const crypto> crypto,
                      std::uint64_t seed);
    controller_engine(const controller_engine&) = delete;
    controller_engine& operator=(const controller_engine&) = delete;
    ~controller_engine();

    /// Setting up, at any time.
    [[nodiscard]] std::expected<void, config_fault> add_provisioner(provisioner_spec provisioner);
    /// The provisioner must be there.
    [[nodiscard]] std::expected<void, config_fault> add_session(session_spec session);

    /// A WebSocket connection is upgraded. The id is new.
    void connected(connection_id connection, instant now);
    /// A piece of a data message, in order. `part` is read during the call only.
    void received(connection_id connection, message_kind kind, std::span<const std::byte> part,
                  bool end_of_message, instant now);
    /// A pong came, with whatever payload. A ping of the peer is no sign of life here (protocol, section 1).
    void alive(connection_id connection, instant now);
    /// The message of the last `send_message` is written out.
    void sent(connection_id connection, instant now);
    /// The connection is over.
    void disconnected(connection_id connection, instant now);
    /// A deadline may have passed.
    void tick(instant now);
    /// Every `store_record` up to this serial is kept.
    void stored(std::uint64_t serial, instant now);

    /// The next output; `controller_idle` when there is none.
    [[nodiscard]] controller_output poll(instant now);

    /// Makes a task and returns it.
    [[nodiscard]] std::expected<std::shared_ptr<const task_record>, request_fault>
    submit(const task_spec& spec, instant now);
    /// Ends a pending or processing task's record, with the error `CANCELLED`. A worker that runs it is not
    /// told (there is no such frame); its outcome is refused when it comes.
    [[nodiscard]] std::expected<std::shared_ptr<const task_record>, cancel_error> cancel(std::string_view id,
                                                                                         instant now);
    /// Asks for a `wait_over` when the task is there, or at `deadline` at the latest (`never`: no limit).
    /// Nothing when there is no such task.
    [[nodiscard]] std::optional<wait_id> wait(std::string_view id, wait_for what, monotonic_time deadline,
                                              instant now);
    /// That `wait_over` is wanted no more.
    void stop_waiting(wait_id wait);
    /// A task that was kept before a restart; they come in the order in which they were submitted, after the
    /// sessions and before the first connection. Fails when its id is empty or there already.
    [[nodiscard]] std::expected<void, request_fault> restore(task_record record, instant now);
    /// Null when there is no such task (any more).
    [[nodiscard]] std::shared_ptr<const task_record> find(std::string_view id) const;
    /// Page `page` (from 0) of `limit` tasks; of one queue unless `queue` is empty.
    [[nodiscard]] task_page tasks(std::string_view queue, std::size_t page, std::size_t limit) const;
    /// By name.
    [[nodiscard]] std::vector<queue_info> queues() const;
    /// In the order of their connections.
    [[nodiscard]] std::vector<worker_info> workers() const;
    /// How often each kind of note was made since the beginning.
    [[nodiscard]] controller_counters counters() const noexcept;

private:
    class implementation;
    template <typename Call>
    auto change(Call call);
    template <typename Call>
    auto change(instant now, Call call);
    [[nodiscard]] const implementation& whole() const;

    std::unique_ptr<implementation> self_;
    bool spent_ = false;
};

} // namespace distworker
