// What this machine has and how busy it is, from Linux's /proc and control groups.
//
// `read_host_info` fills a registration's resource info, `host_usage_sampler` the usage of each heartbeat. In
// a container the limits of the control group count where they are tighter than the machine. Real numbers or
// zero ("unknown"): nothing is made up, nothing throws for a file that is not there.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace distworker {

/// Where to read; tests point it at a folder of their own.
struct host_paths {
    std::filesystem::path proc = "/proc";            ///< Where proc(5) is mounted.
    std::filesystem::path cgroup = "/sys/fs/cgroup"; ///< Where control groups are mounted, version 2 or 1.
};

/// What a registration tells of the machine.
struct host_info {
    std::string hostname;       ///< The kernel's node name; empty when unknown.
    std::int32_t cpu_cores = 0; ///< Usable: allowed by the affinity mask, and a CPU quota, rounded up.
    std::int64_t memory_mb =
        0; ///< Total, MiB: the machine's, or the control group's limit when that is less.
};

/// Reads some small files. Callable from any thread.
[[nodiscard]] host_info read_host_info(const host_paths& paths = {});

/// What a heartbeat tells of it.
struct host_usage {
    float cpu_percent = 0; ///< 0 to 100, all processors of the machine together.
    std::int64_t memory_used_mb =
        0; ///< MiB that is not available to new work; of the group when it is limited.
};

/// Tells usage since the last call. One object per reporter; not synchronised. A call reads a few small files
/// and takes well under a millisecond.
class host_usage_sampler {
public:
    /// Takes the first reading, so that the first `sample` has something to compare with.
    explicit host_usage_sampler(host_paths paths = {});

    /// Usage since the last `sample`, or since construction. The last CPU figure is repeated when no time has
    /// passed on the kernel's counters (they move in steps of 10 ms).
    [[nodiscard]] host_usage sample();

private:
    struct cpu_times {
        std::uint64_t busy = 0;
        std::uint64_t total = 0;
    };
    [[nodiscard]] cpu_times read_cpu_times() const;

    host_paths paths_;
    cpu_times last_;
    float last_percent_ = 0;
};

} // namespace distworker
