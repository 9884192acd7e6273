// Frames that follow the schema, but not the manners: fields in any order, given again, of another wire type,
// unknown, replaced, badly encoded. Damage to single bytes hardly ever gets past the lengths; these do.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace distworker::testing {

/// The same seed gives the same frame.
std::vector<std::byte> wild_frame(std::uint64_t seed);

} // namespace distworker::testing
