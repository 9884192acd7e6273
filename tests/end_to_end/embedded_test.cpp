// The programs of examples/embedded: each has something to do every 100 ms and a worker inside, and neither
// holds the other up.
#include "stage.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace distworker::testing {
namespace {

using ::testing::HasSubstr;

std::string embedded(const std::string& name) {
    return std::string{EMBEDDED_FOLDER} + "/embedded_" + name;
}

/// Runs tasks until the program has gone on besides.
void expect_both_alive(const controller_process& controller) {
    std::optional<int> first;
    await("a beat of the program", [&] {
        const json result = controller.run("math.add", {{"a", 1.5}, {"b", 2}}).at("result");
        EXPECT_EQ(result.at("result"), 3.5);
        const int beats = result.at("beats").get<int>();
        first = first.value_or(beats);
        return beats > *first;
    });
}

std::vector<std::string> embedded_programs() {
    std::vector<std::string> all{"epoll", "poll", "own_signals"};
#ifdef DISTWORKER_WITH_BEAST
    all.emplace_back("asio");
#endif
#ifdef DISTWORKER_WITH_LIBUV
    all.emplace_back("libuv");
#endif
#ifdef DISTWORKER_WITH_GLIB
    all.emplace_back("glib");
#endif
#ifdef DISTWORKER_WITH_QT
    all.emplace_back("qt");
#endif
    return all;
}

class Embedded : public ::testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(Loop, Embedded, ::testing::ValuesIn(embedded_programs()),
                         [](const auto& loop) { return loop.param; });

TEST_P(Embedded, TheProgramAndItsWorkerGoOnSideBySideAndEndInOrder) {
    const temporary_folder where;
    controller_process controller{where};
    worker_process program{where, {.url = controller.worker_url(), .program = embedded(GetParam())}};
    controller.await_workers(1);
    expect_both_alive(controller);
    EXPECT_EQ(program.stop(), 0) << program.log();
    EXPECT_EQ(controller.workers(), 0U);
}

TEST_P(Embedded, AWorkerThatCannotBeginIsToldByItsExitCode) {
    const temporary_folder where;
    worker_process program{where, {.url = "ftp://127.0.0.1:1", .program = embedded(GetParam())}};
    EXPECT_EQ(program.await_end(), 2);
    EXPECT_THAT(program.log(), HasSubstr("controller: "));
}

TEST(EmbeddedPrograms, OneOwnsItsSignals) {
    const temporary_folder where;
    controller_process controller{where};
    worker_process program{where, {.url = controller.worker_url(), .program = embedded("own_signals")}};
    controller.await_workers(1);
    program.signal(SIGUSR1);
    EXPECT_EQ(program.read_line(), "still here");
    expect_both_alive(controller);
    EXPECT_EQ(program.stop(), 0) << program.log();
}

#ifdef C_WORKER_PROGRAM
// The same story by the C interface.
TEST(EmbeddedPrograms, OneIsInC) {
    const temporary_folder where;
    controller_process controller{where};
    const auto token = write_private(where / "token", demo_token);
    worker_process program{where,
                           {.url = "http://127.0.0.1:1",
                            .arguments = {controller.worker_url(), "demo", token},
                            .program = C_WORKER_PROGRAM}};
    controller.await_workers(1);
    expect_both_alive(controller);
    EXPECT_EQ(controller.run("text.transform", json::object()).at("error").at("code"), "NO_HANDLER");
    EXPECT_EQ(program.stop(), 0) << program.log();
    EXPECT_EQ(controller.workers(), 0U);

    worker_process faulty{where,
                          {.url = "http://127.0.0.1:1",
                           .arguments = {"ftp://127.0.0.1:1", "demo", where / "no token"},
                           .program = C_WORKER_PROGRAM}};
    EXPECT_EQ(faulty.await_end(), 2);
    EXPECT_THAT(faulty.log(), HasSubstr("controller: "));
    EXPECT_THAT(faulty.log(), HasSubstr("token_file: "));
}
#endif

#ifdef PYTHON_WORKER_PROGRAM
// And in Python, inside asyncio.
TEST(EmbeddedPrograms, OneIsInPython) {
    const temporary_folder where;
    controller_process controller{where};
    worker_process program{
        where,
        {.url = controller.worker_url(), .arguments = {C_WORKER_LIBRARY}, .program = PYTHON_WORKER_PROGRAM}};
    controller.await_workers(1);
    expect_both_alive(controller);
    const json echo{
        {"text", "h\u00e4llo"}, {"list", {1, nullptr, true, {{"deep", "er"}}}}, {"empty", json::object()}};
    EXPECT_EQ(controller.run("demo.echo", echo).at("result"), echo);
    const json failed = controller.run("math.add", {{"a", 1}});
    EXPECT_EQ(failed.at("error").at("code"), "HANDLER_ERROR");
    EXPECT_THAT(failed.at("error").at("message").get<std::string>(), HasSubstr("KeyError"));
    EXPECT_EQ(program.stop(), 0) << program.log();
    EXPECT_THAT(program.log(), HasSubstr("ended: "));

    worker_process faulty{
        where,
        {.url = "ftp://127.0.0.1:1", .arguments = {C_WORKER_LIBRARY}, .program = PYTHON_WORKER_PROGRAM}};
    EXPECT_EQ(faulty.await_end(), 1);
    EXPECT_THAT(faulty.log(), HasSubstr("the worker cannot begin: controller: "));
}
#endif

#ifdef DISTWORKER_WITH_BEAST
TEST(EmbeddedPrograms, OneServesTwoControllers) {
    const temporary_folder where;
    const temporary_folder elsewhere;
    controller_process one{where};
    controller_process other{elsewhere};
    worker_process program{where,
                           {.url = "http://127.0.0.1:1",
                            .arguments = {one.worker_url(), other.worker_url()},
                            .program = embedded("two_controllers")}};
    one.await_workers(1);
    other.await_workers(1);
    expect_both_alive(one);
    expect_both_alive(other);
    other.kill();
    expect_both_alive(one); // which the loss of the other one is no concern of
    EXPECT_EQ(program.stop(), 0) << program.log();
}
#endif

TEST(EmbeddedPrograms, AreShort) {
    std::size_t programs = 0;
    for (const auto& file : fs::directory_iterator{EMBEDDED_SOURCES}) {
        const std::string content = read_file(file.path());
        EXPECT_LT(std::ranges::count(content, '\n'), 120) << file.path();
        ++programs;
    }
    EXPECT_GE(programs, 8U);
}

} // namespace
} // namespace distworker::testing
