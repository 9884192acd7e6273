// The real worker against the real embedded controller, over real sockets.
#include "net/bad_link.hpp"
#include "stage.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cctype>
#include <future>

namespace distworker::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const std::vector<std::string> quick{"--reconnect-interval", "300ms"};

TEST(Worker, RunsEveryKindOfTask) {
    const temporary_folder where;
    controller_process controller{where};
    worker_process worker{where, {.url = controller.worker_url()}};
    controller.await_workers(1);

    const json sum = controller.run("math.add", {{"operation", "add"}, {"a", 1.5}, {"b", 2}});
    EXPECT_EQ(sum.at("status"), "finished");
    EXPECT_EQ(sum.at("result").at("result"), 3.5);

    const json echo_input{
        {"text", "hällo ☃"}, {"list", {1, nullptr, true, {{"deep", "er"}}}}, {"empty", json::object()}};
    EXPECT_EQ(controller.run("demo.echo", echo_input).at("result"), echo_input);

    const json failed = controller.run("demo.fail", {{"message", "on purpose"}});
    EXPECT_THAT(failed.at("error").at("message").get<std::string>(), HasSubstr("on purpose"));
    EXPECT_EQ(failed.at("error").at("code"), "HANDLER_ERROR");

    const json zero = controller.run("math.add", {{"operation", "divide"}, {"a", 1}, {"b", 0}});
    EXPECT_FALSE(zero.at("error").is_null());

    const json wrong_type = controller.run("math.add", {{"operation", "add"}, {"a", "one"}, {"b", 2}});
    EXPECT_EQ(wrong_type.at("error").at("code"), "INVALID_INPUT");
    EXPECT_THAT(wrong_type.at("error").at("message").get<std::string>(), HasSubstr("a"));

    const json nobody = controller.run("nobody.home", json::object());
    EXPECT_EQ(nobody.at("error").at("code"), "NO_HANDLER");

    const json timeout =
        controller.run("demo.sleep", {{"ms", 20000}, {"steps", 2000}}, {{"timeout", "200ms"}});
    EXPECT_EQ(timeout.at("error").at("code"), "TIMEOUT");

    EXPECT_EQ(
        controller.run("math.add", {{"operation", "add"}, {"a", 1}, {"b", 1}}).at("result").at("result"), 2)
        << "the worker goes on after all that";
    EXPECT_EQ(worker.stop(), 0) << worker.log();
    EXPECT_EQ(controller.stop(), 0);
    EXPECT_THAT(worker.log() + controller.log(), Not(HasSubstr(demo_token)));
}

TEST(Worker, RunsAThousandTasks) {
    const temporary_folder where;
    controller_process controller{where};
    worker_process worker{where, {.url = controller.worker_url(), .arguments = {"--slots", "4"}}};
    controller.await_workers(4);
    std::vector<json> submitted;
    for (int i = 0; i < 1000; ++i) {
        submitted.push_back(
            controller.post({{"queue", "math.add"}, {"input", {{"operation", "add"}, {"a", i}, {"b", 1}}}}));
    }
    for (int i = 0; i < 1000; ++i) {
        controller.await_end(submitted[static_cast<std::size_t>(i)]);
        EXPECT_EQ(controller.task(submitted[static_cast<std::size_t>(i)]).at("result").at("result"), i + 1);
    }
    EXPECT_EQ(worker.stop(), 0) << worker.log();
}

TEST(Worker, RunsTwoTasksAtOnceWithTwoSlots) {
    const temporary_folder where;
    controller_process controller{where};
    worker_process worker{where, {.url = controller.worker_url(), .arguments = {"--slots", "2"}}};
    controller.await_workers(2);
    const json task{{"queue", "demo.sleep"}, {"input", {{"ms", 30000}, {"steps", 300}}}};
    const json first = controller.post(task);
    const json second = controller.post(task);
    const json third = controller.post(task);
    controller.await_progress(first);
    controller.await_progress(second);
    EXPECT_EQ(controller.task(third).at("status"), "pending");
}

TEST(Worker, CarriesFourMebibytesBothWays) {
    const temporary_folder where;
    controller_process controller{where};
    worker_process worker{where, {.url = controller.worker_url()}};
    controller.await_workers(1);
    std::string text(4U << 20U, ' ');
    for (std::size_t i = 0; i < text.size(); ++i) {
        text[i] = static_cast<char>('a' + i % 26);
    }
    const json done = controller.run("demo.echo", {{"text", text}});
    ASSERT_EQ(done.at("status"), "finished");
    EXPECT_TRUE(done.at("result").at("text") == text);
    EXPECT_EQ(worker.stop(), 0) << worker.log();
}

TEST(Worker, ShowsProgressAndStreamsItsItemsInOrder) {
    const temporary_folder where;
    controller_process controller{where};
    const json task = controller.post({{"queue", "demo.sleep"}, {"input", {{"ms", 1000}, {"steps", 10}}}});
    std::vector<int> items;
    std::vector<double> fractions;
    std::string end;
    auto following = std::async(std::launch::async, [&] {
        httplib::Client client{controller.api_url()};
        client.set_read_timeout(patience);
        std::string text;
        client.Get("/api/v1/tasks/" + task.at("task_id").get<std::string>() + "/events",
                   [&](const char* piece, std::size_t size) {
                       text.append(piece, size);
                       return true;
                   });
        return text;
    });
    worker_process worker{where, {.url = controller.worker_url()}};
    const std::string events = following.get();
    std::istringstream lines{events};
    std::string name;
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with("event: ")) {
            name = line.substr(7);
        } else if (line.starts_with("data: ")) {
            const json data = json::parse(line.substr(6));
            if (name == "data") {
                items.push_back(data.at("step"));
            } else if (name == "progress" && data.contains("fraction")) {
                fractions.push_back(data.at("fraction"));
            } else if (name == "end") {
                end = data.at("status");
            }
        }
    }
    EXPECT_THAT(items, ::testing::ElementsAre(1, 2, 3, 4, 5, 6, 7, 8, 9, 10));
    EXPECT_FALSE(fractions.empty());
    EXPECT_TRUE(std::ranges::is_sorted(fractions));
    EXPECT_EQ(end, "finished") << events;
}

TEST(Worker, FinishesItsTaskOnSigtermAndTakesNoOther) {
    const temporary_folder where;
    controller_process controller{where};
    worker_process worker{where, {.url = controller.worker_url()}};
    controller.await_workers(1);
    const json running = controller.post({{"queue", "demo.sleep"}, {"input", {{"ms", 1500}, {"steps", 15}}}});
    const json waiting =
        controller.post({{"queue", "math.add"}, {"input", {{"operation", "add"}, {"a", 1}, {"b", 1}}}});
    controller.await_progress(running);
    EXPECT_EQ(worker.stop(), 0) << worker.log();
    const json done = controller.task(running);
    EXPECT_EQ(done.at("status"), "finished");
    EXPECT_EQ(done.at("result").at("slept_ms"), 1500);
    const json other = controller.task(waiting);
    EXPECT_TRUE(other.at("status") == "pending" || other.at("error").at("code") == "WORKER_SHUTDOWN")
        << other;
}

TEST(Worker, ComesBackAfterItsControllerWasKilledAndRestarted) {
    const temporary_folder where;
    auto controller = std::make_unique<controller_process>(where);
    const std::string port = std::to_string(controller->worker_port());
    worker_process worker{where, {.url = controller->worker_url(), .arguments = quick}};
    controller->await_workers(1);
    for (int round = 0; round < 3; ++round) {
        controller->kill();
        controller.reset();
        controller = std::make_unique<controller_process>(where, std::vector<std::string>{}, port);
        controller->await_workers(1);
        EXPECT_EQ(controller->run("math.add", {{"operation", "add"}, {"a", round}, {"b", 1}})
                      .at("result")
                      .at("result"),
                  round + 1);
    }
    EXPECT_EQ(worker.stop(), 0) << worker.log();
}

TEST(Worker, WaitsForAControllerThatComesLate) {
    const temporary_folder where;
    std::string port;
    {
        controller_process probe{where}; // finds a free port
        port = std::to_string(probe.worker_port());
    }
    worker_process worker{where, {.url = "http://127.0.0.1:" + port, .arguments = quick}};
    worker.await_log("refused"); // the connection, by the kernel
    EXPECT_TRUE(worker.running());
    controller_process controller{where, {}, port};
    controller.await_workers(1);
    EXPECT_EQ(worker.stop(), 0) << worker.log();
}

TEST(Worker, ReportsAnOutcomeWhoseConnectionWasCutAndTakesTheNextTask) {
    const temporary_folder where;
    controller_process controller{where};
    bad_link between{controller.worker_port()};
    worker_process worker{where,
                          {.url = "http://127.0.0.1:" + std::to_string(between.port()), .arguments = quick}};
    controller.await_workers(1);
    const json lost = controller.post({{"queue", "demo.sleep"}, {"input", {{"ms", 20000}, {"steps", 200}}}});
    controller.await_progress(lost);
    between.cut();
    worker.await_log("undeliverable");
    EXPECT_THAT(worker.log(), HasSubstr(lost.at("task_id").get<std::string>()));
    await("a second connection", [&] { return between.connections() >= 2; });
    controller.await_workers(1);
    EXPECT_EQ(
        controller.run("math.add", {{"operation", "add"}, {"a", 2}, {"b", 2}}).at("result").at("result"), 4);
    EXPECT_EQ(controller.task(lost).at("status"), "processing") << "as the deployed controller leaves it";
    EXPECT_EQ(worker.stop(), 0) << worker.log();
}

TEST(Worker, NamesTheLikelyCausesOfARefusalFromItsFirstTime) {
    const temporary_folder where;
    controller_process controller{where};
    worker_process worker{
        where, {.url = controller.worker_url(), .arguments = quick, .token = "another-token-entirely"}};
    worker.await_log("the provisioner is unknown");
    std::string log = worker.log();
    std::ranges::transform(log, log.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    const auto start = log.find("register");
    EXPECT_LT(log.find("token", start), log.find("clock", start));
    EXPECT_LT(log.find("clock", start), log.find("provisioner", start));
    EXPECT_EQ(controller.workers(), 0U);
    EXPECT_EQ(worker.stop(), 0);
    EXPECT_THAT(worker.log() + controller.log(), Not(HasSubstr("another-token-entirely")));
}

TEST(Worker, EndsWithItsProvisionedSession) {
    const temporary_folder where;
    const auto token = write_private(where / "session-token", "one-time-token");
    controller_process controller{where, {"--session", "demo-7:@" + token.string() + ":demo"}};
    bad_link between{controller.worker_port()};
    worker_process worker{where,
                          {.url = "http://127.0.0.1:" + std::to_string(between.port()),
                           .arguments = quick,
                           .token = "one-time-token",
                           .worker_id = "demo-7"}};
    controller.await_workers(1);
    EXPECT_EQ(controller.get("/api/v1/workers").at("workers").at(0).at("worker_id"), "demo-7");
    between.cut();
    EXPECT_NE(worker.await_end(), 0) << "a session that is gone is no clean end";
    EXPECT_THAT(worker.log(), HasSubstr("session"));
}

TEST(Worker, LeavesWhenTheControllersIdleTimeIsOver) {
    const temporary_folder where;
    controller_process controller{where, {"--idle-time", "1"}};
    worker_process worker{where, {.url = controller.worker_url(), .arguments = {"--slots", "2"}}};
    EXPECT_EQ(worker.await_end(), 0) << worker.log();
}

TEST(Worker, ListsEveryFaultOfItsConfigurationAtOnceWithRemedies) {
    const temporary_folder where;
    worker_process worker{where,
                          {.url = "ftp://user:hunter2@host:99999/#x",
                           .arguments = {"--slots", "0", "--heartbeat-interval", "0s"},
                           .token = "",
                           .provisioner = ""}};
    EXPECT_EQ(worker.await_end(), 2) << worker.log();
    for (const char* field : {"controller", "provisioner", "token", "slots", "heartbeat_interval"}) {
        EXPECT_THAT(worker.log(), HasSubstr(field));
    }
    EXPECT_THAT(worker.log(), Not(HasSubstr("hunter2")));
}

} // namespace
} // namespace distworker::testing
