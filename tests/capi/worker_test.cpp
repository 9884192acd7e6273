// The ready worker by its C interface, against the embedded controller.
#include <distworker/controller_server.hpp>

#include <distworker.h>
#include <gtest/gtest.h>
#include <poll.h>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

namespace distworker::testing {
namespace {

using namespace std::chrono_literals;

class c_worker {
public:
    c_worker() {
        controller_options options;
        options.api_port = 0;
        options.worker_port = 0;
        options.provisioners.push_back({"p", secret{std::string_view{"token"}}, {"a"}});
        server_ = controller_server::start(std::move(options)).value();
        thread_ = std::jthread{[this] { server_->run(); }};
        dw_config* const config = dw_config_new();
        for (const auto& [name, value] :
             {std::pair<const char*, std::string>{"controller", server_->worker_url()},
              {"provisioner", "p"},
              {"token", "token"}}) {
            EXPECT_EQ(dw_config_set(config, name, value.data(), value.size()), DW_OK) << name;
        }
        EXPECT_EQ(dw_worker_new(config, &handle), DW_OK);
        dw_config_free(config);
    }
    c_worker(const c_worker&) = delete;
    c_worker& operator=(const c_worker&) = delete;
    ~c_worker() {
        dw_worker_free(handle);
        server_->stop();
    }

    /// Lives until this slot is in this state; false when it never is.
    bool reaches(std::uint32_t slot, std::string_view state) {
        const auto deadline = std::chrono::steady_clock::now() + 60s;
        while (std::chrono::steady_clock::now() < deadline) {
            dw_event event{};
            event.size = sizeof event;
            EXPECT_EQ(dw_worker_step(handle, &event), DW_OK);
            if (event.kind == DW_STATE_CHANGED && event.slot == slot &&
                std::string_view{event.text.data, event.text.size} == state) {
                return true;
            }
            if (event.kind == DW_IDLE) {
                const int wait = dw_worker_timeout_ms(handle);
                pollfd watched{dw_worker_descriptor(handle), POLLIN, 0};
                ::poll(&watched, 1, wait < 0 ? 1000 : std::min(wait, 1000));
            }
        }
        return false;
    }

    dw_worker* handle = nullptr;

private:
    std::unique_ptr<controller_server> server_;
    std::jthread thread_;
};

TEST(CWorker, PausesGoesOnAndTakesMoreAtOnce) {
    c_worker worker;
    ASSERT_TRUE(worker.reaches(0, "ready"));
    EXPECT_EQ(dw_worker_pause(worker.handle), DW_OK);
    EXPECT_TRUE(worker.reaches(0, "paused"));
    EXPECT_EQ(dw_worker_resume(worker.handle), DW_OK);
    EXPECT_TRUE(worker.reaches(0, "ready"));
    EXPECT_EQ(dw_worker_set_slots(worker.handle, 0), DW_INVALID_VALUE);
    EXPECT_EQ(dw_worker_set_slots(worker.handle, 2), DW_OK);
    EXPECT_TRUE(worker.reaches(1, "ready"));
    EXPECT_EQ(dw_worker_stop(worker.handle, 1000), DW_OK);
    EXPECT_TRUE(worker.reaches(0, "stopped"));
    EXPECT_EQ(dw_worker_resume(worker.handle), DW_NOT_IN_STATE) << "it has ended";
}

} // namespace
} // namespace distworker::testing
