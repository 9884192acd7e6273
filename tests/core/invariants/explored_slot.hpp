// One slot, its peer, its handlers and its watch as one value: it can be copied, and told from another.
//
// What may happen to it is a small alphabet of calls and events, so that all their sequences can be tried.
#pragma once

#include "core/invariants/rulebook.hpp"
#include "core/invariants/signing_desk.hpp"
#include "core/invariants/slot_watch.hpp"

#include <distworker/worker_engine.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace distworker::testing {

enum class slot_event : std::uint8_t {
    start,
    opened,   ///< The connection is up.
    answered, ///< REGISTER_RESPONSE comes.
    assign_a, ///< TASK_ASSIGN of a task with a timeout; or its copy.
    assign_b, ///< Of another one, without.
    damaged,  ///< Of the first one, not usable.
    complete, ///< The handler that was started last answers; again and again, if it has to.
    late,     ///< The handler that was started first does.
    progress,
    stream,
    pong,    ///< Of the newest ping.
    hold,    ///< The next write will take until `written`.
    written, ///< What is being written is out.
    closed,  ///< The peer ends the connection.
    refused, ///< It does so with HTTP 401.
    pinged,  ///< The peer pings.
    wake,    ///< The next deadline comes.
    stop,
    pause,
    resume,
    flush,
    stale, ///< Events of the connection before this one, and of the one behind it.
    poll,  ///< One output is performed.
    rest,  ///< All are.
};
/// Those that are not polls, and all.
inline constexpr std::size_t slot_events = 22;
inline constexpr std::size_t slot_events_and_polls = 24;

[[nodiscard]] std::string_view to_string(slot_event event) noexcept;

class explored_slot {
public:
    explored_slot(session_policy session, rulebook& book);
    explored_slot(const explored_slot& other);
    explored_slot& operator=(const explored_slot&) = delete;
    explored_slot(explored_slot&&) noexcept = default;
    explored_slot& operator=(explored_slot&&) = delete;
    ~explored_slot() = default;

    /// Lets it happen. Throws `violation`.
    void take(slot_event event);
    /// Of all that the future depends on.
    [[nodiscard]] std::uint64_t state() const;

private:
    void give(const group_input& what);
    void receive(std::span<const std::byte> message);
    bool poll_once();
    void drain();
    void react(const engine_output& out);
    void perform_call(slot_event event);
    void answer(const std::optional<assigned_task>& task);
    void update(slot_event event);
    void write_done();
    void close(link_end::kind how);
    void touch_other_connections();

    valid_worker_config config_;
    signing_desk desk_;
    worker_engine engine_;
    slot_watch watch_;
    rulebook* book_;
    instant now_;
    monotonic_time deadline_ = never;

    // The peer and the handlers
    std::uint32_t generation_ = 0;
    bool asked_ = false;
    bool opened_ = false;
    bool writing_ = false;
    bool hold_ = false;
    std::optional<std::array<std::byte, 16>> ping_;     // the newest
    std::optional<std::array<std::byte, 16>> old_ping_; // the newest of an older connection
    std::optional<assigned_task> first_;
    std::optional<assigned_task> latest_;
    std::uint64_t updates_ = 0;
};

} // namespace distworker::testing
