#include "api_client.hpp"

#include <httplib.h>

#include <stdexcept>

namespace demo {

using nlohmann::json;

std::size_t api_client::workers() const {
    httplib::Client client{base_url_};
    const auto answer = client.Get("/api/v1/workers");
    return answer && answer->status == 200 ? json::parse(answer->body).at("workers").size() : 0;
}

std::string api_client::submit(const std::string& queue, const json& input) const {
    httplib::Client client{base_url_};
    const json task{{"queue", queue}, {"input", input}};
    const auto answer = client.Post("/api/v1/tasks", task.dump(), "application/json");
    if (!answer) {
        throw std::runtime_error{"the controller does not answer: " + httplib::to_string(answer.error())};
    }
    const json body = json::parse(answer->body);
    if (answer->status != 200) {
        throw std::runtime_error{"the controller refuses the task: " + body.value("error", answer->body)};
    }
    return body.at("task_id");
}

void api_client::follow(const std::string& task_id,
                        const std::function<void(const std::string& name, const json& data)>& event) const {
    httplib::Client client{base_url_};
    client.set_read_timeout(std::chrono::minutes{1});
    std::string pending;
    bool ended = false;
    const auto answer =
        client.Get("/api/v1/tasks/" + task_id + "/events", [&](const char* piece, std::size_t size) {
            pending.append(piece, size);
            for (auto end = pending.find("\n\n"); end != std::string::npos; end = pending.find("\n\n")) {
                const std::string block = pending.substr(0, end);
                pending.erase(0, end + 2);
                const auto name_end = block.find('\n');
                const std::string name =
                    block.substr(std::string{"event: "}.size(), name_end - std::string{"event: "}.size());
                const std::string data = block.substr(name_end + 1 + std::string{"data: "}.size());
                event(name, json::parse(data));
                ended = ended || name == "end";
            }
            return !ended;
        });
    if (!ended) {
        throw std::runtime_error{"the task's events broke off"};
    }
}

} // namespace demo
