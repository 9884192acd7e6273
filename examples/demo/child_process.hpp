// A program that the demo starts, reads from and stops again.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <expected>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace demo {

/// One child process. Its destructor ends it: SIGTERM, and SIGKILL when that takes too long.
class child_process {
public:
    struct options {
        std::vector<std::string> arguments;                           ///< The program's path first.
        std::vector<std::pair<std::string, std::string>> environment; ///< Added to our own.
        std::string log_file;                                         ///< Takes standard error.
    };

    /// Starts the program; its standard output can be read by `read_line`.
    [[nodiscard]] static std::expected<child_process, std::string> start(const options& options);

    child_process(child_process&& other) noexcept;
    child_process& operator=(child_process&& other) noexcept;
    ~child_process();

    /// The next line of its standard output; nothing at its end or after `timeout`.
    [[nodiscard]] std::optional<std::string> read_line(std::chrono::milliseconds timeout);
    /// Asks it to end and waits; its exit code, 128 + signal when one killed it.
    int stop(std::chrono::milliseconds patience);
    /// Whether it still runs.
    [[nodiscard]] bool running();
    [[nodiscard]] pid_t id() const noexcept { return pid_; }

private:
    child_process(pid_t pid, int output) noexcept : pid_{pid}, output_{output} {}

    pid_t pid_ = -1;
    int output_ = -1;
    int exit_code_ = 0;
    std::string buffer_;
};

} // namespace demo
