// The engine on nothing but poll(2) and a socket, against the real embedded controller.
#include "stage.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace distworker::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

/// `bare_engine` as a process; its token comes on standard input.
class bare_process {
public:
    bare_process(const temporary_folder& where, const std::vector<std::string>& arguments)
        : log_{where / "bare.log"} {
        const auto token = write_private(where / "bare-token", std::string{demo_token} + "\n");
        std::vector<std::string> command{"/bin/sh", "-c", R"(exec "$@" <"$0")", token, BARE_ENGINE_PROGRAM};
        command.insert(command.end(), arguments.begin(), arguments.end());
        auto started =
            demo::child_process::start({.arguments = command, .environment = {}, .log_file = log_});
        if (!started) {
            throw std::runtime_error{started.error()};
        }
        process_ = std::move(*started);
    }

    [[nodiscard]] std::string log() const { return read_file(log_); }
    int stop() { return process_->stop(patience); }
    int await_end() {
        await("its end", [&] { return !process_->running(); });
        return stop();
    }

private:
    fs::path log_;
    std::optional<demo::child_process> process_;
};

json sum_of(const controller_process& controller, const json& input) {
    return controller.run("math.add", input).at("result").at("result");
}

TEST(BareEngine, RunsTasksAndEndsInOrder) {
    const temporary_folder where;
    controller_process controller{where};
    bare_process worker{where, {controller.worker_url(), "demo"}};
    controller.await_workers(1);
    for (int i = 0; i < 20; ++i) {
        EXPECT_EQ(sum_of(controller, {{"a", i}, {"b", 0.5}}), i + 0.5);
    }
    for (const std::size_t size : {100U, 1'000U, 100'000U, 5'000'000U}) { // one, three, nine octets of length
        EXPECT_EQ(sum_of(controller, {{"a", 1}, {"b", 2}, {"more", std::string(size, 'x')}}), 3);
    }
    EXPECT_EQ(sum_of(controller, json::object()), 0);
    EXPECT_EQ(worker.stop(), 0);
    EXPECT_THAT(worker.log(), Not(HasSubstr("lost"))) << "each outcome had its receipt before the end";
    EXPECT_EQ(controller.workers(), 0U);
}

TEST(BareEngine, ComesBackAfterItsControllerWasKilledAndRestarted) {
    const temporary_folder where;
    auto controller = std::make_unique<controller_process>(where);
    const std::string port = std::to_string(controller->worker_port());
    bare_process worker{where, {controller->worker_url(), "demo"}};
    controller->await_workers(1);
    controller->kill();
    controller = std::make_unique<controller_process>(where, std::vector<std::string>{}, port);
    controller->await_workers(1);
    EXPECT_EQ(sum_of(*controller, {{"a", 2}, {"b", 3}}), 5);
    EXPECT_EQ(worker.stop(), 0);
}

TEST(BareEngine, EndsAtOnceWhileItsControllerIsAway) {
    const temporary_folder where;
    auto controller = std::make_unique<controller_process>(where);
    bare_process worker{where, {controller->worker_url(), "demo"}};
    controller->await_workers(1);
    controller.reset();
    await("the loss", [&] { return !worker.log().empty(); });
    EXPECT_EQ(worker.stop(), 0) << worker.log();
}

TEST(BareEngine, SaysWhatItWantsToBeGiven) {
    const temporary_folder where;
    for (const std::vector<std::string>& arguments :
         {std::vector<std::string>{}, {"http://127.0.0.1:1"}, {"ftp://127.0.0.1:1", "demo"}}) {
        bare_process worker{where, arguments};
        EXPECT_EQ(worker.await_end(), 2);
        EXPECT_THAT(worker.log(), HasSubstr("usage: bare_engine"));
    }
}

TEST(BareEngine, IsAHundredAndFiftyLinesAtMost) {
    std::size_t lines = 0;
    for (const auto& file : fs::directory_iterator{BARE_ENGINE_FOLDER}) {
        const std::string content = read_file(file.path());
        lines += static_cast<std::size_t>(std::ranges::count(content, '\n'));
    }
    EXPECT_GT(lines, 0U);
    EXPECT_LE(lines, 150U);
}

} // namespace
} // namespace distworker::testing
