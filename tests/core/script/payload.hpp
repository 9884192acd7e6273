// What a script's inputs carry: assignments, results, ends of connections, made of the words of the input.
#pragma once

#include "script.hpp"

#include <distworker/assigned_task.hpp>
#include <distworker/connection_end.hpp>
#include <distworker/outcome.hpp>

#include <cstddef>
#include <vector>

namespace distworker::testing {

/// A whole TASK_ASSIGN.
[[nodiscard]] std::vector<std::byte> assignment_of(const script_input& input);
[[nodiscard]] outcome outcome_of(const assigned_task& task, const script_input& input);
[[nodiscard]] stream_item item_of(const assigned_task& task, const script_input& input);
[[nodiscard]] link_end end_of(const script_input& input);

} // namespace distworker::testing
