#include "child_process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <thread>

namespace demo {
namespace {

using clock = std::chrono::steady_clock;

std::vector<std::string> merged_environment(const std::vector<std::pair<std::string, std::string>>& added) {
    std::vector<std::string> all;
    for (char** entry = environ; *entry != nullptr; ++entry) {
        const std::string text{*entry};
        const bool replaced =
            std::ranges::any_of(added, [&](const auto& a) { return text.starts_with(a.first + "="); });
        if (!replaced) {
            all.push_back(text);
        }
    }
    for (const auto& [name, content] : added) {
        all.push_back(name + "=" + content);
    }
    return all;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
    std::vector<char*> out;
    for (std::string& text : texts) {
        out.push_back(text.data());
    }
    out.push_back(nullptr);
    return out;
}

int exit_code_of(int status) {
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

} // namespace

std::expected<child_process, std::string> child_process::start(const options& options) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) {
        return std::unexpected{std::string{"no pipe: "} + std::strerror(errno)};
    }
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    ::posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, options.log_file.c_str(),
                                       O_WRONLY | O_CREAT | O_APPEND, 0600);
    std::vector<std::string> arguments = options.arguments;
    std::vector<std::string> environment = merged_environment(options.environment);
    pid_t pid = -1;
    const int failed = ::posix_spawn(&pid, arguments.front().c_str(), &actions, nullptr,
                                     pointers(arguments).data(), pointers(environment).data());
    ::posix_spawn_file_actions_destroy(&actions);
    ::close(ends[1]);
    if (failed != 0) {
        ::close(ends[0]);
        return std::unexpected{"cannot start " + arguments.front() + ": " + std::strerror(failed)};
    }
    return child_process{pid, ends[0]};
}

child_process::child_process(child_process&& other) noexcept
    : pid_{std::exchange(other.pid_, -1)}, output_{std::exchange(other.output_, -1)},
      exit_code_{other.exit_code_}, buffer_{std::move(other.buffer_)} {}

child_process& child_process::operator=(child_process&& other) noexcept {
    std::swap(pid_, other.pid_);
    std::swap(output_, other.output_);
    std::swap(exit_code_, other.exit_code_);
    std::swap(buffer_, other.buffer_);
    return *this;
}

child_process::~child_process() {
    stop(std::chrono::seconds{5});
    if (output_ >= 0) {
        ::close(output_);
    }
}

std::optional<std::string> child_process::read_line(std::chrono::milliseconds timeout) {
    const auto deadline = clock::now() + timeout;
    for (;;) {
        if (const auto end = buffer_.find('\n'); end != std::string::npos) {
            std::string line = buffer_.substr(0, end);
            buffer_.erase(0, end + 1);
            return line;
        }
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - clock::now());
        pollfd ready{output_, POLLIN, 0};
        if (left.count() <= 0 || ::poll(&ready, 1, static_cast<int>(left.count())) <= 0) {
            return std::nullopt;
        }
        char piece[512];
        const ssize_t count = ::read(output_, piece, sizeof piece);
        if (count <= 0) {
            return std::nullopt;
        }
        buffer_.append(piece, static_cast<std::size_t>(count));
    }
}

bool child_process::running() {
    int status = 0;
    if (pid_ > 0 && ::waitpid(pid_, &status, WNOHANG) == pid_) {
        pid_ = -1;
        exit_code_ = exit_code_of(status);
    }
    return pid_ > 0;
}

int child_process::stop(std::chrono::milliseconds patience) {
    const auto deadline = clock::now() + patience;
    if (pid_ > 0) {
        ::kill(pid_, SIGTERM);
    }
    while (running() && clock::now() < deadline) {
        std::this_thread::sleep_for(std::chrono::milliseconds{10});
    }
    if (pid_ > 0) {
        ::kill(pid_, SIGKILL);
        int status = 0;
        ::waitpid(std::exchange(pid_, -1), &status, 0);
        exit_code_ = exit_code_of(status);
    }
    return exit_code_;
}

} // namespace demo
