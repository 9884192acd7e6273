// A controller that is killed over and over, and a worker that is none the worse for it.
#include "stage.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <iterator>

namespace distworker::testing {
namespace {

using ::testing::HasSubstr;

// What a process holds of the system.
struct holdings {
    std::ptrdiff_t descriptors;
    std::ptrdiff_t threads;
    long resident_kb;
};

std::ptrdiff_t entries_in(const fs::path& folder) {
    return std::distance(fs::directory_iterator{folder}, fs::directory_iterator{});
}

holdings holdings_of(const worker_process& worker) {
    std::ifstream status{worker.shown() / "status"};
    std::string word;
    long resident_kb = 0;
    while (status >> word) {
        if (word == "VmRSS:") {
            status >> resident_kb;
        }
    }
    return {entries_in(worker.shown() / "fd"), entries_in(worker.shown() / "task"), resident_kb};
}

// Each time while a task runs, which the worker must report as one that it could not deliver.
TEST(KillsInFull, AThousandOfTheControllerLeaveNothingBehind) {
    constexpr int times = 1000;
    const temporary_folder where;
    auto controller = std::make_unique<controller_process>(where);
    const std::string port = std::to_string(controller->worker_port());
    worker_process worker{where,
                          {.url = controller->worker_url(),
                           .arguments = {"--reconnect", "fixed", "--reconnect-interval", "250ms"}}};
    holdings before{};
    std::vector<std::string> lost;
    for (int round = 0; round < times; ++round) {
        controller->await_workers(1);
        if (round == times / 10) {
            before = holdings_of(worker);
        }
        const json task =
            controller->post({{"queue", "demo.sleep"}, {"input", {{"ms", 60'000}, {"steps", 6'000}}}});
        controller->await_progress(task);
        lost.push_back(task.at("task_id"));
        controller->kill();
        controller.reset();
        controller = std::make_unique<controller_process>(where, std::vector<std::string>{}, port);
    }
    controller->await_workers(1);
    const holdings after = holdings_of(worker);
    EXPECT_EQ(after.descriptors, before.descriptors);
    EXPECT_EQ(after.threads, before.threads);
#ifndef DISTWORKER_INSTRUMENTED // a sanitizer keeps what was freed
    EXPECT_LT(after.resident_kb, before.resident_kb + 2 * 1024);
#endif
    EXPECT_EQ(
        controller->run("math.add", {{"operation", "add"}, {"a", 2}, {"b", 2}}).at("result").at("result"), 4);
    EXPECT_EQ(worker.stop(), 0) << worker.log();
    std::istringstream log{worker.log()};
    std::string reported;
    for (std::string line; std::getline(log, line);) {
        if (line.find("undeliverable") != std::string::npos) {
            reported += line + "\n";
        }
    }
    for (const std::string& id : lost) {
        EXPECT_THAT(reported, HasSubstr(id));
    }
}

} // namespace
} // namespace distworker::testing
