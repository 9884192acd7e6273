// The controller's HTTP API as far as the demo needs it.
#pragma once

#include <nlohmann/json.hpp>

#include <functional>
#include <string>

namespace demo {

class api_client {
public:
    explicit api_client(std::string base_url) : base_url_{std::move(base_url)} {}

    /// How many workers are connected; 0 also when the controller does not answer.
    [[nodiscard]] std::size_t workers() const;
    /// Submits a task and gives its id. Throws std::runtime_error with the controller's words.
    [[nodiscard]] std::string submit(const std::string& queue, const nlohmann::json& input) const;
    /// Follows a task's events until its end: calls `event(name, data)` for each, on this thread. Throws
    /// std::runtime_error when the stream breaks off.
    void follow(const std::string& task_id,
                const std::function<void(const std::string& name, const nlohmann::json& data)>& event) const;

private:
    std::string base_url_;
};

} // namespace demo
