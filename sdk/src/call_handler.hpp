// Calls a handler and turns whatever comes back into an outcome.
#pragma once

#include <distworker/outcome.hpp>
#include <distworker/task.hpp>

#include <functional>

namespace distworker::detail {

using erased_handler = std::function<outcome(task&)>;

/// What the handler returned; a TASK_FAILED for what it threw. A thread that is being cancelled goes on
/// ending.
[[nodiscard]] outcome call_handler(const erased_handler& handler, task& task);

/// A TASK_FAILED with a code and a message.
[[nodiscard]] outcome fail(const assigned_task& task, std::string_view code, std::string_view message);

} // namespace distworker::detail
