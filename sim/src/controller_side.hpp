// What is at the other end of the lines: the real controller engine, or a peer that is none. Internal.
#pragma once

#include "line.hpp"

#include <distworker/controller_task.hpp>
#include <distworker/sim/endpoint.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace distworker::sim {

class system;

/// What outlives the controller's process.
struct database {
    struct session {
        std::string token;
        bool stays = false; ///< It outlives its connection.
    };
    std::map<std::uint64_t, task_record> tasks; ///< By the order in which they were made.
    std::unordered_map<std::string, std::uint64_t> places;
    std::uint64_t made = 0;
    std::map<std::string, session> sessions; ///< By worker id.

    void put(const task_record& task);
    void erase(const std::string& id);
};

class controller_side {
public:
    controller_side() = default;
    controller_side(const controller_side&) = delete;
    controller_side& operator=(const controller_side&) = delete;
    virtual ~controller_side() = default;

    virtual void connected(line& to) = 0;
    /// Everything but the end.
    virtual void told(line& from, const endpoint_event& event) = 0;
    virtual void ended(line& gone) = 0;
    /// Does what is to be done now; whether there was something.
    virtual bool pump() = 0;
    [[nodiscard]] virtual monotonic_time wakes() const noexcept = 0;
    /// Whether nothing will happen by itself but pings.
    [[nodiscard]] virtual bool quiet() const = 0;
    /// Whether it wants to die: a fault that hit it in the middle of something.
    [[nodiscard]] virtual bool dying() const noexcept = 0;

    // What only a real controller does
    virtual std::optional<std::string> submit(const task_spec& spec) = 0;
    virtual void cancel_any(seeded_random& random) = 0;
    /// Makes a session for a worker id; false when that is impossible now.
    virtual bool add_session(const std::string& worker_id, const std::string& token, bool stays) = 0;
    /// Sends the assignment of a finished task once more, if nothing else runs there.
    virtual void assign_again(const std::string& id, connection_id to) = 0;
    /// No task waits, and none is with a worker.
    [[nodiscard]] virtual bool all_tasks_over() const = 0;
};

[[nodiscard]] std::unique_ptr<controller_side> make_broker(system& around, database& keeps,
                                                           std::uint64_t seed);
[[nodiscard]] std::unique_ptr<controller_side> make_hostile_peer(system& around);

} // namespace distworker::sim
