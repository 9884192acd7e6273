#include "host_limits.hpp"

#include <distworker/host_resources.hpp>

#include <sched.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <fstream>
#include <sstream>
#include <string_view>
#include <thread>
#include <utility>

namespace distworker {
namespace {

constexpr std::uint64_t mib = 1ULL << 20U;

struct memory_figures {
    std::uint64_t total = 0;     // bytes
    std::uint64_t available = 0; // bytes
};

memory_figures read_memory(const host_paths& paths) {
    memory_figures out;
    std::ifstream in{paths.proc / "meminfo"}; // lines "MemTotal:  16384 kB"
    for (std::string line; std::getline(in, line);) {
        std::istringstream words{line};
        std::string name;
        std::uint64_t kib = 0;
        if (words >> name >> kib) {
            if (name == "MemTotal:") {
                out.total = kib * 1024;
            } else if (name == "MemAvailable:") {
                out.available = kib * 1024;
            }
        }
    }
    out.available = std::min(out.available, out.total);
    return out;
}

// How many processors the scheduler may put us on.
unsigned allowed_processors() {
    cpu_set_t set;
    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0) {
        return static_cast<unsigned>(CPU_COUNT(&set));
    }
    return std::thread::hardware_concurrency(); // more than 1024 processors: the mask does not fit
}

std::int64_t in_mib(std::uint64_t bytes) {
    return static_cast<std::int64_t>(bytes / mib);
}

} // namespace

host_info read_host_info(const host_paths& paths) {
    const detail::group_limits limits = detail::read_group_limits(paths);
    host_info out;
    out.hostname = detail::read_line(paths.proc / "sys/kernel/hostname");

    double cores = allowed_processors();
    if (limits.cpus) {
        cores = std::min(cores, std::max(1.0, std::ceil(*limits.cpus)));
    }
    out.cpu_cores = static_cast<std::int32_t>(cores);

    const std::uint64_t total = read_memory(paths).total;
    out.memory_mb = in_mib(limits.memory ? std::min(total, *limits.memory) : total);
    return out;
}

host_usage_sampler::host_usage_sampler(host_paths paths)
    : paths_{std::move(paths)}, last_{read_cpu_times()} {}

host_usage_sampler::cpu_times host_usage_sampler::read_cpu_times() const {
    // "cpu user nice system idle iowait irq softirq steal guest guest_nice"; the guests are part of user and
    // nice.
    std::istringstream words{detail::read_line(paths_.proc / "stat")};
    std::string name;
    words >> name;
    cpu_times out;
    std::uint64_t ticks = 0;
    for (std::size_t column = 0; column < 8 && words >> ticks; ++column) {
        const bool idle = column == 3 || column == 4;
        out.total += ticks;
        out.busy += idle ? 0 : ticks;
    }
    return out;
}

host_usage host_usage_sampler::sample() {
    const cpu_times now = read_cpu_times();
    // iowait may step back (proc(5)), so a difference is taken only when it has grown.
    if (now.total > last_.total) {
        const auto total = static_cast<double>(now.total - last_.total);
        const auto busy = static_cast<double>(now.busy > last_.busy ? now.busy - last_.busy : 0);
        last_percent_ = static_cast<float>(std::clamp(100.0 * busy / total, 0.0, 100.0));
        last_ = now;
    }
    const detail::group_limits limits = detail::read_group_limits(paths_);
    const memory_figures memory = read_memory(paths_);
    const bool limited = limits.memory && limits.memory_used && *limits.memory < memory.total;
    return {last_percent_, in_mib(limited ? *limits.memory_used : memory.total - memory.available)};
}

} // namespace distworker
