// What the control group of this process allows and uses, version 2 and version 1. Internal to the component.
#pragma once

#include <distworker/host_resources.hpp>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace distworker::detail {

struct group_limits {
    std::optional<double> cpus;               ///< Quota divided by period.
    std::optional<std::uint64_t> memory;      ///< Bytes.
    std::optional<std::uint64_t> memory_used; ///< Bytes in use by the group that sets the memory limit.
};

/// The tightest limits among the process's group and those above it, as far as they can be seen.
[[nodiscard]] group_limits read_group_limits(const host_paths& paths);

/// The first line of a small file; empty when it cannot be read.
[[nodiscard]] std::string read_line(const std::filesystem::path& file);

} // namespace distworker::detail
