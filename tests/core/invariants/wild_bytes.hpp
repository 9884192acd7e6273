// Messages without manners: near enough to frames to get far into their readers, and wrong in every way.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace distworker::testing {

/// A message from a seed; the same each time. About half of them are sound.
[[nodiscard]] std::vector<std::byte> wild_bytes(std::uint64_t seed);

} // namespace distworker::testing
