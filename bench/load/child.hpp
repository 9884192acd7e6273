// The worker under measurement, as a child process: started with its environment, its CPU clock read, ended.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace bench {

/// Not thread-safe. Throws std::runtime_error for what the system refuses.
class child {
public:
    /// Starts `command` (program and arguments) with the variables of a worker, aimed at the controller on
    /// 127.0.0.1 `port`. The child inherits the set of cores that it may run on.
    child(const std::vector<std::string>& command, std::uint16_t port);
    child(const child&) = delete;
    child& operator=(const child&) = delete;
    /// Asks it to end, by force after three seconds.
    ~child();

    /// CPU time of all of its threads so far.
    [[nodiscard]] std::chrono::nanoseconds cpu_time() const;
    /// Memory that is its own alone, in KiB.
    [[nodiscard]] std::uint64_t private_kb() const;
    /// False once the process is over.
    [[nodiscard]] bool alive();

private:
    pid_t pid_ = -1;
    bool over_ = false;
};

} // namespace bench
