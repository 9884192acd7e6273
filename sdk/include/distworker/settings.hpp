// Everything that a worker can be set up with, each thing described once: for the check, the environment,
// `--help` and docs/configuration.md alike.
//
// A program that has flags makes one of each setting (examples/basic_worker does). The protocol's settings
// come from `worker_config_fields()`, the SDK's own are added here.
#pragma once

#include <distworker/config.hpp>

#include <expected>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace distworker {

/// One setting: a member of `config`.
struct setting {
    std::string_view name;        ///< The member's: "heartbeat_interval".
    std::string_view group;       ///< What it belongs to, as a heading.
    std::string_view meaning;     ///< One sentence or two.
    std::string default_text;     ///< "30 s"; empty for what is empty by default.
    std::string range_text;       ///< "1 s to 1 h".
    std::string_view environment; ///< The variable that `config::from_environment` reads; empty: none.
    /// Sets it from text, as `default_text` is written; a fault leaves it as it was. Empty where that cannot
    /// be: an object, which code sets; the token, which belongs where nobody else can read it.
    std::function<std::expected<void, config_fault>(config&, std::string_view)> set;
    /// What is wrong with its value, for a setting of the SDK's own; the protocol's are checked by
    /// `validate`.
    std::function<std::optional<config_fault>(const config&)> check;
};

/// All of them, group by group. The table lives as long as the program.
[[nodiscard]] std::span<const setting> settings();

} // namespace distworker
