// What the API shows of tasks, queues and workers, as JSON (protocol, section 6).
#pragma once

#include <distworker/controller_engine.hpp>

#include <nlohmann/json.hpp>

namespace distworker::controller {

[[nodiscard]] nlohmann::json task_json(const task_record& task);
/// `{fraction, message, updated_at}`, or null before the first.
[[nodiscard]] nlohmann::json progress_json(const task_record& task);
[[nodiscard]] nlohmann::json queue_json(const queue_info& queue);
[[nodiscard]] nlohmann::json worker_json(const worker_info& worker);

/// One line of text, always valid UTF-8.
[[nodiscard]] std::string dump(const nlohmann::json& what);

} // namespace distworker::controller
