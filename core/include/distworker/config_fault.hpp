// One thing that is wrong with a configuration: where, what, and what to do about it.
#pragma once

#include <string>

namespace distworker {

/// Found before anything runs. Never holds the value of a secret, nor of a field that might hide one.
struct config_fault {
    std::string field;   ///< As in `worker_config`: "heartbeat_interval".
    std::string problem; ///< "is 0 ms, below the smallest allowed value 1 s"
    std::string remedy;  ///< "set it between 1 s and 1 h"

    /// "heartbeat_interval: is 0 ms, ... (set it between 1 s and 1 h)"
    [[nodiscard]] std::string to_string() const { return field + ": " + problem + " (" + remedy + ")"; }
    [[nodiscard]] friend bool operator==(const config_fault&, const config_fault&) = default;
};

} // namespace distworker
