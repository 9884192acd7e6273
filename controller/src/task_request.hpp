// What `POST /api/v1/tasks` is sent: JSON to a `task_spec`, or the field that is wrong.
#pragma once

#include <distworker/controller_task.hpp>

#include <expected>
#include <string_view>

namespace distworker::controller {

[[nodiscard]] std::expected<task_spec, request_fault> parse_task(std::string_view body);

} // namespace distworker::controller
