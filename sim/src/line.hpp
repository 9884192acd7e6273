// A connection between a worker and its controller, and both of its ends. Internal.
#pragma once

#include <distworker/controller_task.hpp>
#include <distworker/sim/endpoint.hpp>
#include <distworker/sim/witness.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <set>
#include <span>
#include <vector>

namespace distworker::sim {

/// What is wrong with one connection, beside its pipes.
struct line_faults {
    pipe_faults up;
    pipe_faults down;
    bool drops_late_pongs = false;
    std::chrono::nanoseconds idle_kill{}; ///< Quiet for so long, it is forgotten in between; zero: never.
};

struct line {
    line(const line_faults& faults, std::uint64_t seed, connection_id its_id)
        : id{its_id}, up{faults.up, seed}, down{faults.down, seed + 1}, client{up, down, {}},
          server{down, up, {.fragment = SIZE_MAX, .drops_late_pongs = faults.drops_late_pongs}},
          idle_kill{faults.idle_kill} {}

    connection_id id;
    std::uint32_t worker = 0;
    std::uint32_t slot = 0;
    std::uint32_t generation = 0;
    bool open = false;          // the upgrade is done
    bool opened_told = false;   // and the worker knows
    bool at_worker = true;      // the worker's process holds its end
    bool at_controller = false; // so does the controller's
    bool rebooted = false;      // the controller's machine has forgotten it
    bool stirred = true;        // something may move that does not come by itself
    bool close_asked = false;   // the worker sent Close
    pipe up;
    pipe down;
    endpoint client;
    endpoint server;
    std::chrono::nanoseconds idle_kill;
    monotonic_time moved_at{};
    std::vector<std::byte> incoming;     // a message to the controller whose end is still to come
    std::multiset<std::size_t> outcomes; // hashes of those that the controller has got on it

    /// A part of a message came to the controller.
    void note_outcome(const endpoint_event& part) {
        const bool whole = part.last && incoming.empty();
        if (!whole) {
            incoming.insert(incoming.end(), part.bytes.begin(), part.bytes.end());
        }
        const auto message = whole ? part.bytes : std::span<const std::byte>{incoming};
        // The type comes first in each of our frames: TASK_COMPLETE or TASK_FAILED.
        if (part.last && message.size() > 1 && message[0] == std::byte{8} &&
            (message[1] == std::byte{12} || message[1] == std::byte{13})) {
            outcomes.insert(witness::hash_of(message));
        }
        if (part.last) {
            incoming.clear();
        }
    }

    [[nodiscard]] bool damaged() const noexcept { return up.damaged() + down.damaged() > 0; }
    /// Whether neither end has anything to do before the next byte arrives, and none is under way.
    [[nodiscard]] bool quiet() const noexcept {
        return open && opened_told && at_worker && at_controller && !stirred && !rebooted && up.empty() &&
               down.empty() && client.quiet() && server.quiet();
    }
};

} // namespace distworker::sim
