#include "token_file.hpp"

#include <distworker/config.hpp>

#include <array>
#include <cstdlib>
#include <cstring>

namespace distworker {
namespace {

constexpr std::uint64_t max_handler_threads = 10'000;

constexpr std::array<environment_variable, 7> variables{{
    {"DISTWORKER_CONTROLLER_URL", "controller", "URL of the controller, e.g. http://localhost:8081"},
    {"DISTWORKER_PROVISIONER", "provisioner", "Name of the provisioner to register with"},
    {"DISTWORKER_WORKER_ID", "worker_id", "Set by a provisioner that started this worker"},
    {"DISTWORKER_WORKER_TOKEN", "token", "The token; removed from the environment after reading"},
    {"DISTWORKER_WORKER_TOKEN_FILE", "token_file", "File to read the token from, anew at each registration"},
    {"DISTWORKER_TRACE_FILE", "trace_file",
     "File to record the worker's life in; distworker-replay reads it"},
    {"DISTWORKER_TRACE_PAYLOADS", "trace", "'whole' records payloads too, for replay; else their sizes"},
}};

std::string read_variable(const char* name) {
    const char* const text = std::getenv(name);
    return text == nullptr ? std::string{} : std::string{text};
}

// The token leaves the environment, also the block that /proc shows.
secret take_token(const char* name) {
    char* const text = std::getenv(name);
    if (text == nullptr) {
        return {};
    }
    const std::size_t size = std::strlen(text);
    secret token{std::string_view{text, size}};
    wipe(std::as_writable_bytes(std::span{text, size}));
    ::unsetenv(name);
    return token;
}

} // namespace

std::span<const environment_variable> environment_variables() noexcept {
    return variables;
}

config config::from_environment() {
    config settings;
    settings.controller = read_variable("DISTWORKER_CONTROLLER_URL");
    settings.provisioner = read_variable("DISTWORKER_PROVISIONER");
    settings.worker_id = read_variable("DISTWORKER_WORKER_ID");
    settings.token = take_token("DISTWORKER_WORKER_TOKEN");
    settings.token_file = read_variable("DISTWORKER_WORKER_TOKEN_FILE");
    settings.trace_file = read_variable("DISTWORKER_TRACE_FILE");
    settings.trace = read_variable("DISTWORKER_TRACE_PAYLOADS") == "whole" ? trace_payloads::whole
                                                                           : trace_payloads::digests;
    return settings;
}

std::vector<config_fault> config::faults() const {
    std::vector<config_fault> all;
    if (auto valid = validate(); !valid) {
        all = std::move(valid.error());
    }
    if (!token.empty()) {
        if (auto fault = check_token(token)) {
            all.push_back(*std::move(fault));
        }
    } else if (!token_file.empty()) {
        if (auto read = detail::read_token_file(token_file); !read) {
            all.push_back(std::move(read.error()));
        }
    } else {
        all.push_back({"token", "is empty", "give the token, or token_file: the file to read it from"});
    }
    if (handler_threads > max_handler_threads) {
        all.push_back({"handler_threads", "is more than " + std::to_string(max_handler_threads),
                       "set it to 0, for as many as slots, or to what the handlers need"});
    }
    for (config_fault& fault : all) {
        for (const environment_variable& variable : variables) {
            if (fault.field == variable.field) {
                fault.remedy += std::string{"; environment: "} + variable.name;
            }
        }
    }
    return all;
}

} // namespace distworker
