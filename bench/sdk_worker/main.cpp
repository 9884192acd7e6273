// The worker SDK as its users have it: every feature on, a handler that adds.
//
//     bench_sdk_worker [--pool] [--slots N]
//
// Takes its configuration from the environment. The handler runs inline, with --pool on the handler pool.
// With `curl` in its name it is the same on libcurl.
#include <distworker/worker.hpp>

#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string_view>

int main(int argc, char** argv) {
    bool pool = false;
    std::uint64_t slots = 1;
    for (int i = 1; i < argc; ++i) {
        const std::string_view argument{argv[i]};
        if (argument == "--pool") {
            pool = true;
        } else if (argument == "--slots" && i + 1 < argc) {
            const std::string_view number{argv[++i]};
            std::from_chars(number.data(), number.data() + number.size(), slots);
        } else {
            std::fputs("usage: bench_sdk_worker [--pool] [--slots N]\n", stderr);
            return static_cast<int>(distworker::exit_code::configuration);
        }
    }
    distworker::config settings = distworker::config::from_environment();
    settings.slots = slots;
    settings.level = distworker::log_level::warning;
    // Ten thousand may connect at once, on one core with their controller: that takes its time.
    settings.connect_timeout = settings.registration_timeout = std::chrono::minutes{5};
    settings.silence_timeout = settings.deaf_timeout = std::chrono::minutes{5};
    distworker::worker worker{std::move(settings)};
    worker.on(
        "bench.*",
        [](distworker::task& task) -> distworker::value {
            return {{"result", task.input<double>("a") + task.input<double>("b")}};
        },
        pool ? distworker::run_on::pool : distworker::run_on::inline_);
    return worker.run();
}
