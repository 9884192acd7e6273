// A worker with handlers for math.*, text.*, data.* and demo.*, configured by environment and flags.
#include "handlers.hpp"

#include <distworker/worker.hpp>

#include <CLI/CLI.hpp>

#include <chrono>
#include <string>

namespace {

using std::chrono::milliseconds;

// "250ms", "5s", "2min"; a bare number is seconds.
milliseconds parse_duration(const std::string& text) {
    std::size_t used = 0;
    double amount = 0;
    try {
        amount = std::stod(text, &used);
    } catch (const std::exception&) {
        used = 0;
    }
    const std::string unit = text.substr(used);
    const double scale = unit == "ms" ? 1 : unit.empty() || unit == "s" ? 1e3 : unit == "min" ? 6e4 : 0;
    constexpr double longest = 1e12;
    if (used == 0 || scale == 0 || !(amount >= 0) || amount * scale > longest) {
        throw CLI::ValidationError{text, "is no duration such as 250ms, 5s or 2min"};
    }
    return milliseconds{static_cast<std::int64_t>(amount * scale)};
}

void add_duration(CLI::App& options, const char* name, milliseconds& target, const char* meaning) {
    options
        .add_option_function<std::string>(
            name, [&target](const std::string& text) { target = parse_duration(text); }, meaning)
        ->default_str(distworker::format_duration(target))
        ->type_name("TIME");
}

std::string environment_help() {
    std::string help = "Environment:\n";
    for (const auto& variable : distworker::environment_variables()) {
        std::string name = variable.name;
        name.resize(30, ' ');
        help += "  " + name + variable.meaning + "\n";
    }
    help += "  One of the two tokens is needed; the token is never a flag, where others could read it.\n\n"
            "Exit codes: 0 ended in order, 2 configuration, 3 session gone, 4 attempts exhausted, 5 stuck "
            "handlers.";
    return help;
}

} // namespace

int main(int argc, char** argv) {
    distworker::config config = distworker::config::from_environment();
    CLI::App options{"Serves the queues math.*, text.*, data.*, demo.sleep, demo.fail and demo.echo."};
    options.set_version_flag("--version", [] { return distworker::worker::build_description(); });
    options.add_option("--slots", config.slots, "Tasks at once, each on a connection of its own")
        ->capture_default_str();
    add_duration(options, "--heartbeat-interval", config.heartbeat_interval, "Time between heartbeats");
    add_duration(options, "--reconnect-interval", config.reconnect_interval,
                 "A lost connection is tried again within this time; later attempts back off");
    options
        .add_option("--max-reconnect-attempts", config.max_reconnect_attempts,
                    "Attempts in a row before giving up; -1: never give up")
        ->capture_default_str();
    options.add_option("--ca-file", config.ca_file,
                       "PEM file of authorities to trust for https [the system's]");
    options
        .add_option_function<std::string>(
            "--log-level",
            [&](const std::string& name) {
                const auto level = distworker::parse_log_level(name);
                if (!level) {
                    throw CLI::ValidationError{name, "is not one of debug, info, warning, error, off"};
                }
                config.level = *level;
            },
            "debug, info, warning, error or off")
        ->default_str(distworker::to_string(config.level))
        ->type_name("LEVEL");
    options.footer(environment_help());
    try {
        options.parse(argc, argv);
    } catch (const CLI::ParseError& e) {
        const int code = options.exit(e);
        return code == 0 ? 0 : static_cast<int>(distworker::exit_code::configuration);
    }

    distworker::worker worker{std::move(config)};
    basic_worker::bind_all(worker);
    return worker.run();
}
