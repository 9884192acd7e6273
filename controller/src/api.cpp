#include "api.hpp"

#include "api_target.hpp"
#include "task_json.hpp"
#include "task_request.hpp"

#include <distworker/json.hpp>
#include <distworker/utf8.hpp>

namespace distworker::controller {

using nlohmann::json;

namespace {

constexpr std::string_view tasks_path = "/api/v1/tasks";
constexpr std::int64_t default_page_size = 20;
constexpr std::int64_t largest_page = 1000;

api_answer json_answer(const json& body) {
    return {.status = 200, .body = dump(body), .allow = {}};
}

api_answer wrong_method(std::string_view method, std::string_view allowed) {
    api_answer answer =
        api_error(405, escape_for_log(method) + " is not offered here; allowed: " + std::string{allowed});
    answer.allow = allowed;
    return answer;
}

std::string_view parameter(const api_target& target, std::string_view name) {
    const auto found = target.query.find(name);
    return found == target.query.end() ? std::string_view{} : std::string_view{found->second};
}

api_outcome create_task(const api_request& request, const api_target& target, broker& broker) {
    if (request.content_type.starts_with("multipart/")) {
        return api_error(415, "multipart: files are not offered by the embedded controller; send JSON");
    }
    std::int64_t wait = 0;
    if (const std::string_view text = parameter(target, "wait"); !text.empty()) {
        const auto number = parse_integer(text, -1, INT64_MAX);
        if (!number) {
            return api_error(400, "wait: must be whole milliseconds, or -1 to wait until the end");
        }
        wait = *number;
    }
    const auto spec = parse_task(request.body);
    if (!spec) {
        return api_error(400, spec.error().to_string());
    }
    const auto task = broker.submit(*spec);
    if (!task) {
        return api_error(400, task.error().to_string());
    }
    if (wait == 0) {
        return wait_for_task{*task, wait_for::stored, std::nullopt};
    }
    return wait_for_task{*task, wait_for::end,
                         wait < 0 ? std::nullopt : std::optional{std::chrono::milliseconds{wait}}};
}

api_answer list_tasks(const api_target& target, broker& broker) {
    std::int64_t page = 1;
    std::int64_t limit = default_page_size;
    for (const auto& [name, number, most] :
         {std::tuple{"page", &page, std::int64_t{INT32_MAX}}, std::tuple{"limit", &limit, largest_page}}) {
        const std::string_view text = parameter(target, name);
        if (!text.empty()) {
            const auto parsed = parse_integer(text, 1, most);
            if (!parsed) {
                return api_error(400, std::string{name} + ": must be a whole number from 1 to " +
                                          std::to_string(most));
            }
            *number = *parsed;
        }
    }
    const task_page found = broker.engine().tasks(
        parameter(target, "queue"), static_cast<std::size_t>(page - 1), static_cast<std::size_t>(limit));
    json tasks = json::array();
    for (const auto& task : found.tasks) {
        tasks.push_back(task_json(*task));
    }
    const auto size = static_cast<std::size_t>(limit);
    return json_answer({{"tasks", std::move(tasks)},
                        {"pagination",
                         {{"page", page},
                          {"limit", limit},
                          {"total", found.total},
                          {"total_pages", (found.total + size - 1) / size}}}});
}

api_answer no_such_task(std::string_view id) {
    return api_error(404, "task_id: there is no task '" + escape_for_log(id) + "' (any more)");
}

api_outcome cancel_task(std::string_view id, broker& broker) {
    const auto task = broker.cancel(id);
    if (task) {
        return wait_for_task{*task, wait_for::stored, std::nullopt};
    }
    return task.error() == cancel_error::unknown_task
               ? no_such_task(id)
               : api_error(409, "task_id: the task has finished already and cannot be cancelled");
}

// /api/v1/tasks/{id} and /api/v1/tasks/{id}/events
api_outcome one_task(const api_request& request, std::string_view rest, broker& broker) {
    const std::string_view id = rest.substr(0, rest.find('/'));
    const std::string_view below = rest.substr(id.size());
    if (!below.empty() && below != "/events") {
        return api_error(404, "there is nothing at this path");
    }
    const bool events = !below.empty();
    if (request.method == "DELETE" && !events) {
        return cancel_task(id, broker);
    }
    if (request.method != "GET") {
        return wrong_method(request.method, events ? "GET" : "GET, DELETE");
    }
    auto task = broker.engine().find(id);
    if (task == nullptr) {
        return no_such_task(id);
    }
    return events ? api_outcome{stream_task{std::move(task)}} : api_outcome{task_answer(*task)};
}

api_answer list_queues(broker& broker) {
    json queues = json::array();
    for (const queue_info& queue : broker.engine().queues()) {
        queues.push_back(queue_json(queue));
    }
    return json_answer({{"queues", std::move(queues)}});
}

api_answer list_workers(broker& broker) {
    json workers = json::array();
    for (const worker_info& worker : broker.engine().workers()) {
        workers.push_back(worker_json(worker));
    }
    return json_answer({{"workers", std::move(workers)}});
}

api_answer health(broker& broker) {
    std::size_t pending = 0;
    std::size_t processing = 0;
    std::size_t finished = 0;
    for (const queue_info& queue : broker.engine().queues()) {
        pending += queue.pending;
        processing += queue.processing;
        finished += queue.finished;
    }
    json notes = json::object();
    const controller_counters counters = broker.engine().counters();
    for (std::size_t i = 0; i < note_kinds; ++i) {
        const auto kind = static_cast<note_kind>(i);
        notes[to_string(kind)] = counters[kind];
    }
    return json_answer({{"status", "ok"},
                        {"version", DISTWORKER_VERSION},
                        {"workers", broker.engine().workers().size()},
                        {"tasks", {{"pending", pending}, {"processing", processing}, {"finished", finished}}},
                        {"counters", std::move(notes)}});
}

std::string server_sent(std::string_view name, const json& data) {
    return "event: " + std::string{name} + "\ndata: " + dump(data) + "\n\n";
}

} // namespace

api_answer api_error(unsigned status, std::string_view problem) {
    return {.status = status, .body = dump({{"error", problem}}), .allow = {}};
}

api_answer task_answer(const task_record& task) {
    return json_answer(task_json(task));
}

api_outcome handle(const api_request& request, broker& broker) {
    const auto target = parse_target(request.target);
    if (!target) {
        return api_error(400, target.error());
    }
    const std::string_view path = target->path;
    if (path == tasks_path) {
        if (request.method == "POST") {
            return create_task(request, *target, broker);
        }
        return request.method == "GET" ? list_tasks(*target, broker)
                                       : wrong_method(request.method, "GET, POST");
    }
    if (path.starts_with(tasks_path) && path.size() > tasks_path.size() + 1 &&
        path[tasks_path.size()] == '/') {
        return one_task(request, path.substr(tasks_path.size() + 1), broker);
    }
    for (const auto& [known, answer] :
         {std::pair{"/api/v1/queues", &list_queues}, std::pair{"/api/v1/workers", &list_workers},
          std::pair{"/health", &health}}) {
        if (path == known) {
            return request.method == "GET" ? answer(broker) : wrong_method(request.method, "GET");
        }
    }
    return api_error(404, "there is nothing at this path");
}

std::string state_event(const task_record& task) {
    json state = progress_json(task);
    if (state.is_null()) {
        state = {{"fraction", 0}, {"message", ""}, {"updated_at", nullptr}};
    }
    state["status"] = to_string(task.status);
    return server_sent("progress", state);
}

std::string stream_event(const task_event& event) {
    switch (event.what) {
    case task_event::kind::progress:
        return state_event(*event.task);
    case task_event::kind::data:
        return server_sent("data", to_json(event.data.view()));
    case task_event::kind::ended:
        return server_sent("end", task_json(*event.task));
    case task_event::kind::assigned:
    case task_event::kind::requeued:
        break;
    }
    return {};
}

} // namespace distworker::controller
