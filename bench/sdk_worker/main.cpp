// The worker SDK as its users have it: one slot, every feature on, a handler that adds.
//
//     bench_sdk_worker [--pool]
//
// Takes its configuration from the environment. The handler runs inline, with --pool on the handler pool.
#include <distworker/worker.hpp>

#include <cstdio>
#include <string_view>

int main(int argc, char** argv) {
    const bool pool = argc == 2 && std::string_view{argv[1]} == "--pool";
    if (argc > 1 && !pool) {
        std::fputs("usage: bench_sdk_worker [--pool]\n", stderr);
        return static_cast<int>(distworker::exit_code::configuration);
    }
    distworker::config settings = distworker::config::from_environment();
    settings.slots = 1;
    settings.level = distworker::log_level::warning;
    distworker::worker worker{std::move(settings)};
    worker.on(
        "bench.*",
        [](distworker::task& task) -> distworker::value {
            return {{"result", task.input<double>("a") + task.input<double>("b")}};
        },
        pool ? distworker::run_on::pool : distworker::run_on::inline_);
    return worker.run();
}
