// What comes in over one connection, put together from its parts, and what it means.
#pragma once

#include "core/invariants/fingerprint.hpp"

#include <distworker/group_input.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace distworker::testing {

struct message_meaning {
    enum class kind : std::uint8_t {
        assignment,
        response,
        meaningless, ///< Sound, but nothing that a worker is told.
        unusable,    ///< `task_id` says whom to answer for it; empty: nobody.
    };
    kind what{};
    std::string task_id{};
    std::int64_t timeout_ms = 0;
};

class incoming_message {
public:
    /// The meaning of a message with its last part.
    std::optional<message_meaning> add(const input::received& part, std::uint64_t max_message_bytes);
    void clear();

    void add_to(fingerprint& all) const { all.add(bytes_, size_, announced_); }

private:
    std::vector<std::byte> bytes_; // not more than can matter
    std::uint64_t size_ = 0;
    std::uint64_t announced_ = 0;
};

} // namespace distworker::testing
