// What the program prints, and what it keeps of a long campaign. Internal.
#pragma once

#include <distworker/sim/campaign.hpp>
#include <distworker/sim/minimise.hpp>
#include <distworker/sim/simulation.hpp>

#include <nlohmann/json_fwd.hpp>

#include <map>
#include <string>
#include <vector>

namespace distworker::sim {

/// Sums by mode.
using sums = std::map<mode, campaign>;

/// The command that plays this run again.
[[nodiscard]] std::string command_for(const run_options& options);

/// A failed run in words.
[[nodiscard]] std::string describe(const small_failure& failure);
[[nodiscard]] nlohmann::json to_json(const small_failure& failure);

[[nodiscard]] std::string describe(const sums& all);
[[nodiscard]] nlohmann::json to_json(const sums& all);
/// What `to_json` made. Throws nlohmann::json::exception when it is something else.
[[nodiscard]] sums sums_from(const nlohmann::json& json);

} // namespace distworker::sim
