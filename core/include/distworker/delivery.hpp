// Names one acceptance of one task by one slot.
//
// Answers go by delivery, never by task id: the controller reuses ids when it retries, and a late answer to
// an earlier delivery must not end a newer one. Deliveries are plain values: copy, compare, hash at will.
#pragma once

#include <compare>
#include <cstdint>

namespace distworker {

struct delivery {
    std::uint32_t slot = 0; ///< Counted from 0; of one worker or group.
    /// Of the connection that brought it; connections of a slot count from 1.
    std::uint32_t generation = 0;
    /// Counts the deliveries of a slot from 1; never reused.
    std::uint64_t serial = 0;

    friend bool operator==(const delivery&, const delivery&) = default;
    friend auto operator<=>(const delivery&, const delivery&) = default;
};

} // namespace distworker
