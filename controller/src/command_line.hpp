// The options of `distworker-controller`: from the command line to `controller_options`, every fault at once.
#pragma once

#include <distworker/controller_server.hpp>

#include <expected>
#include <string>
#include <variant>
#include <vector>

namespace distworker::controller {

/// Exit codes of the program, as `--help` tells them.
namespace exit_code {
inline constexpr int stopped = 0;
inline constexpr int internal = 1;
inline constexpr int configuration = 2;
inline constexpr int port = 3;
} // namespace exit_code

struct parsed_options {
    controller_options options;
    std::vector<config_fault> faults;  ///< Not empty: the options are unusable.
    std::vector<std::string> warnings; ///< For the log.
};

/// The program has nothing to run: print this and exit.
struct just_print {
    std::string text;
    int exit_code = 0; ///< With 0 it goes to stdout.
};

/// Tokens that stand in `argv` are overwritten there, so that a list of processes does not show them on.
[[nodiscard]] std::variant<parsed_options, just_print> parse_command_line(int argc, char** argv);

} // namespace distworker::controller
