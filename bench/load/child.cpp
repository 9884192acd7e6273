#include "child.hpp"

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <ctime>
#include <fstream>
#include <stdexcept>
#include <system_error>
#include <thread>

namespace bench {
namespace {

std::runtime_error system_failure(const std::string& what, int code) {
    return std::runtime_error{what + ": " + std::generic_category().message(code)};
}

} // namespace

child::child(const std::vector<std::string>& command, std::uint16_t port) {
    std::vector<std::string> variables{
        "DISTWORKER_CONTROLLER_URL=http://127.0.0.1:" + std::to_string(port),
        "DISTWORKER_PROVISIONER=bench",
        "DISTWORKER_WORKER_TOKEN=not-checked-by-the-load",
    };
    std::vector<char*> environment;
    for (std::string& variable : variables) {
        environment.push_back(variable.data());
    }
    environment.push_back(nullptr);
    std::vector<std::string> words = command;
    std::vector<char*> arguments;
    for (std::string& word : words) {
        arguments.push_back(word.data());
    }
    arguments.push_back(nullptr);
    const int failed =
        posix_spawn(&pid_, arguments[0], nullptr, nullptr, arguments.data(), environment.data());
    if (failed != 0) {
        throw system_failure("cannot start the worker " + command.front(), failed);
    }
}

child::~child() {
    using namespace std::chrono_literals;
    if (alive()) {
        kill(pid_, SIGTERM);
    }
    const auto deadline = std::chrono::steady_clock::now() + 3s;
    while (alive()) {
        if (std::chrono::steady_clock::now() > deadline) {
            kill(pid_, SIGKILL);
            waitpid(pid_, nullptr, 0);
            return;
        }
        std::this_thread::sleep_for(10ms);
    }
}

std::chrono::nanoseconds child::cpu_time() const {
    clockid_t clock{};
    if (const int failed = clock_getcpuclockid(pid_, &clock); failed != 0) {
        throw system_failure("the worker's CPU clock cannot be read", failed);
    }
    timespec now{};
    if (clock_gettime(clock, &now) != 0) {
        throw system_failure("the worker's CPU clock cannot be read", errno);
    }
    return std::chrono::seconds{now.tv_sec} + std::chrono::nanoseconds{now.tv_nsec};
}

std::uint64_t child::private_kb() const {
    std::ifstream rollup{"/proc/" + std::to_string(pid_) + "/smaps_rollup"};
    std::uint64_t sum = 0;
    for (std::string word; rollup >> word;) {
        if (word == "Private_Clean:" || word == "Private_Dirty:") {
            std::uint64_t part = 0;
            rollup >> part;
            sum += part;
        }
    }
    if (sum == 0) {
        throw std::runtime_error{"the worker's memory cannot be read"};
    }
    return sum;
}

bool child::alive() {
    if (!over_) {
        over_ = waitpid(pid_, nullptr, WNOHANG) != 0;
    }
    return !over_;
}

} // namespace bench
