// Durations as Go writes them, "1h30m", "2.5s", "300ms": the form of a task's `timeout` (protocol, section
// 6).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace distworker::controller {

/// Whole milliseconds, what is below one being cut; empty when the text is no duration or out of range.
[[nodiscard]] std::optional<std::int64_t> parse_go_duration(std::string_view text) noexcept;

} // namespace distworker::controller
