// How a worker is set up: the protocol's settings (`worker_config`) and the SDK's own.
//
// Fill it in, or take it `from_environment()` and change what you like. `worker` checks it and reports every
// fault at once.
#pragma once

#include <distworker/config_fault.hpp>
#include <distworker/logging.hpp>
#include <distworker/secret.hpp>
#include <distworker/trace.hpp>
#include <distworker/transport.hpp>
#include <distworker/worker_config.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace distworker {

/// Movable, not copyable: it may hold the token. Meanings, ranges and environment variables are in
/// `settings()` (settings.hpp), and in docs/configuration.md, which is made from it.
struct config : worker_config, tls_options {
    secret token;
    std::string token_file;
    std::string proxy;
    std::string proxy_credentials_file;
    std::uint64_t handler_threads = 0;
    log_level level = log_level::info;
    log_sink sink = stderr_sink(); ///< Takes the lines of the log; set in code only.
    std::string trace_file;
    trace_payloads trace = trace_payloads::digests;

    /// What the environment says; empty variables are ignored. The token is removed from the environment and
    /// wiped there. Not safe beside threads that use the environment.
    [[nodiscard]] static config from_environment();

    /// Every fault at once; empty when it can be used. Reads the token file.
    [[nodiscard]] std::vector<config_fault> faults() const;
};

} // namespace distworker
