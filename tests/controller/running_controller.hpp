// A controller in a thread of its own, and what tests do with it over real HTTP.
#pragma once

#include "core/controller_harness.hpp"
#include "raw_worker.hpp"

#include <distworker/controller_server.hpp>

#include <httplib.h>
#include <nlohmann/json.hpp>

#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

namespace distworker::testing {

class running_controller {
public:
    explicit running_controller(controller_options options = {}) {
        options.api_port = 0;
        options.worker_port = 0;
        options.provisioners.push_back({"p", secret{std::string_view{"token"}}, {"a", "b"}});
        auto started = controller_server::start(std::move(options));
        if (!started) {
            throw std::runtime_error{started.error().faults.empty() ? started.error().port
                                                                    : started.error().faults[0].to_string()};
        }
        server_ = *std::move(started);
        thread_ = std::jthread{[this] { server_->run(); }};
    }
    running_controller(const running_controller&) = delete;
    running_controller& operator=(const running_controller&) = delete;
    ~running_controller() { server_->stop(); }

    [[nodiscard]] const std::string& api_url() const { return server_->api_url(); }
    [[nodiscard]] const std::string& worker_url() const { return server_->worker_url(); }
    [[nodiscard]] httplib::Client client() const {
        httplib::Client out{api_url()};
        out.set_read_timeout(30);
        return out;
    }

private:
    std::unique_ptr<controller_server> server_;
    std::jthread thread_;
};

inline wall_time wall_now() {
    return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

/// A connected, registered worker.
inline std::unique_ptr<raw_worker> joined(const running_controller& controller,
                                          const registration& who = {}) {
    auto worker = std::make_unique<raw_worker>(controller.worker_url());
    worker->upgrade();
    worker->send(raw_worker::opcode::binary, register_frame(who, wall_now()));
    const auto answer = worker->receive_data();
    if (!answer) {
        throw std::runtime_error{"refused"};
    }
    return worker;
}

/// The next assignment that a worker gets.
inline assignment next_assignment(raw_worker& worker) {
    const auto received = worker.receive_data();
    const auto frame = read_frame(received.value().payload);
    const auto& task = std::get<task_assign_view>(frame.value());
    return {std::string{task.task_id}, std::string{task.queue}, value{task.input}, task.timeout_ms};
}

inline nlohmann::json parsed(const httplib::Result& answer) {
    if (!answer) {
        throw std::runtime_error{"no answer: " + httplib::to_string(answer.error())};
    }
    return nlohmann::json::parse(answer->body);
}

inline nlohmann::json submit(httplib::Client& client, const nlohmann::json& task,
                             const std::string& query = "") {
    return parsed(client.Post("/api/v1/tasks" + query, task.dump(), "application/json"));
}

} // namespace distworker::testing
