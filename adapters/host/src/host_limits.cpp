#include "host_limits.hpp"

#include <charconv>
#include <fstream>
#include <string_view>
#include <vector>

namespace distworker::detail {
namespace {

namespace fs = std::filesystem;

// A number at the front of `text`; none for "max", "-1" and anything else that is no limit.
std::optional<std::uint64_t> parse_number(std::string_view text) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc{} && end != text.data() ? std::optional{value} : std::nullopt;
}

std::optional<std::uint64_t> read_number(const fs::path& file) {
    return parse_number(read_line(file));
}

void tighten(group_limits& limits, std::optional<std::uint64_t> quota, std::optional<std::uint64_t> period) {
    if (quota && *quota > 0 && period && *period > 0) {
        const double cpus = static_cast<double>(*quota) / static_cast<double>(*period);
        limits.cpus = limits.cpus && *limits.cpus < cpus ? limits.cpus : cpus;
    }
}

void tighten_memory(group_limits& limits, std::optional<std::uint64_t> limit, const fs::path& used) {
    if (limit && (!limits.memory || *limit < *limits.memory)) {
        limits.memory = limit;
        limits.memory_used = read_number(used);
    }
}

void read_version_2(const fs::path& folder, group_limits& limits) {
    const std::string quota = read_line(folder / "cpu.max"); // "QUOTA PERIOD" or "max PERIOD"
    const auto blank = quota.find(' ');
    if (blank != std::string::npos) {
        tighten(limits, parse_number(quota), parse_number(std::string_view{quota}.substr(blank + 1)));
    }
    tighten_memory(limits, read_number(folder / "memory.max"), folder / "memory.current");
}

void read_version_1_cpu(const fs::path& folder, group_limits& limits) {
    tighten(limits, read_number(folder / "cpu.cfs_quota_us"), read_number(folder / "cpu.cfs_period_us"));
}

void read_version_1_memory(const fs::path& folder, group_limits& limits) {
    tighten_memory(limits, read_number(folder / "memory.limit_in_bytes"), folder / "memory.usage_in_bytes");
}

// `group` below `root`, and every folder above it up to `root` itself: each may set a limit. A container sees
// only a part of the tree, so folders that are not there are normal.
std::vector<fs::path> chain(const fs::path& root, std::string_view group) {
    std::vector<fs::path> out{root};
    fs::path at = root;
    for (const fs::path& part : fs::path{group}.relative_path()) {
        if (part == "..") { // the process was moved here from outside the visible tree
            break;
        }
        at /= part;
        out.push_back(at);
    }
    return out;
}

bool has_controller(std::string_view list, std::string_view name) {
    while (!list.empty()) {
        const auto comma = list.find(',');
        if (list.substr(0, comma) == name) {
            return true;
        }
        list.remove_prefix(comma == std::string_view::npos ? list.size() : comma + 1);
    }
    return false;
}

} // namespace

std::string read_line(const fs::path& file) {
    std::ifstream in{file};
    std::string line;
    std::getline(in, line);
    return line;
}

group_limits read_group_limits(const host_paths& paths) {
    group_limits limits;
    std::ifstream groups{paths.proc / "self/cgroup"}; // lines "ID:CONTROLLERS:/PATH"
    for (std::string line; std::getline(groups, line);) {
        const auto first = line.find(':');
        const auto second = line.find(':', first + 1);
        if (first == std::string::npos || second == std::string::npos) {
            continue;
        }
        const auto controllers = std::string_view{line}.substr(first + 1, second - first - 1);
        const auto group = std::string_view{line}.substr(second + 1);
        if (controllers.empty()) {
            for (const fs::path& folder : chain(paths.cgroup, group)) {
                read_version_2(folder, limits);
            }
        }
        if (has_controller(controllers, "cpu")) {
            for (const fs::path& folder : chain(paths.cgroup / "cpu", group)) {
                read_version_1_cpu(folder, limits);
            }
        }
        if (has_controller(controllers, "memory")) {
            for (const fs::path& folder : chain(paths.cgroup / "memory", group)) {
                read_version_1_memory(folder, limits);
            }
        }
    }
    return limits;
}

} // namespace distworker::detail
