// A worker with handlers for math.*, text.*, data.* and demo.*, configured by environment and flags.
#include "handlers.hpp"

#include <distworker/settings.hpp>
#include <distworker/worker.hpp>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <string>

namespace {

// "heartbeat_interval" is --heartbeat-interval. On a command line "level" alone would say too little.
std::string flag_of(std::string_view setting) {
    std::string flag{setting == "level" ? "log_level" : setting};
    std::ranges::replace(flag, '_', '-');
    return "--" + flag;
}

// What can be set by text, which is all but the token: as a flag, others could read it.
void add_flags(CLI::App& options, distworker::config& config) {
    for (const distworker::setting& each : distworker::settings()) {
        if (!each.set) {
            continue;
        }
        const std::string flag = flag_of(each.name);
        const auto set = [&each, &config, flag](const std::string& text) {
            if (const auto done = each.set(config, text); !done) {
                throw CLI::ValidationError{flag, done.error().problem + " (" + done.error().remedy + ")"};
            }
        };
        options
            .add_option_function<std::string>(flag, set,
                                              std::string{each.meaning} + " (" + each.range_text + ")")
            ->default_str(each.default_text)
            ->type_name("")
            ->group(std::string{each.group});
    }
}

std::string footer() {
    std::string help = "Environment, where no flag says otherwise:\n";
    for (const distworker::setting& each : distworker::settings()) {
        if (!each.environment.empty()) {
            std::string name{each.environment};
            name.resize(30, ' ');
            help += "  " + name + (each.set ? flag_of(each.name) : std::string{each.meaning}) + "\n";
        }
    }
    return help +
           "\nExit codes: 0 ended in order, 2 configuration, 3 session gone, 4 attempts exhausted, 5 stuck "
           "handlers.";
}

} // namespace

int main(int argc, char** argv) {
    distworker::config config = distworker::config::from_environment();
    CLI::App options{"Serves the queues math.*, text.*, data.*, demo.sleep, demo.fail and demo.echo."};
    options.set_version_flag("--version", [] { return distworker::worker::build_description(); });
    add_flags(options, config);
    options.footer(footer());
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
