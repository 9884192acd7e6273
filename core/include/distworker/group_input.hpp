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

/// What the group as a whole is told.
struct start {};
struct stop {
    end_reason why{};
    stop_limits limits{std::chrono::nanoseconds{}};
};
struct pause {};
struct resume {};
struct set_slots {
    std::uint32_t count = 0;
};
struct flush {};
struct set_health {
    worker_health health{};
};
struct tick {};
/// The rest names a slot, and a connection of it where it has to.
struct set_usage {
    std::uint32_t slot = 0;
    resource_usage usage;
};
struct opened {
    std::uint32_t slot = 0;
    std::uint32_t generation = 0;
};
struct received {
    std::uint32_t slot = 0;
    std::uint32_t generation = 0;
    message_kind kind{};
    std::span<const std::byte> part;
    bool end_of_message = false;
    std::uint64_t announced_size = 0;
};
struct pinged {
    std::uint32_t slot = 0;
    std::uint32_t generation = 0;
};
struct pong {
    std::uint32_t slot = 0;
    std::uint32_t generation = 0;
    std::span<const std::byte> payload;
};
struct alive {
    std::uint32_t slot = 0;
    std::uint32_t generation = 0;
};
struct sent {
    std::uint32_t slot = 0;
    std::uint32_t generation = 0;
};
struct closed {
    std::uint32_t slot = 0;
    std::uint32_t generation = 0;
    link_end end;
};
struct complete {
    delivery task;
    outcome* answer = nullptr; ///< Taken.
};
struct progress {
    delivery task;
    double fraction = 0;
    std::string_view message;
};
struct stream {
    delivery task;
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
