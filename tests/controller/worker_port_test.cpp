// The worker port over real connections, plain and TLS, and how the server starts.
#include "running_controller.hpp"
#include "support/certificate.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace distworker::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;
using opcode = raw_worker::opcode;

TEST(worker_port, upgrades_at_its_path_only) {
    running_controller controller;
    EXPECT_THAT(raw_worker{controller.worker_url()}.upgrade("/worker/v1/ws"), StartsWith("HTTP/1.1 101"));
    EXPECT_THAT(raw_worker{controller.worker_url()}.upgrade("/worker/v1/ws?a=b"), StartsWith("HTTP/1.1 101"));
    EXPECT_THAT(raw_worker{controller.worker_url()}.upgrade("/"), StartsWith("HTTP/1.1 404"));
    EXPECT_THAT(raw_worker{controller.worker_url()}.upgrade("/x/worker/v1/ws"), StartsWith("HTTP/1.1 404"));
    httplib::Client client{controller.worker_url()};
    EXPECT_EQ(client.Get("/worker/v1/ws")->status, 426);
    EXPECT_EQ(client.Get("/")->status, 404);
}

TEST(worker_port, refuses_without_a_close_frame) {
    running_controller controller;
    raw_worker worker{controller.worker_url()};
    worker.upgrade();
    worker.send(opcode::binary, register_frame({.token = "wrong"}, wall_now()));
    EXPECT_FALSE(worker.receive_data());
}

TEST(worker_port, answers_pings_in_order_behind_what_came_before) {
    running_controller controller;
    const auto worker = joined(controller);
    auto client = controller.client();
    const std::string id = submit(client, {{"queue", "a"}}).at("task_id").get<std::string>();
    static_cast<void>(next_assignment(*worker));
    for (unsigned i = 0; i < 3; ++i) {
        const std::byte payload{static_cast<unsigned char>('a' + i)};
        worker->send(opcode::ping, {&payload, 1});
        const auto pong = worker->receive_data();
        ASSERT_TRUE(pong);
        EXPECT_EQ(pong->code, opcode::pong);
        EXPECT_EQ(pong->payload, std::vector{payload});
    }
}

TEST(worker_port, answers_pings_behind_what_has_to_be_stored) {
    running_controller controller{{.broker = {.storage = true}}};
    const auto worker = joined(controller);
    auto client = controller.client();
    for (int i = 0; i < 3; ++i) {
        const std::string id = submit(client, {{"queue", "a"}}).at("task_id").get<std::string>();
        EXPECT_EQ(next_assignment(*worker).task_id, id);
        worker->send(opcode::binary, complete_frame(id, {{"n", 1}}));
        worker->send(opcode::ping, {});
        EXPECT_EQ(worker->receive_data()->code, opcode::pong);
        EXPECT_EQ(parsed(client.Get("/api/v1/tasks/" + id)).at("status"), "finished");
    }
}

TEST(worker_port, of_an_ideal_controller_lets_a_session_return_with_its_result) {
    controller_options options{.broker = {.mode = controller_mode::ideal}};
    options.sessions.push_back({"w1", secret{std::string_view{"once"}}, "p"});
    running_controller controller{std::move(options)};
    auto client = controller.client();
    const registration session{.worker_id = "w1", .token = "once"};
    auto worker = joined(controller, session);
    const std::string id = submit(client, {{"queue", "a"}}).at("task_id").get<std::string>();
    static_cast<void>(next_assignment(*worker));
    worker.reset();
    worker = joined(controller, session);
    worker->send(opcode::binary, complete_frame(id, {{"n", 1}}));
    worker->send(opcode::ping, {});
    EXPECT_EQ(worker->receive_data()->code, opcode::pong);
    EXPECT_EQ(parsed(client.Get("/api/v1/tasks/" + id)).at("status"), "finished");
    EXPECT_EQ(parsed(client.Get("/api/v1/workers")).at("workers")[0].at("state"), "settling");
}

TEST(worker_port, takes_a_message_in_fragments_with_pings_between) {
    running_controller controller;
    const auto worker = joined(controller);
    auto client = controller.client();
    const std::string id = submit(client, {{"queue", "a"}}).at("task_id").get<std::string>();
    static_cast<void>(next_assignment(*worker));
    const std::string text(4U << 20U, 'x');
    const message frame = complete_frame(id, {{"text", text}});
    constexpr std::size_t size = 100'000;
    for (std::size_t at = 0; at < frame.size(); at += size) {
        const std::size_t count = std::min(size, frame.size() - at);
        worker->send(at == 0 ? opcode::binary : opcode::continuation, std::span{frame}.subspan(at, count),
                     at + count == frame.size());
        worker->send(opcode::ping, {});
        const auto pong = worker->receive_data();
        ASSERT_TRUE(pong);
        EXPECT_EQ(pong->code, opcode::pong);
    }
    EXPECT_EQ(parsed(client.Get("/api/v1/tasks/" + id)).at("result").at("text"), text);
}

TEST(worker_port, sends_a_large_assignment_as_one_frame) {
    running_controller controller;
    const auto worker = joined(controller);
    auto client = controller.client();
    const std::string text(4U << 20U, 'y');
    submit(client, {{"queue", "a"}, {"input", {{"text", text}}}});
    const assignment task = next_assignment(*worker);
    EXPECT_EQ(*task.input.find("text")->string(), text);
}

TEST(worker_port, forgets_a_worker_that_left_but_not_its_task) {
    running_controller controller;
    auto worker = joined(controller);
    auto client = controller.client();
    const std::string id = submit(client, {{"queue", "a"}}).at("task_id").get<std::string>();
    static_cast<void>(next_assignment(*worker));
    worker->disconnect();
    while (!parsed(client.Get("/api/v1/workers")).at("workers").empty()) {
    }
    EXPECT_EQ(parsed(client.Get("/api/v1/tasks/" + id)).at("status"), "processing");
}

TEST(worker_port, speaks_tls) {
    const certificate self_signed{"DNS:localhost"};
    controller_options options;
    options.tls_certificate = self_signed.file();
    options.tls_key = self_signed.key_file();
    running_controller controller{std::move(options)};
    EXPECT_THAT(controller.worker_url(), StartsWith("https://127.0.0.1:"));
    const auto worker = joined(controller);
    auto client = controller.client();
    const std::string id = submit(client, {{"queue", "a"}}).at("task_id").get<std::string>();
    worker->send(opcode::binary, complete_frame(next_assignment(*worker).task_id, {{"ok", true}}));
    worker->send(opcode::ping, {});
    EXPECT_EQ(worker->receive_data()->code, opcode::pong);
    EXPECT_EQ(parsed(client.Get("/api/v1/tasks/" + id)).at("status"), "finished");
}

TEST(controller_start, tells_every_fault_before_a_port_is_opened) {
    controller_options options;
    options.bind = "localhost";
    options.tls_certificate = "/nowhere/cert.pem";
    options.tls_key = "/nowhere/key.pem";
    options.provisioners.push_back({"p", secret{std::string_view{"token"}}, {}});
    options.sessions.push_back({"w", secret{std::string_view{"token"}}, "q"});
    const auto started = controller_server::start(std::move(options));
    ASSERT_FALSE(started);
    std::vector<std::string> fields;
    for (const config_fault& fault : started.error().faults) {
        fields.push_back(fault.field);
        EXPECT_THAT(fault.to_string(), ::testing::Not(HasSubstr("token\"")));
    }
    EXPECT_THAT(fields, ::testing::ElementsAre("bind", "provisioner", "session", "tls-cert"));
}

TEST(controller_start, tells_which_port_is_taken) {
    running_controller controller;
    controller_options options;
    options.api_port = 0;
    options.worker_port = static_cast<std::uint16_t>(
        std::stoi(controller.worker_url().substr(controller.worker_url().rfind(':') + 1)));
    options.provisioners.push_back({"p", secret{std::string_view{"token"}}, {"a"}});
    const auto started = controller_server::start(std::move(options));
    ASSERT_FALSE(started);
    EXPECT_TRUE(started.error().faults.empty());
    EXPECT_THAT(started.error().port, HasSubstr("--worker-port"));
}

} // namespace
} // namespace distworker::testing
