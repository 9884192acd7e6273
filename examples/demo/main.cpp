// The demo: starts the embedded controller and a worker with two slots, gives them a handful of tasks, and
// shows them live. Everything stays on this machine's loopback; both programs are stopped at the end.
#include "api_client.hpp"
#include "child_process.hpp"
#include "live_view.hpp"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using demo::live_view;
using nlohmann::json;

constexpr int exit_failed = 1;
constexpr auto start_patience = 20s;
constexpr auto stop_patience = 10s;
constexpr unsigned slots = 2;

/// One task of the show.
struct act {
    std::string title;
    std::string queue;
    json input;
    bool fails = false; ///< On purpose.
};

std::vector<act> programme() {
    return {
        {"math: 6 x 7", "math.multiply", {{"operation", "multiply"}, {"a", 6}, {"b", 7}}},
        {"text: upper case", "text.transform", {{"operation", "upper"}, {"text", "hello, distworker"}}},
        {"data: sum of five numbers", "data.aggregate", {{"operation", "sum"}, {"values", {1, 2, 3, 4, 5}}}},
        {"a long task", "demo.sleep", {{"ms", 3000}, {"steps", 60}}},
        {"a task that fails", "demo.fail", {{"message", "this one fails on purpose"}}, true},
        {"a stream of twenty items", "demo.sleep", {{"ms", 2000}, {"steps", 20}}},
        {"an echo", "demo.echo", {{"greeting", "hi"}, {"nested", {{"list", {1, "two", nullptr}}}}}},
    };
}

/// A private folder for the token and the logs, gone with the object unless it is kept.
class scratch_folder {
public:
    scratch_folder() {
        std::string name = (fs::temp_directory_path() / "distworker-demo-XXXXXX").string();
        if (::mkdtemp(name.data()) == nullptr) {
            throw std::runtime_error{"cannot make a folder in " + fs::temp_directory_path().string() +
                                     "; is there space, and may you write there?"};
        }
        path_ = name;
    }
    scratch_folder(const scratch_folder&) = delete;
    scratch_folder& operator=(const scratch_folder&) = delete;
    ~scratch_folder() {
        if (!kept_) {
            std::error_code ignored;
            fs::remove_all(path_, ignored);
        }
    }
    void keep() { kept_ = true; }
    [[nodiscard]] fs::path operator/(const char* name) const { return path_ / name; }

private:
    fs::path path_;
    bool kept_ = false;
};

void write_token(const fs::path& file) {
    std::random_device random;
    std::ofstream out{file};
    fs::permissions(file, fs::perms::owner_read | fs::perms::owner_write);
    for (int i = 0; i < 8; ++i) {
        out << std::hex << random();
    }
}

std::string expect_line(demo::child_process& controller, const std::string& name, const fs::path& log) {
    const auto line = controller.read_line(start_patience);
    if (!line || !line->starts_with(name + " ")) {
        throw std::runtime_error{"the controller did not start; its log is " + log.string()};
    }
    return line->substr(name.size() + 1);
}

void wait_for_slots(const demo::api_client& api, demo::child_process& worker, const fs::path& log) {
    const auto deadline = std::chrono::steady_clock::now() + start_patience;
    while (api.workers() < slots) {
        if (!worker.running() || std::chrono::steady_clock::now() > deadline) {
            throw std::runtime_error{"the worker did not register; its log is " + log.string()};
        }
        std::this_thread::sleep_for(20ms);
    }
}

std::string note_of(const json& task) {
    if (const auto error = task.find("error"); error != task.end() && !error->is_null()) {
        return error->value("code", "") + ", " + error->value("message", "");
    }
    return task.contains("result") ? task["result"].dump() : "";
}

struct tally {
    std::atomic<int> done{0};
    std::atomic<int> failed_as_expected{0};
    std::atomic<int> wrong{0};
};

/// Follows one task to its end.
void show(const demo::api_client& api, const act& act, std::size_t line, live_view& view, tally& counts) {
    try {
        const std::string id = api.submit(act.queue, act.input);
        double fraction = 0;
        int items = 0;
        api.follow(id, [&](const std::string& event, const json& data) {
            if (event == "progress") {
                fraction = data.value("fraction", fraction);
                view.update(line, live_view::state::running, fraction, data.value("message", ""));
            } else if (event == "data") {
                ++items;
                view.update(line, live_view::state::running, fraction,
                            std::to_string(items) + " items streamed");
            } else if (event == "end") {
                const bool failed = data.contains("error") && !data["error"].is_null();
                const bool expected = failed == act.fails;
                ++(!expected ? counts.wrong : failed ? counts.failed_as_expected : counts.done);
                view.update(line,
                            !expected ? live_view::state::wrong
                            : failed  ? live_view::state::failed_as_expected
                                      : live_view::state::done,
                            1.0, note_of(data));
            }
        });
    } catch (const std::exception& e) {
        ++counts.wrong;
        view.update(line, live_view::state::wrong, 0, e.what());
    }
}

void run(scratch_folder& scratch, const fs::path& programs, tally& counts) {
    const fs::path token = scratch / "token";
    const fs::path controller_log = scratch / "controller.log";
    const fs::path worker_log = scratch / "worker.log";
    write_token(token);

    const std::vector<act> acts = programme();
    std::string queues;
    for (const act& act : acts) {
        queues += (queues.empty() ? "" : ",") + act.queue;
    }
    auto controller = demo::child_process::start(
        {.arguments = {programs / "distworker-controller", "--api-port", "0", "--worker-port", "0",
                       "--provisioner", "demo:@" + token.string() + ":" + queues},
         .environment = {},
         .log_file = controller_log});
    if (!controller) {
        throw std::runtime_error{controller.error()};
    }
    const demo::api_client api{expect_line(*controller, "api", controller_log)};
    const std::string worker_url = expect_line(*controller, "worker", controller_log);
    auto worker = demo::child_process::start(
        {.arguments = {programs / "basic_worker", "--slots", std::to_string(slots)},
         .environment = {{"DISTWORKER_CONTROLLER_URL", worker_url},
                         {"DISTWORKER_PROVISIONER", "demo"},
                         {"DISTWORKER_WORKER_TOKEN_FILE", token},
                         {"DISTWORKER_WORKER_TOKEN", ""},
                         {"DISTWORKER_WORKER_ID", ""}},
         .log_file = worker_log});
    if (!worker) {
        throw std::runtime_error{worker.error()};
    }
    wait_for_slots(api, *worker, worker_log);
    std::printf("The controller and a worker with %u slots are up; %zu tasks:\n\n", slots, acts.size());

    live_view view{::isatty(STDOUT_FILENO) != 0};
    for (const act& act : acts) {
        view.add(act.title);
    }
    {
        std::vector<std::jthread> followers;
        for (std::size_t i = 0; i < acts.size(); ++i) {
            followers.emplace_back([&, i] { show(api, acts[i], i, view, counts); });
        }
    }
    if (const int code = worker->stop(stop_patience); code != 0) {
        throw std::runtime_error{"the worker ended with exit code " + std::to_string(code)};
    }
    if (const int code = controller->stop(stop_patience); code != 0) {
        throw std::runtime_error{"the controller ended with exit code " + std::to_string(code)};
    }
}

} // namespace

int main(int argc, char** argv) {
    CLI::App options{"Starts a controller and a worker, runs a handful of tasks, and shows them live."};
    std::string programs = fs::canonical("/proc/self/exe").parent_path().string();
    options.add_option("--programs", programs, "Folder of distworker-controller and basic_worker")
        ->capture_default_str();
    options.footer("Exit code: 0 when every task ended as it should, 1 otherwise.");
    CLI11_PARSE(options, argc, argv);

    const auto begin = std::chrono::steady_clock::now();
    tally counts;
    try {
        scratch_folder scratch;
        try {
            run(scratch, programs, counts);
        } catch (...) {
            scratch.keep();
            throw;
        }
    } catch (const std::exception& e) {
        std::fprintf(stderr, "demo: %s\n", e.what());
        return exit_failed;
    }
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
    std::printf(
        "\n%d done, %d failed as expected, %d wrong, %.1f s; worker and controller stopped cleanly.\n",
        counts.done.load(), counts.failed_as_expected.load(), counts.wrong.load(), seconds.count());
    return counts.wrong == 0 ? 0 : exit_failed;
}
