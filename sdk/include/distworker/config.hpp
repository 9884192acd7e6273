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

/// Movable, not copyable: it may hold the token. Which environment variables there are, and all of this as
/// data: `settings()` (settings.hpp), and docs/configuration.md, which is made from it.
struct config : worker_config, tls_options {
    /// The token of the provisioner, or of the session that it made. This or `token_file` is needed; this
    /// one counts when both are given.
    secret token;
    /// The file to read the token from, anew at each registration, so that it can be rotated; one newline
    /// at its end is not part of it.
    std::string token_file;
    /// An HTTP proxy to go through, http://host:port; empty: none.
    std::string proxy;
    /// A file with user:password for the proxy, read when the worker starts; empty: it asks for none.
    std::string proxy_credentials_file;
    /// Threads that handlers run on, at most 10,000; 0: as many as slots.
    std::uint64_t handler_threads = 0;
    /// What is logged: this and what is graver.
    log_level level = log_level::info;
    log_sink sink = stderr_sink(); ///< Takes the lines of the log; set in code only.
    /// File to record the worker's life in, for its owner alone; empty: none. It grows with every
    /// message.
    std::string trace_file;
    /// What it holds of payloads; only a whole one can be played again.
    trace_payloads trace = trace_payloads::digests;

    /// What the environment says; empty variables are ignored. The token is removed from the environment and
    /// wiped there. Not safe beside threads that use the environment.
    [[nodiscard]] static config from_environment();

    /// Every fault at once; empty when it can be used. Reads the token file.
    [[nodiscard]] std::vector<config_fault> faults() const;
};

} // namespace distworker
