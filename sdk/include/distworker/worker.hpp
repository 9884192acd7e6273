// The worker: handlers bound to queues, run until told to stop.
//
//     int main() {
//         distworker::worker worker{distworker::config::from_environment()};
//         worker.on("math.add", [](distworker::task& task) -> distworker::value {
//             return {{"result", task.input("a", 0.0) + task.input("b", 0.0)}};
//         });
//         return worker.run();
//     }
//
// It connects, registers, reconnects, sends heartbeats, runs tasks, and drains when it is told to end. To put
// it into an event loop of yours use `attach`.
#pragma once

#include <distworker/config.hpp>
#include <distworker/engine_output.hpp>
#include <distworker/exit_code.hpp>
#include <distworker/loop.hpp>
#include <distworker/outcome.hpp>
#include <distworker/task.hpp>
#include <distworker/task_error.hpp>

#include <concepts>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace distworker {

/// Where a handler runs.
enum class run_on : std::uint8_t {
    pool,   ///< On a thread of the worker's; it may block.
    inline_ ///< On the loop's thread, at once. Cheapest; it must return in microseconds and never block.
};

/// How a worker ended.
class worker_end {
public:
    /// An end of the engines'.
    explicit worker_end(end_reason reason) noexcept
        : code_{exit_code_for(reason)}, text_{to_string(reason)} {}
    /// An end that no engine told, such as a configuration that cannot be used.
    worker_end(exit_code code, std::string text) : code_{code}, text_{std::move(text)} {}
    /// What the process should exit with.
    [[nodiscard]] exit_code code() const noexcept { return code_; }
    /// In words, for a log.
    [[nodiscard]] const std::string& text() const noexcept { return text_; }
    /// For `return worker.run();`.
    operator int() const noexcept { return static_cast<int>(code_); }

private:
    exit_code code_;
    std::string text_;
};

/// An outcome that the controller did not get, or may not have got.
struct undeliverable_outcome {
    std::string task_id;   ///< The controller's name for the task.
    bool completed;        ///< Or failed.
    certainty how_sure;    ///< Whether it may have arrived all the same.
    const outcome& answer; ///< Valid during the call; its `frame()` can be kept, for `outcome::from_frame`.
};

class worker {
public:
    /// Nothing happens before `run`, `start` or `attach`; faults of the configuration are told there.
    explicit worker(config settings);
    worker(const worker&) = delete;
    worker& operator=(const worker&) = delete;
    /// Stops in order when it still runs (after `attach`: drops its connections). Waits `stop_grace` for
    /// handlers that ignore their stop request; what then still runs is left to itself.
    ~worker();

    /// Binds a handler to a queue pattern ("math.add", "math.*", "#"); the most specific one wins. It is
    /// called with a `task&`, on several threads at once, and returns something that a `value` can be made
    /// of, nothing, or an `outcome`. A result that is no object becomes {"result": it}. What it throws fails
    /// the task. Before the worker runs.
    template <typename Handler>
    worker& on(std::string_view pattern, Handler handler, run_on where = run_on::pool) {
        using result = std::invoke_result_t<Handler&, task&>;
        if constexpr (std::same_as<result, outcome>) {
            bind(pattern, std::move(handler), where);
        } else {
            bind(
                pattern,
                [handler = std::move(handler)](task& t) -> outcome {
                    if constexpr (std::is_void_v<result>) {
                        handler(t);
                        return answer(t, value::empty_object());
                    } else {
                        return answer(t, value{handler(t)});
                    }
                },
                where);
        }
        return *this;
    }

    /// Is told of each outcome that the controller did not get, or may not have got. On the loop's thread.
    /// Without it they are logged. Before the worker runs.
    worker& on_undeliverable(std::function<void(const undeliverable_outcome&)> told);

    /// Runs until the end, on this thread; SIGINT and SIGTERM end it in order, a second one at once. (The
    /// handlers that were set for them are put back afterwards.) Faults of the configuration go to the log.
    worker_end run();
    /// Runs on a thread of its own and touches no signal. False, with the faults in the log, when the
    /// configuration cannot be used.
    bool start();
    /// Runs on a loop of yours, on whose thread this is called and which outlives the worker; touches no
    /// signal. The loop object is this worker's alone: it has one timer. `ended` is called on it, last.
    /// Destroy the worker on that thread too, after `stop` and `ended` for an end in order. False, with the
    /// faults in the log, when the configuration cannot be used.
    bool attach(loop& loop, std::function<void(const worker_end&)> ended = {});

    /// Asks it to end in order: what runs is finished, within `drain_timeout`. Any thread, handlers included.
    void stop();
    /// Waits for the end after `start`.
    worker_end wait();

    /// What it is built of: "distworker 0.1.0, beast (Boost 1.81, OpenSSL 3.0.15)".
    [[nodiscard]] static std::string build_description();

private:
    using erased_handler = std::function<outcome(task&)>;

    void bind(std::string_view pattern, erased_handler handler, run_on where);
    [[nodiscard]] static outcome answer(const task& task, const value& result);

    class implementation;
    std::unique_ptr<implementation> self_;
};

} // namespace distworker
