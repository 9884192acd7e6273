// How a worker is set up: the protocol's settings (`worker_config`) and the SDK's own.
//
// Fill it in, or take it `from_environment()` and change what you like. `worker` checks it and reports every
// fault at once.
#pragma once

#include <distworker/config_fault.hpp>
#include <distworker/logging.hpp>
#include <distworker/secret.hpp>
#include <distworker/trace.hpp>
#include <distworker/worker_config.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace distworker {

/// Movable, not copyable: it may hold the token.
struct config : worker_config {
    /// The token itself, or else the file to read it from: anew at each registration, so that it can be
    /// rotated; one newline at its end is not part of it. One of the two is needed.
    secret token;
    std::string token_file;
    /// PEM file of the authorities to trust for `wss`; empty: the system's.
    std::string ca_file;
    /// Threads that handlers run on; 0: as many as slots.
    std::uint64_t handler_threads = 0;
    /// File to record the worker's life in (trace.hpp), for its owner alone; empty: none. It grows with every
    /// message: turn it on to find something out.
    std::string trace_file;
    trace_payloads trace = trace_payloads::digests;
    log_level level = log_level::info;
    log_sink sink = stderr_sink();

    /// What the environment says: DISTWORKER_CONTROLLER_URL, DISTWORKER_PROVISIONER, DISTWORKER_WORKER_ID,
    /// and DISTWORKER_WORKER_TOKEN (removed from the environment and wiped there) or
    /// DISTWORKER_WORKER_TOKEN_FILE; DISTWORKER_TRACE_FILE and DISTWORKER_TRACE_PAYLOADS ("whole", or else
    /// digests). Empty ones are ignored. Not safe beside threads that use the environment.
    [[nodiscard]] static config from_environment();

    /// Every fault at once; empty when it can be used. Reads the token file.
    [[nodiscard]] std::vector<config_fault> faults() const;
};

/// One environment variable that `from_environment` reads, for `--help` and documentation.
struct environment_variable {
    const char* name;
    const char* field;
    const char* meaning;
};
[[nodiscard]] std::span<const environment_variable> environment_variables() noexcept;

} // namespace distworker
