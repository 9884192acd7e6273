// The target `group` as a source of traces: what it plays is recorded.
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace distworker::fuzz {

/// The whole trace of the life that these bytes stand for. Throws what was broken in it.
[[nodiscard]] std::string recorded_group(std::span<const std::byte> input);

} // namespace distworker::fuzz
