// The real programs on a stage: a controller and workers as processes, in a private folder, over loopback.
//
// Waiting is always for a condition, with a deadline that only a broken program reaches.
#pragma once

#include "child_process.hpp"
#include "support/temporary.hpp"

#include <httplib.h>
#include <nlohmann/json.hpp>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace distworker::testing {

using namespace std::chrono_literals;
using nlohmann::json;
namespace fs = std::filesystem;

inline constexpr auto patience = 60s;

/// Waits until `condition` holds; throws, naming it, when it never does.
inline void await(const std::string& what, const std::function<bool()>& condition,
                  std::chrono::seconds limit = patience) {
    const auto deadline = std::chrono::steady_clock::now() + limit;
    while (!condition()) {
        if (std::chrono::steady_clock::now() > deadline) {
            throw std::runtime_error{"waited in vain for: " + what};
        }
        std::this_thread::sleep_for(10ms);
    }
}

inline std::string read_file(const fs::path& file) {
    std::ifstream in{file};
    std::ostringstream out;
    out << in.rdbuf();
    return out.str();
}

inline fs::path write_private(const fs::path& file, const std::string& content) {
    std::ofstream{file} << content;
    fs::permissions(file, fs::perms::owner_read | fs::perms::owner_write);
    return file;
}

inline constexpr const char* demo_token = "canary-token-0123456789";
inline constexpr const char* demo_queues =
    "math.add,math.multiply,text.transform,data.aggregate,demo.sleep,demo.echo,demo.fail,nobody.home";

/// The embedded controller as a process.
class controller_process {
public:
    explicit controller_process(const temporary_folder& where, std::vector<std::string> more = {},
                                std::string worker_port = "0")
        : log_{where / "controller.log"} {
        const auto token = write_private(where / "controller-token", demo_token);
        std::vector<std::string> arguments{CONTROLLER_PROGRAM,
                                           "--api-port",
                                           "0",
                                           "--worker-port",
                                           std::move(worker_port),
                                           "--provisioner",
                                           "demo:@" + token.string() + ":" + demo_queues};
        arguments.insert(arguments.end(), more.begin(), more.end());
        auto started =
            demo::child_process::start({.arguments = arguments, .environment = {}, .log_file = log_});
        if (!started) {
            throw std::runtime_error{started.error()};
        }
        process_ = std::move(*started);
        api_url_ = line("api");
        worker_url_ = line("worker");
    }

    [[nodiscard]] const std::string& api_url() const { return api_url_; }
    [[nodiscard]] const std::string& worker_url() const { return worker_url_; }
    [[nodiscard]] std::uint16_t worker_port() const {
        return static_cast<std::uint16_t>(std::stoi(worker_url_.substr(worker_url_.rfind(':') + 1)));
    }
    [[nodiscard]] std::string log() const { return read_file(log_); }
    int stop() { return process_->stop(10s); }
    /// No warning, no clean-up: as when it crashes.
    void kill() { process_->stop(0ms); }

    [[nodiscard]] json get(const std::string& path) const {
        httplib::Client client{api_url_};
        const auto answer = client.Get(path);
        if (!answer) {
            throw std::runtime_error{"GET " + path + ": " + httplib::to_string(answer.error())};
        }
        return json::parse(answer->body);
    }
    [[nodiscard]] json post(const json& task, const std::string& query = "") const {
        httplib::Client client{api_url_};
        client.set_read_timeout(patience);
        client.set_write_timeout(patience);
        const auto answer = client.Post("/api/v1/tasks" + query, task.dump(), "application/json");
        if (!answer) {
            throw std::runtime_error{"POST: " + httplib::to_string(answer.error())};
        }
        return json::parse(answer->body);
    }
    /// Runs a task to its end.
    [[nodiscard]] json run(const std::string& queue, const json& input,
                           const json& more = json::object()) const {
        json task{{"queue", queue}, {"input", input}};
        task.update(more);
        return post(task, "?wait=60000");
    }
    [[nodiscard]] json task(const json& submitted) const {
        return get("/api/v1/tasks/" + submitted.at("task_id").get<std::string>());
    }
    [[nodiscard]] std::size_t workers() const { return get("/api/v1/workers").at("workers").size(); }
    void await_workers(std::size_t count) const {
        await(std::to_string(count) + " workers", [&] { return workers() == count; });
    }
    void await_end(const json& submitted) const {
        await("its end", [&] { return task(submitted).at("status") == "finished"; });
    }
    /// Until the worker has begun: what the controller calls processing may still be on its way there.
    void await_progress(const json& submitted) const {
        await("progress", [&] { return task(submitted).contains("progress"); });
    }

private:
    std::string line(const std::string& name) {
        const auto line = process_->read_line(patience);
        if (!line || !line->starts_with(name + " ")) {
            throw std::runtime_error{"the controller did not start: " + log()};
        }
        return line->substr(name.size() + 1);
    }

    fs::path log_;
    std::optional<demo::child_process> process_;
    std::string api_url_;
    std::string worker_url_;
};

struct worker_options {
    std::string url;
    std::vector<std::string> arguments{};
    std::string token = demo_token;
    std::string worker_id{};
    std::string provisioner = "demo";
    std::string program{}; ///< Empty: `basic_worker`.
};

/// Which one is tested: of this build, unless the environment names another build's.
inline std::string worker_program() {
    const char* const other = std::getenv("DISTWORKER_WORKER_PROGRAM");
    return other != nullptr && *other != '\0' ? other : WORKER_PROGRAM;
}

/// `basic_worker`, or another worker, as a process.
class worker_process {
public:
    worker_process(const temporary_folder& where, const worker_options& options)
        : log_{where / "worker.log"} {
        const auto token = write_private(where / "worker-token", options.token);
        std::vector<std::string> arguments{options.program.empty() ? worker_program() : options.program};
        arguments.insert(arguments.end(), options.arguments.begin(), options.arguments.end());
        auto started =
            demo::child_process::start({.arguments = arguments,
                                        .environment = {{"DISTWORKER_CONTROLLER_URL", options.url},
                                                        {"DISTWORKER_PROVISIONER", options.provisioner},
                                                        {"DISTWORKER_WORKER_ID", options.worker_id},
                                                        {"DISTWORKER_WORKER_TOKEN", ""},
                                                        {"DISTWORKER_WORKER_TOKEN_FILE", token}},
                                        .log_file = log_});
        if (!started) {
            throw std::runtime_error{started.error()};
        }
        process_ = std::move(*started);
    }

    [[nodiscard]] std::string log() const { return read_file(log_); }
    void await_log(const std::string& text) const {
        await("'" + text + "' in the worker's log", [&] { return log().find(text) != std::string::npos; });
    }
    /// SIGTERM, then its exit code.
    int stop(std::chrono::milliseconds limit = patience) { return process_->stop(limit); }
    /// Its exit code, when it ends by itself.
    int await_end() {
        await("the worker's end", [&] { return !process_->running(); });
        return process_->stop(0ms);
    }
    [[nodiscard]] bool running() { return process_->running(); }
    void signal(int number) const { ::kill(process_->id(), number); }
    /// Of its standard output.
    std::optional<std::string> read_line() { return process_->read_line(patience); }
    /// What the system shows of it: "/proc/123".
    [[nodiscard]] fs::path shown() const { return fs::path{"/proc"} / std::to_string(process_->id()); }

private:
    fs::path log_;
    std::optional<demo::child_process> process_;
};

} // namespace distworker::testing
