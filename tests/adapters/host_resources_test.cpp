#include "support/temporary.hpp"

#include <distworker/host_resources.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <fstream>

namespace distworker {
namespace {

namespace fs = std::filesystem;

// A folder that plays /proc and /sys/fs/cgroup, gone with the test.
class HostResources : public ::testing::Test {
protected:
    HostResources() {
        write("proc/sys/kernel/hostname", "box-7\n");
        write("proc/meminfo", "MemTotal:        8388608 kB\nMemFree:  1 kB\nMemAvailable:    6291456 kB\n");
        write("proc/stat", "cpu  100 0 100 700 100 0 0 0 50 0\ncpu0 1 2 3 4\n");
        write("proc/self/cgroup", "0::/a/b\n");
    }

    void write(const fs::path& file, std::string_view text) const {
        fs::create_directories((root_ / file).parent_path());
        std::ofstream{root_ / file} << text;
    }
    [[nodiscard]] host_paths paths() const { return {root_ / "proc", root_ / "cgroup"}; }

private:
    testing::temporary_folder root_;
};

TEST_F(HostResources, WithoutLimitsTheMachineCounts) {
    const host_info info = read_host_info(paths());
    EXPECT_EQ(info.hostname, "box-7");
    EXPECT_EQ(info.memory_mb, 8192);
    EXPECT_GE(info.cpu_cores, 1);
    EXPECT_EQ(host_usage_sampler{paths()}.sample().memory_used_mb, 2048);
}

TEST_F(HostResources, TheTightestGroupLimitCounts) {
    write("cgroup/cpu.max", "max 100000\n");
    write("cgroup/a/cpu.max", "50000 100000\n"); // half a processor: one core
    write("cgroup/a/memory.max", "2147483648\n");
    write("cgroup/a/memory.current", "1073741824\n");
    write("cgroup/a/b/cpu.max", "max 100000\n");
    write("cgroup/a/b/memory.max", "max\n");
    write("cgroup/a/b/memory.current", "1048576\n");
    const host_info info = read_host_info(paths());
    EXPECT_EQ(info.cpu_cores, 1);
    EXPECT_EQ(info.memory_mb, 2048);
    EXPECT_EQ(host_usage_sampler{paths()}.sample().memory_used_mb, 1024);
}

TEST_F(HostResources, VersionOneGroupsCountToo) {
    write("proc/self/cgroup", "5:cpu,cpuacct:/docker/x\n4:memory:/docker/x\n1:name=systemd:/\n");
    write("cgroup/cpu/cpu.cfs_quota_us", "100000\n");
    write("cgroup/cpu/cpu.cfs_period_us", "100000\n");
    write("cgroup/memory/memory.limit_in_bytes", "1073741824\n");
    write("cgroup/memory/memory.usage_in_bytes", "104857600\n");
    const host_info info = read_host_info(paths());
    EXPECT_EQ(info.cpu_cores, 1);
    EXPECT_EQ(info.memory_mb, 1024);
    EXPECT_EQ(host_usage_sampler{paths()}.sample().memory_used_mb, 100);
}

TEST_F(HostResources, AVersionOneQuotaOfMinusOneIsNone) {
    const std::int32_t unlimited = read_host_info(paths()).cpu_cores;
    write("proc/self/cgroup", "5:cpu:/\n4:memory:/\n");
    write("cgroup/cpu/cpu.cfs_quota_us", "-1\n");
    write("cgroup/cpu/cpu.cfs_period_us", "100000\n");
    write("cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
    write("cgroup/memory/memory.usage_in_bytes", "104857600\n");
    EXPECT_EQ(read_host_info(paths()).cpu_cores, unlimited);
    EXPECT_EQ(read_host_info(paths()).memory_mb, 8192);
    EXPECT_EQ(host_usage_sampler{paths()}.sample().memory_used_mb, 2048)
        << "a limit above the machine is none";
}

TEST_F(HostResources, CpuIsTheShareSinceTheLastSample) {
    host_usage_sampler sampler{paths()};
    write("proc/stat", "cpu  130 0 120 730 120 0 0 0 60 0\n"); // 50 busy of 100; guests are in user already
    EXPECT_FLOAT_EQ(sampler.sample().cpu_percent, 50.0F);
    EXPECT_FLOAT_EQ(sampler.sample().cpu_percent, 50.0F) << "no time has passed";
    write("proc/stat", "cpu  130 0 120 930 120 0 0 0 60 0\n");
    EXPECT_FLOAT_EQ(sampler.sample().cpu_percent, 0.0F);
    write("proc/stat", "cpu  230 0 120 930 120 0 0 0 60 0\n");
    EXPECT_FLOAT_EQ(sampler.sample().cpu_percent, 100.0F);
    write("proc/stat", "cpu  260 0 120 980 90 0 0 0 60 0\n"); // iowait steps back
    const float percent = sampler.sample().cpu_percent;
    EXPECT_GE(percent, 0.0F);
    EXPECT_LE(percent, 100.0F);
}

TEST_F(HostResources, NothingThereIsUnknownNotAFailure) {
    const host_paths nowhere{"/nonexistent/proc", "/nonexistent/cgroup"};
    const host_info info = read_host_info(nowhere);
    EXPECT_EQ(info.hostname, "");
    EXPECT_EQ(info.memory_mb, 0);
    EXPECT_GE(info.cpu_cores, 1);
    const host_usage usage = host_usage_sampler{nowhere}.sample();
    EXPECT_EQ(usage.cpu_percent, 0.0F);
    EXPECT_EQ(usage.memory_used_mb, 0);
}

TEST(HostResourcesHere, AreRealNumbers) {
    const host_info info = read_host_info();
    EXPECT_FALSE(info.hostname.empty());
    EXPECT_GE(info.cpu_cores, 1);
    EXPECT_GT(info.memory_mb, 0);

    // A processor kept busy must show. Ends as soon as it does; the deadline is only for a broken sampler.
    host_usage_sampler sampler;
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{30};
    host_usage usage;
    volatile double sink = 1;
    while (usage.cpu_percent <= 0 && std::chrono::steady_clock::now() < deadline) {
        for (int i = 0; i < 1'000'000; ++i) {
            sink = std::sqrt(sink + i);
        }
        usage = sampler.sample();
    }
    EXPECT_GT(usage.cpu_percent, 0.0F);
    EXPECT_LE(usage.cpu_percent, 100.0F);
    EXPECT_GT(usage.memory_used_mb, 0);
    EXPECT_LE(usage.memory_used_mb, info.memory_mb);
}

} // namespace
} // namespace distworker
