// The HTTP API without HTTP's wire: a request goes in, an answer or something to wait for comes out
// (protocol, section 6).
#pragma once

#include "broker.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace distworker::controller {

struct api_request {
    std::string_view method; ///< "GET"
    std::string_view target; ///< "/api/v1/tasks?page=2"
    std::string_view content_type;
    std::string_view body;
};

struct api_answer {
    unsigned status = 200;
    std::string body;  ///< JSON.
    std::string allow; ///< With 405: the methods that are allowed.
};

/// Answer with the task when `what` is there, or after `limit` as it is then.
struct wait_for_task {
    std::shared_ptr<const task_record> task;
    wait_for what = wait_for::stored;
    std::optional<std::chrono::milliseconds> limit;
};

/// Answer with the task's events until it has ended.
struct stream_task {
    std::shared_ptr<const task_record> task;
};

using api_outcome = std::variant<api_answer, wait_for_task, stream_task>;

[[nodiscard]] api_outcome handle(const api_request& request, broker& broker);

/// `{"error": problem}`.
[[nodiscard]] api_answer api_error(unsigned status, std::string_view problem);
/// 200, with the task.
[[nodiscard]] api_answer task_answer(const task_record& task);

/// One server-sent event as text: the first, which shows the current state ...
[[nodiscard]] std::string state_event(const task_record& task);
/// ... and one for each event of the broker that concerns a client; empty for the others.
[[nodiscard]] std::string stream_event(const task_event& event);

} // namespace distworker::controller
