// distworker-controller: the embedded controller as a program.
#include "command_line.hpp"

#include <distworker/controller_server.hpp>

#include <csignal>
#include <cstdio>
#include <exception>
#include <string>

namespace {

using namespace distworker;
namespace exit_code = controller::exit_code;

void print(std::FILE* to, const std::string& text) {
    std::fwrite(text.data(), 1, text.size(), to);
    std::fflush(to);
}

int serve(controller::parsed_options parsed) {
    for (const std::string& warning : parsed.warnings) {
        print(stderr, "distworker-controller: warning: " + warning + '\n');
    }
    auto started = controller_server::start(std::move(parsed.options), std::move(parsed.faults));
    if (!started) {
        for (const config_fault& fault : started.error().faults) {
            print(stderr, "distworker-controller: --" + fault.to_string() + '\n');
        }
        if (!started.error().faults.empty()) {
            return exit_code::configuration;
        }
        print(stderr, "distworker-controller: " + started.error().port + '\n');
        return exit_code::port;
    }
    controller_server& server = **started;
    server.stop_on_signals();
    print(stdout, "api " + server.api_url() + "\nworker " + server.worker_url() + '\n');
    server.run();
    return exit_code::stopped;
}

} // namespace

int main(int argc, char** argv) {
    std::signal(SIGPIPE, SIG_IGN);
    try {
        auto parsed = controller::parse_command_line(argc, argv);
        if (const auto* text = std::get_if<controller::just_print>(&parsed)) {
            print(text->exit_code == 0 ? stdout : stderr, text->text);
            return text->exit_code;
        }
        return serve(std::move(std::get<controller::parsed_options>(parsed)));
    } catch (const std::exception& error) {
        print(stderr, std::string{"distworker-controller: internal error: "} + error.what() + '\n');
        return exit_code::internal;
    }
}
