// A controller that a test plays line by line, and a worker in the same process that it is played to.
//
// The worker runs on threads of its own; everything here blocks, and gives up after a minute.
#pragma once

#include "support/ws_peer.hpp"

#include <distworker/frame.hpp>
#include <distworker/worker.hpp>

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace distworker::testing {

/// A task as the controller hands it out.
struct given_task {
    std::string queue = "q";
    value input = value::empty_object();
    std::string id = "task-1";
    value metadata = value::empty_object();
    std::int64_t timeout_ms = 0;
    std::vector<file_view> files{};
};

/// What the worker made of it, and what it told on the way.
struct task_answer {
    std::string id;
    bool completed = false;
    value result{};
    std::string code{};
    std::string message{};
    value details{};
    std::vector<std::pair<float, std::string>> progress{};
    std::vector<value> items{};
};

/// One registered worker, as the controller sees it.
class controller_session {
public:
    explicit controller_session(ws_peer& peer) : peer_{peer} {}

    /// Upgrades and takes the registration, which is then in `registration`.
    void await_registration();
    void respond(std::int32_t idle_time = 0);
    void assign(const given_task& task);
    /// The next outcome. Throws when the connection ends before it.
    task_answer next_answer();
    task_answer run(const given_task& task) {
        assign(task);
        return next_answer();
    }
    /// The next progress update without data.
    std::pair<float, std::string> next_progress();
    /// Answers pings and ignores all else until the worker has gone.
    void await_end();
    [[nodiscard]] ws_peer& peer() const noexcept { return peer_; }

    std::vector<std::byte> registration; ///< The signed part.
    std::vector<std::byte> signature;

private:
    /// The next frame; nothing at the end. It lives until the next call.
    std::optional<frame_view> read();

    ws_peer& peer_;
    std::string message_;
};

/// The lines that a worker logs.
class log_book {
public:
    [[nodiscard]] log_sink sink() const;
    [[nodiscard]] std::vector<std::string> lines() const;
    /// All of it, a line each.
    [[nodiscard]] std::string text() const;
    /// Waits until a line holds `part`.
    void await(const std::string& part) const;

private:
    struct shared {
        std::mutex mutex;
        std::condition_variable changed;
        std::vector<std::string> lines;
    };
    std::shared_ptr<shared> shared_ = std::make_shared<shared>();
};

inline constexpr const char* canary_token = "canary-5f0e1d2c3b4a";

/// The controller's port, and a worker that is set up to use it.
class stage {
public:
    /// Changes the worker's configuration before it is made.
    using settings_change = std::function<void(config&)>;

    explicit stage(const settings_change& change = {});
    stage(const stage&) = delete;
    stage& operator=(const stage&) = delete;
    ~stage();

    [[nodiscard]] worker& it() noexcept { return *worker_; }
    [[nodiscard]] ws_server& server() noexcept { return server_; }
    [[nodiscard]] const log_book& log() const noexcept { return log_; }
    [[nodiscard]] config settings(const settings_change& change = {}) const;

    /// Starts the worker on a thread of its own, and takes its registration.
    controller_session& start();
    /// The next connection of the worker, registered.
    controller_session& next_session();
    [[nodiscard]] controller_session& session() { return *sessions_.back(); }
    task_answer run(const given_task& task) { return session().run(task); }
    /// Ends the worker in order, over its newest connection.
    worker_end stop();
    /// Waits for the worker's end, which was brought about otherwise.
    worker_end end();

private:
    ws_server server_;
    log_book log_;
    std::vector<std::unique_ptr<controller_session>> sessions_;
    std::unique_ptr<worker> worker_;
    bool running_ = false;
};

/// One task, handled once: what a handler makes of it.
template <typename Handler>
task_answer answer_of(Handler handler, const given_task& task = {}, run_on where = run_on::pool) {
    stage on;
    on.it().on("#", std::move(handler), where);
    on.start();
    auto answer = on.run(task);
    on.stop();
    return answer;
}

} // namespace distworker::testing
