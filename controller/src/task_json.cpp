#include "task_json.hpp"

#include <distworker/json.hpp>

#include <chrono>
#include <cmath>
#include <optional>

namespace distworker::controller {

using nlohmann::json;

namespace {

json unix_seconds(const std::optional<wall_time>& time) {
    if (!time) {
        return nullptr;
    }
    return std::chrono::floor<std::chrono::seconds>(*time).time_since_epoch().count();
}

// The wire has single precision: seven digits of it mean something.
double decimal(float number) {
    return std::round(static_cast<double>(number) * 1e6) / 1e6;
}

json file_json(const task_file& file) {
    return {{"file_id", file.file_id},
            {"filename", file.filename},
            {"content_type", file.content_type},
            {"size", file.size},
            {"storage_url", file.storage_url}};
}

const char* health_name(worker_health health) {
    switch (health) {
    case worker_health::up:
        return "up";
    case worker_health::down:
        return "down";
    case worker_health::warn:
        return "warn";
    case worker_health::unspecified:
        break;
    }
    return "unknown";
}

} // namespace

json progress_json(const task_record& task) {
    if (!task.progress) {
        return nullptr;
    }
    return {{"fraction", decimal(task.progress->fraction)},
            {"message", task.progress->message},
            {"updated_at", unix_seconds(task.progress->updated_at)}};
}

json task_json(const task_record& task) {
    json out = {{"task_id", task.id},
                {"status", to_string(task.status)},
                {"queue", task.queue},
                {"metadata", to_json(task.metadata.view())},
                {"input", to_json(task.input.view())},
                {"worker_id", task.worker_id},
                {"timeout", task.timeout_ms},
                {"created_at", unix_seconds(task.created_at)},
                {"started_at", unix_seconds(task.started_at)},
                {"completed_at", unix_seconds(task.completed_at)},
                {"max_retry", task.max_retry},
                {"retried", task.retried},
                {"webhook_url", ""}};
    if (task.status == task_status::processing && task.progress) {
        out["progress"] = progress_json(task);
    }
    if (task.result) {
        out["result"] = to_json(task.result->view());
    }
    if (!task.result_files.empty()) {
        json& files = out["result_files"] = json::array();
        for (const task_file& file : task.result_files) {
            files.push_back(file_json(file));
        }
    }
    if (task.error) {
        json& error = out["error"] = {{"code", task.error->code}, {"message", task.error->message}};
        if (!task.error->details.view().empty()) {
            error["details"] = to_json(task.error->details.view());
        }
    }
    return out;
}

json queue_json(const queue_info& queue) {
    return {{"name", queue.name},
            {"pending", queue.pending},
            {"processing", queue.processing},
            {"finished", queue.finished},
            {"workers", queue.workers}};
}

json worker_json(const worker_info& worker) {
    return {{"worker_id", worker.worker_id},
            {"provisioner", worker.provisioner},
            {"queues", worker.queues},
            {"hostname", worker.hostname},
            {"cpu_cores", worker.cpu_cores},
            {"memory_mb", worker.memory_mb},
            {"connected_at", unix_seconds(worker.connected_at)},
            {"heartbeat_at", unix_seconds(worker.heartbeat_at)},
            {"health", health_name(worker.health)},
            {"cpu_percent", decimal(worker.usage.cpu_percent)},
            {"memory_used_mb", worker.usage.memory_used_mb},
            {"gpu_utilization", decimal(worker.usage.gpu_utilization)},
            {"state", to_string(worker.state)},
            {"task_id", worker.task_id.empty() ? json(nullptr) : json(worker.task_id)}};
}

std::string dump(const json& what) {
    return what.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

} // namespace distworker::controller
