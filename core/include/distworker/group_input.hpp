// Every input of a worker group as a value: what a driver feeds it, and what a trace holds.
//
// A driver that goes through `give` has its whole life in a few lines of a file when a trace is on; without
// one it may as well call the group itself. Inputs are views: what they point to lives until `give` returns.
#pragma once

#include <distworker/worker_group.hpp>

#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>
#include <string_view>
#include <variant>

namespace distworker {

namespace input {

/// What the group as a whole is told: the calls of `worker_group` with these names.
struct start {};
struct stop {
    end_reason why{};                               ///< What `output::stopped` will say.
    stop_limits limits{std::chrono::nanoseconds{}}; ///< How long the end may take.
};
struct pause {};
struct resume {};
struct set_slots {
    std::uint32_t count = 0; ///< 1 to 10,000.
};
struct flush {};
struct set_health {
    worker_health health{}; ///< Stuck handlers can make it worse.
};
struct tick {};
/// The rest names a slot, and a connection of it where it has to: the calls of `worker_engine` with these
/// names.
struct set_usage {
    std::uint32_t slot = 0; ///< Counted from 0.
    resource_usage usage;   ///< For the next heartbeats.
};
struct opened {
    std::uint32_t slot = 0;       ///< Counted from 0.
    std::uint32_t generation = 0; ///< As `output::connect` had it; so in all that follow.
};
struct received {
    std::uint32_t slot = 0;           ///< Counted from 0.
    std::uint32_t generation = 0;     ///< As `output::connect` had it.
    message_kind kind{};              ///< Text is told as well as binary.
    std::span<const std::byte> part;  ///< Copied by the engine; may be empty.
    bool end_of_message = false;      ///< Nothing more belongs to the message.
    std::uint64_t announced_size = 0; ///< By the frame's header; 0: unknown.
};
struct pinged {
    std::uint32_t slot = 0;       ///< Counted from 0.
    std::uint32_t generation = 0; ///< As `output::connect` had it.
};
struct pong {
    std::uint32_t slot = 0;             ///< Counted from 0.
    std::uint32_t generation = 0;       ///< As `output::connect` had it.
    std::span<const std::byte> payload; ///< All of it, whatever it is.
};
struct alive {
    std::uint32_t slot = 0;       ///< Counted from 0.
    std::uint32_t generation = 0; ///< As `output::connect` had it.
};
struct sent {
    std::uint32_t slot = 0;       ///< Counted from 0.
    std::uint32_t generation = 0; ///< As `output::connect` had it.
};
struct closed {
    std::uint32_t slot = 0;       ///< Counted from 0.
    std::uint32_t generation = 0; ///< As `output::connect` had it.
    link_end end;                 ///< What the transport saw.
};
struct complete {
    delivery task;             ///< As `output::assigned` named it.
    outcome* answer = nullptr; ///< Taken.
};
struct progress {
    delivery task;            ///< As `output::assigned` named it.
    double fraction = 0;      ///< 0 to 1; clamped.
    std::string_view message; ///< For people; may be empty.
};
struct stream {
    delivery task;               ///< As `output::assigned` named it.
    stream_item* item = nullptr; ///< Taken, unless the queue is full.
};

} // namespace input

/// Any of the calls.
using group_input = std::variant<input::start, input::stop, input::pause, input::resume, input::set_slots,
                                 input::flush, input::set_health, input::tick, input::set_usage,
                                 input::opened, input::received, input::pinged, input::pong, input::alive,
                                 input::sent, input::closed, input::complete, input::progress, input::stream>;

/// Calls the group. Inputs of a slot that it does not have are `unknown_slot`; those that cannot fail
/// succeed.
std::expected<void, misuse> give(worker_group& group, const group_input& what, instant now);

} // namespace distworker
