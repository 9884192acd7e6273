// How a `controller_engine` behaves and whom it knows: its mode, its limits, provisioners, sessions.
#pragma once

#include <distworker/secret.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace distworker {

// clang-format off: it would fold the table.
/// What becomes of tasks and sessions when something goes wrong.
///
/// | | faithful | ideal |
/// | --- | --- | --- |
/// | a session's connection ends | the session is deleted | it stays |
/// | a session registers a second time | both stay; the first one's end makes a ghost of the second | the second replaces the first |
/// | a connection ends with a task | the task stays `processing` | an anonymous worker's is put back; a session's waits for its return |
/// | an assignment is not written within 3 s | goes to another worker too; this one gets nothing more | goes on being written |
/// | a worker refuses with WORKER_BUSY | the task has failed | it is put back |
/// | a second outcome | taken | noted, ignored |
/// | a result of a former owner | refused | taken, unless there is one already |
/// | `timeout_ms` | not enforced | enforced, `timeout_grace` later |
/// | restart | what was processing is cancelled | as when its connection ended |
// clang-format on
enum class controller_mode : std::uint8_t {
    faithful, ///< As the deployed controller, its faults included (protocol, section 4).
    ideal,    ///< As a worker with `session_policy::stable` would have it: no task is lost.
};

[[nodiscard]] const char* to_string(controller_mode mode) noexcept;

struct controller_config {
    /// Whether the deployed controller's faults are played too.
    controller_mode mode = controller_mode::faithful;
    /// Told to each worker at its registration: seconds without a task after which it ends; 0: never.
    std::int32_t idle_time = 0;
    /// How many finished tasks are kept; beyond it the one that finished first is dropped.
    std::size_t keep = 10'000;
    /// A larger message ends its connection.
    std::size_t max_message_bytes = std::size_t{64} << 20U;
    /// The host keeps the tasks: every change leaves as a `store_record`, and what depends on it waits for
    /// `controller_engine::stored`. Without it tasks live in memory alone.
    bool storage = false;
    /// Faithful mode: how often, in percent, a registration is answered only after a task that waited for it
    /// was sent: the deployed controller's race (protocol, section 4).
    unsigned early_assign_percent = 0;
    /// Ideal mode: how long a session whose connection ended keeps its task, if it does not settle.
    std::chrono::seconds return_time{90};
    /// Ideal mode: how long a session that returned is left to send again what it has to, before it gets a
    /// task, its unanswered one again first.
    std::chrono::seconds settle_time{5};
    /// Ideal mode: how long after a task's `timeout_ms` its worker is given up; workers need 5 s themselves.
    std::chrono::seconds timeout_grace{10};
};

/// Who may register workers, and which queues those serve, by exact name.
struct provisioner_spec {
    std::string name;                ///< Workers register with it. Not empty.
    secret token;                    ///< What its anonymous workers sign with.
    std::vector<std::string> queues; ///< Exact names, no patterns.
};

/// A worker that is expected under an id of its own, as a provisioner starts it. In faithful mode it is gone
/// with its first connection.
struct session_spec {
    std::string worker_id;   ///< The one that it registers with.
    secret token;            ///< Its own, not the provisioner's.
    std::string provisioner; ///< By name; its queues are served.
};

/// Times of the deployed controller (protocol, sections 1 and 4).
inline constexpr std::chrono::seconds controller_registration_timeout{15};
inline constexpr std::chrono::seconds controller_ping_interval{3};
inline constexpr std::chrono::seconds controller_read_timeout{15};
inline constexpr std::chrono::seconds controller_write_timeout{10};
inline constexpr std::chrono::seconds controller_assign_timeout{3};

} // namespace distworker
