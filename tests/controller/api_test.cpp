// The HTTP API over real connections.
#include "running_controller.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace distworker::testing {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using opcode = raw_worker::opcode;

std::string nested_input(unsigned containers) {
    std::string open;
    std::string close;
    for (unsigned i = 1; i < containers; ++i) {
        open += "{\"n\":";
        close += "}";
    }
    return R"({"queue":"a","input":)" + open + "{}" + close + "}";
}

TEST(controller_api, runs_a_task_and_waits_for_it) {
    running_controller controller;
    const auto worker = joined(controller);
    std::jthread work{[&] {
        const assignment task = next_assignment(*worker);
        EXPECT_EQ(task.input, (value{{"x", 20}}));
        EXPECT_EQ(task.timeout_ms, 90'500);
        worker->send(opcode::binary, complete_frame(task.task_id, {{"y", 21}, {"text", "\u00fc"}}));
    }};
    auto client = controller.client();
    const json task = submit(client,
                             {{"queue", "a"},
                              {"metadata", {{"m", true}}},
                              {"input", {{"x", 20}}},
                              {"timeout", "1m30.5s"},
                              {"retry", 3}},
                             "?wait=-1");
    EXPECT_EQ(task.at("status"), "finished");
    EXPECT_EQ(task.at("result"), (json{{"y", 21}, {"text", "\u00fc"}}));
    EXPECT_EQ(task.at("metadata"), (json{{"m", true}}));
    EXPECT_EQ(task.at("input"), (json{{"x", 20}}));
    EXPECT_EQ(task.at("queue"), "a");
    EXPECT_EQ(task.at("timeout"), 90'500);
    EXPECT_EQ(task.at("max_retry"), 3);
    EXPECT_EQ(task.at("retried"), 0);
    EXPECT_EQ(task.at("webhook_url"), "");
    EXPECT_TRUE(task.at("worker_id").get<std::string>().starts_with("p-"));
    for (const char* time : {"created_at", "started_at", "completed_at"}) {
        EXPECT_TRUE(task.at(time).is_number_integer()) << time;
    }
    EXPECT_FALSE(task.contains("error"));
}

TEST(controller_api, tells_why_a_task_failed) {
    running_controller controller;
    const auto worker = joined(controller);
    auto client = controller.client();
    const json task = submit(client, {{"queue", "a"}});
    EXPECT_THAT(task.at("status"), ::testing::AnyOf(json("pending"), json("processing")));
    const std::string path = "/api/v1/tasks/" + task.at("task_id").get<std::string>();
    worker->send(opcode::binary, failed_frame(next_assignment(*worker).task_id, "BROKEN", "it broke"));
    worker->send(opcode::ping, {});
    EXPECT_EQ(worker->receive_data()->code, opcode::pong); // so it was processed
    const json failed = parsed(client.Get(path));
    EXPECT_EQ(failed.at("status"), "finished");
    EXPECT_EQ(failed.at("error"), (json{{"code", "BROKEN"}, {"message", "it broke"}}));
}

TEST(controller_api, a_wait_ends_with_its_time) {
    running_controller controller;
    auto client = controller.client();
    EXPECT_EQ(submit(client, {{"queue", "a"}}, "?wait=1").at("status"), "pending");
    EXPECT_EQ(submit(client, {{"queue", "a"}}, "?wait=0").at("status"), "pending"); // on the same connection
}

TEST(controller_api, survives_a_client_that_does_not_wait) {
    running_controller controller;
    {
        raw_worker impatient{controller.api_url()};
        impatient.send_raw("POST /api/v1/tasks?wait=-1 HTTP/1.1\r\nHost: x\r\nContent-Length: 13\r\n\r\n"
                           R"({"queue":"a"})");
        auto client = controller.client();
        while (parsed(client.Get("/api/v1/tasks")).at("pagination").at("total") == 0) {
        }
    }
    const auto worker = joined(controller);
    const assignment task = next_assignment(*worker);
    worker->send(opcode::binary, complete_frame(task.task_id, {}));
    auto client = controller.client();
    worker->send(opcode::ping, {});
    EXPECT_EQ(worker->receive_data()->code, opcode::pong);
    EXPECT_EQ(parsed(client.Get("/api/v1/tasks/" + task.task_id)).at("status"), "finished");
}

TEST(controller_api, cancels) {
    running_controller controller;
    auto client = controller.client();
    const std::string id = submit(client, {{"queue", "a"}}).at("task_id").get<std::string>();
    const json cancelled = parsed(client.Delete("/api/v1/tasks/" + id));
    EXPECT_EQ(cancelled.at("status"), "finished");
    EXPECT_EQ(cancelled.at("error").at("code"), "CANCELLED");
    EXPECT_EQ(client.Delete("/api/v1/tasks/" + id)->status, 409);
    EXPECT_EQ(client.Delete("/api/v1/tasks/nothing")->status, 404);
}

TEST(controller_api, lists_tasks_queues_and_workers) {
    running_controller controller;
    const auto worker = joined(controller);
    auto client = controller.client();
    for (int i = 0; i < 5; ++i) {
        submit(client, {{"queue", i < 3 ? "a" : "q w"}});
    }
    const json page = parsed(client.Get("/api/v1/tasks?queue=a&page=2&limit=2"));
    EXPECT_EQ(page.at("tasks").size(), 1U);
    EXPECT_EQ(page.at("pagination"), (json{{"page", 2}, {"limit", 2}, {"total", 3}, {"total_pages", 2}}));
    EXPECT_EQ(parsed(client.Get("/api/v1/tasks?queue=q%20w")).at("pagination").at("total"), 2);
    const json queues = parsed(client.Get("/api/v1/queues")).at("queues");
    ASSERT_EQ(queues.size(), 3U);
    EXPECT_EQ(queues[0],
              (json{{"name", "a"}, {"pending", 2}, {"processing", 1}, {"finished", 0}, {"workers", 1}}));
    EXPECT_EQ(queues[2].at("name"), "q w");
    const json workers = parsed(client.Get("/api/v1/workers")).at("workers");
    ASSERT_EQ(workers.size(), 1U);
    EXPECT_EQ(workers[0].at("hostname"), "host");
    EXPECT_EQ(workers[0].at("queues"), (json{"a", "b"}));
    EXPECT_TRUE(workers[0].at("task_id").is_string());
    const json health = parsed(client.Get("/health"));
    EXPECT_EQ(health.at("status"), "ok");
    EXPECT_EQ(health.at("workers"), 1);
    EXPECT_EQ(health.at("tasks"), (json{{"pending", 4}, {"processing", 1}, {"finished", 0}}));
}

TEST(controller_api, shows_progress_while_a_task_runs) {
    running_controller controller;
    const auto worker = joined(controller);
    auto client = controller.client();
    const std::string id = submit(client, {{"queue", "a"}}).at("task_id").get<std::string>();
    static_cast<void>(next_assignment(*worker));
    worker->send(opcode::binary, progress_frame(id, 0.1F, "a tenth"));
    worker->send(opcode::ping, {});
    EXPECT_EQ(worker->receive_data()->code, opcode::pong);
    const json progress = parsed(client.Get("/api/v1/tasks/" + id)).at("progress");
    EXPECT_EQ(progress.at("fraction"), 0.1);
    EXPECT_EQ(progress.at("message"), "a tenth");
    EXPECT_TRUE(progress.at("updated_at").is_number_integer());
}

// Splits a stream of server-sent events into (event, data).
std::vector<std::pair<std::string, json>> events_of(const std::string& text) {
    std::vector<std::pair<std::string, json>> out;
    std::size_t at = 0;
    for (std::size_t end = text.find("\n\n"); end != std::string::npos; end = text.find("\n\n", at)) {
        const std::string block = text.substr(at, end - at);
        at = end + 2;
        if (block.starts_with("event: ")) {
            const std::size_t line = block.find("\ndata: ");
            out.emplace_back(block.substr(7, line - 7), json::parse(block.substr(line + 7)));
        }
    }
    return out;
}

TEST(controller_events, come_in_order_until_the_end) {
    running_controller controller;
    auto client = controller.client();
    const std::string id = submit(client, {{"queue", "a"}}).at("task_id").get<std::string>();
    std::string text;
    std::unique_ptr<raw_worker> worker;
    const auto answer =
        client.Get("/api/v1/tasks/" + id + "/events", [&](const char* piece, std::size_t size) {
            text.append(piece, size);
            if (worker == nullptr) { // the first event shows that the stream is open
                worker = joined(controller);
                static_cast<void>(next_assignment(*worker));
                worker->send(opcode::binary, progress_frame(id, 0.5F, "half"));
                for (int i = 1; i <= 3; ++i) {
                    worker->send(opcode::binary, stream_frame(id, {{"step", i}}));
                }
                worker->send(opcode::binary, complete_frame(id, {{"done", true}}));
            }
            return true;
        });
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->get_header_value("Content-Type"), "text/event-stream");
    const auto events = events_of(text);
    ASSERT_EQ(events.size(), 6U) << text;
    EXPECT_EQ(events[0].first, "progress");
    EXPECT_EQ(events[0].second.at("status"), "pending");
    EXPECT_EQ(events[1].first, "progress");
    EXPECT_EQ(events[1].second.at("fraction"), 0.5);
    EXPECT_EQ(events[1].second.at("message"), "half");
    for (std::size_t i = 1; i <= 3; ++i) {
        EXPECT_EQ(events[i + 1].first, "data");
        EXPECT_EQ(events[i + 1].second, (json{{"step", i}}));
    }
    EXPECT_EQ(events[5].first, "end");
    EXPECT_EQ(events[5].second.at("result"), (json{{"done", true}}));
    EXPECT_EQ(events[5].second.at("status"), "finished");
}

TEST(controller_events, of_a_finished_task_are_its_state_and_its_end) {
    running_controller controller;
    auto client = controller.client();
    const std::string id = submit(client, {{"queue", "a"}}).at("task_id").get<std::string>();
    ASSERT_TRUE(client.Delete("/api/v1/tasks/" + id));
    const auto events = events_of(client.Get("/api/v1/tasks/" + id + "/events")->body);
    ASSERT_EQ(events.size(), 2U);
    EXPECT_EQ(events[0].second.at("status"), "finished");
    EXPECT_EQ(events[1].first, "end");
    EXPECT_EQ(events[1].second.at("error").at("code"), "CANCELLED");
    EXPECT_EQ(client.Get("/api/v1/tasks/nothing/events")->status, 404);
}

TEST(controller_bad_requests, are_answered_with_the_field) {
    running_controller controller;
    auto client = controller.client();
    const std::vector<std::pair<std::string, std::string>> bodies = {
        {"", "body: is no JSON"},
        {"{", "body: is no JSON"},
        {"nonsense", "body: is no JSON"},
        {"[]", "body: must be a JSON object"},
        {"null", "body: must be a JSON object"},
        {R"({"queue":"a","input":1e999})", "body: is no JSON"},
        {"{\"queue\":\"\xFF\"}", "body: is not UTF-8"},
        {R"({"queue":"a","input":{"x":"\ud800"}})", "body: is no JSON"},
        {"{}", "queue: is missing"},
        {R"({"queue":""})", "queue: is missing or empty"},
        {R"({"queue":7})", "queue: must be a text"},
        {R"({"queue":"a\u0000b"})", "queue: holds a NUL"},
        {R"({"queue":"a","input":[1]})", "input: must be an object"},
        {R"({"queue":"a","input":"x"})", "input: must be an object"},
        {R"({"queue":"a","input":{"\u0000":1}})", "a key that holds NUL"},
        {R"({"queue":"a","metadata":3})", "metadata: must be an object"},
        {R"({"queue":"a","timeout":30})", "timeout: must be a text"},
        {R"({"queue":"a","timeout":"30"})", "timeout: is no duration"},
        {R"({"queue":"a","timeout":"-1s"})", "timeout: is no duration"},
        {R"({"queue":"a","timeout":"99999999h"})", "timeout: is no duration"},
        {R"({"queue":"a","retry":-1})", "retry: must be a whole number"},
        {R"({"queue":"a","retry":1.5})", "retry: must be a whole number"},
        {R"({"queue":"a","retry":99999999999999999999})", "retry: must be a whole number"},
        {R"({"queue":"a","webhook_url":"http://x"})", "webhook_url: webhooks are not offered"},
        {nested_input(101), "nested deeper than 100"},
        {nested_input(100'000), "nested deeper than 100"},
        {R"({"queue":"a","input":{"x":")" + std::string(17U << 20U, 'x') + "\"}}",
         "larger than the controller can keep"},
    };
    for (const auto& [body, problem] : bodies) {
        const auto answer = client.Post("/api/v1/tasks", body, "application/json");
        ASSERT_TRUE(answer) << problem;
        EXPECT_EQ(answer->status, 400) << problem;
        EXPECT_THAT(parsed(answer).at("error").get<std::string>(), HasSubstr(problem)) << body.substr(0, 200);
    }
    EXPECT_EQ(client.Post("/api/v1/tasks", nested_input(100), "application/json")->status, 200);
    EXPECT_EQ(parsed(client.Get("/api/v1/tasks")).at("pagination").at("total"), 1);
}

TEST(controller_bad_requests, are_answered_for_paths_methods_and_parameters) {
    running_controller controller;
    auto client = controller.client();
    EXPECT_EQ(client.Get("/")->status, 404);
    EXPECT_EQ(client.Get("/api/v1/tasks/")->status, 404);
    EXPECT_EQ(client.Get("/api/v1/tasksx")->status, 404);
    EXPECT_EQ(client.Get("/api/v1/tasks/x/y")->status, 404);
    EXPECT_EQ(client.Get("/api/v1/queues/a")->status, 404);
    const auto wrong = client.Put("/api/v1/tasks", "{}", "application/json");
    EXPECT_EQ(wrong->status, 405);
    EXPECT_EQ(wrong->get_header_value("Allow"), "GET, POST");
    EXPECT_EQ(client.Post("/api/v1/queues", "{}", "application/json")->status, 405);
    EXPECT_EQ(client.Delete("/health")->status, 405);
    EXPECT_EQ(client.Post("/api/v1/tasks/x/events", "", "text/plain")->status, 405);
    for (const char* query :
         {"page=0", "page=x", "limit=0", "limit=1001", "limit=-1", "queue=%F", "queue=%FF"}) {
        const auto answer = client.Get(std::string{"/api/v1/tasks?"} + query);
        EXPECT_EQ(answer->status, 400) << query;
        EXPECT_TRUE(parsed(answer).at("error").is_string()) << query;
    }
    EXPECT_EQ(client.Post("/api/v1/tasks?wait=-2", R"({"queue":"a"})", "application/json")->status, 400);
    EXPECT_EQ(client.Post("/api/v1/tasks?wait=soon", R"({"queue":"a"})", "application/json")->status, 400);
    EXPECT_EQ(client.Post("/api/v1/tasks", "--x--", "multipart/form-data; boundary=x")->status, 415);
}

TEST(controller_bad_requests, a_body_over_the_limit_is_refused) {
    running_controller controller;
    auto client = controller.client();
    const auto answer = client.Post("/api/v1/tasks", std::string((32U << 20U) + 1, ' '), "application/json");
    ASSERT_TRUE(answer) << httplib::to_string(answer.error());
    EXPECT_EQ(answer->status, 413);
    EXPECT_THAT(parsed(answer).at("error").get<std::string>(), HasSubstr("body"));
    EXPECT_EQ(client.Get("/health")->status, 200);
}

TEST(controller_bad_requests, that_are_no_http_do_no_harm) {
    running_controller controller;
    const std::vector<std::string> requests = {
        std::string("\0\0\0\0\r\n\r\n", 8),
        std::string("GET /a\0b HTTP/1.1\r\n\r\n", 22),
        "GET /health HTTP/9.9\r\n\r\n",
        "\x16\x03\x01\x02\r\n\r\n",
        "GET /health HTTP/1.1\r\nX: " + std::string(100'000, 'x') + "\r\n\r\n",
        "POST /api/v1/tasks HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
        "POST /api/v1/tasks HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n",
        "POST /api/v1/tasks HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n",
    };
    for (const std::string& request : requests) {
        raw_worker client{controller.api_url()};
        client.send_raw(request);
        const std::string answer = client.upgrade("/x"); // whatever comes back, until the end of its head
        EXPECT_TRUE(answer.empty() || answer.starts_with("HTTP/1.1 4")) << answer;
    }
    auto client = controller.client();
    EXPECT_EQ(client.Get("/health")->status, 200);
}

} // namespace
} // namespace distworker::testing
