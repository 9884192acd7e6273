// Handlers under test by a worker of their own and the embedded controller, all in this process.
#include "handlers.hpp"

#include <distworker/controller_server.hpp>
#include <distworker/worker.hpp>

#include <gtest/gtest.h>
#include <httplib.h>
#include <nlohmann/json.hpp>

#include <thread>

namespace {

using nlohmann::json;

class MyHandlers : public ::testing::Test {
protected:
    MyHandlers() {
        distworker::controller_options options{.api_port = 0, .worker_port = 0}; // free ones
        options.provisioners.push_back({"test", distworker::secret{std::string_view{"token"}}, {"math.add"}});
        controller_ = distworker::controller_server::start(std::move(options)).value();
        serving_ = std::jthread{[this] { controller_->run(); }};

        distworker::config settings;
        settings.controller = controller_->worker_url();
        settings.provisioner = "test";
        settings.token = distworker::secret{std::string_view{"token"}};
        worker_ = std::make_unique<distworker::worker>(std::move(settings));
        basic_worker::bind_all(*worker_); // yours
        EXPECT_TRUE(worker_->start());
    }
    ~MyHandlers() override {
        worker_.reset(); // which ends it in order
        controller_->stop();
    }

    /// The task when it has ended; it waits in its queue until the worker is there.
    json run(const std::string& queue, const json& input) {
        httplib::Client client{controller_->api_url()};
        client.set_read_timeout(std::chrono::seconds{60});
        const json task{{"queue", queue}, {"input", input}};
        const auto answer = client.Post("/api/v1/tasks?wait=60000", task.dump(), "application/json");
        return answer ? json::parse(answer->body) : json{};
    }

private:
    std::unique_ptr<distworker::controller_server> controller_;
    std::jthread serving_;
    std::unique_ptr<distworker::worker> worker_;
};

TEST_F(MyHandlers, AddNumbers) {
    const json done = run("math.add", {{"operation", "add"}, {"a", 1}, {"b", 2}});
    EXPECT_EQ(done.at("status"), "finished");
    EXPECT_EQ(done.at("result").at("result"), 3);
}

TEST_F(MyHandlers, SayWhatIsMissing) {
    const json failed = run("math.add", {{"operation", "add"}, {"a", 1}});
    EXPECT_EQ(failed.at("error").at("code"), "INVALID_INPUT");
    EXPECT_EQ(failed.at("error").at("message"), "input.b: is missing");
}

} // namespace
