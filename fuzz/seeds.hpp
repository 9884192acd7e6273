// What each target's corpus begins with: made from the protocol's vectors, the simulator and lives written
// down here.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace distworker::fuzz {

/// Inputs of one target, the same every time. May read the vectors' folder; throws when it cannot.
using seed_source = std::vector<std::string> (*)();

/// By target.
[[nodiscard]] const std::map<std::string_view, seed_source>& seeds();

} // namespace distworker::fuzz
