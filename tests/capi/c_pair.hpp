// The engine of the C interface and a controller's, joined in memory on virtual time.
#pragma once

#include <distworker/controller_engine.hpp>
#include <distworker/openssl_crypto.hpp>
#include <distworker/overloaded.hpp>
#include <distworker/signing.hpp>

#include <distworker.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <string>
#include <vector>

namespace distworker::testing {

inline std::string text_of(dw_text text) {
    return {text.data, text.size};
}

class c_pair {
public:
    explicit c_pair(const std::map<std::string, std::string>& more = {}) {
        std::map<std::string, std::string> settings{{"controller", "http://controller.test"},
                                                    {"provisioner", "demo"}};
        settings.insert(more.begin(), more.end());
        for (const auto& [name, value] : settings) {
            EXPECT_EQ(dw_config_set(config_, name.c_str(), value.data(), value.size()), DW_OK) << name;
        }
        EXPECT_EQ(dw_config_faults(config_), nullptr);
        EXPECT_EQ(dw_engine_new(config_, sign, this, 1, &engine), DW_OK);
        EXPECT_TRUE(controller.add_provisioner({"demo", secret{std::string_view{"token"}}, {"math.add"}}));
    }
    c_pair(const c_pair&) = delete;
    c_pair& operator=(const c_pair&) = delete;
    ~c_pair() {
        for (dw_task* task : tasks) {
            dw_task_free(task);
        }
        dw_engine_free(engine);
        dw_config_free(config_);
    }

    [[nodiscard]] dw_instant now() const {
        return {.monotonic_ns = at_.monotonic.time_since_epoch().count(),
                .wall_ms = at_.wall.time_since_epoch().count()};
    }
    void pass(std::chrono::milliseconds time) {
        at_.monotonic += time;
        at_.wall += time;
        pump();
    }
    /// Carries what both want to the other side, until neither wants anything.
    void pump() {
        do {
            worker_side();
        } while (controller_side());
    }
    std::string submit(value input = {}) {
        const auto made =
            controller.submit({.queue = "math.add", .metadata = {}, .input = std::move(input)}, at_);
        pump();
        return (*made)->id;
    }
    /// A worker that is registered and has this task.
    dw_task* begin(value input = {}) {
        EXPECT_EQ(dw_engine_start(engine, now()), DW_OK);
        pump();
        id = submit(std::move(input));
        return tasks.empty() ? nullptr : tasks.back();
    }
    /// A frame of a controller that is not the one here.
    void hear(std::span<const std::byte> frame) {
        EXPECT_EQ(dw_engine_received(engine, 0, generation_, 0, frame.data(), frame.size(), 1, now()), DW_OK);
        pump();
    }
    [[nodiscard]] const task_record& task() const { return *controller.find(id); }

    dw_engine* engine = nullptr;
    controller_engine controller{{}, make_openssl_crypto(), 1};
    std::vector<dw_task*> tasks;
    std::string id; // of the task that `begin` submitted
    std::vector<std::string> log;
    std::vector<std::byte> last_sent;
    std::function<int(c_pair&)> before_signing = [](c_pair&) { return 0; };

private:
    static int sign(void* context, const char* date, std::size_t date_size, const unsigned char* data,
                    std::size_t size, unsigned char* signature) {
        auto& self = *static_cast<c_pair*>(context);
        if (const int refused = self.before_signing(self); refused != 0) {
            return refused;
        }
        const auto made =
            sign_registration(*make_openssl_crypto(), secret{std::string_view{"token"}}, {date, date_size},
                              {reinterpret_cast<const std::byte*>(data), size});
        std::memcpy(signature, made.value().data(), made->size());
        return 0;
    }

    void worker_side() {
        for (;;) {
            dw_event event{};
            event.size = sizeof event;
            ASSERT_EQ(dw_engine_poll(engine, now(), &event), DW_OK);
            const auto bytes = std::as_bytes(std::span{event.text.data, event.text.size});
            switch (event.kind) {
            case DW_IDLE:
                return;
            case DW_CONNECT:
                log.push_back("connect " + text_of(event.text));
                generation_ = event.generation;
                controller.connected(++connection_, at_);
                EXPECT_EQ(dw_engine_link(engine, 0, generation_, DW_OPENED, now()), DW_OK);
                break;
            case DW_SEND:
                last_sent.assign(bytes.begin(), bytes.end());
                controller.received(connection_, message_kind::binary, bytes, true, at_);
                EXPECT_EQ(dw_engine_link(engine, 0, generation_, DW_SENT, now()), DW_OK);
                break;
            case DW_PING: {
                const std::string payload = text_of(event.text);
                EXPECT_EQ(dw_engine_pong(engine, 0, generation_, payload.data(), payload.size(), now()),
                          DW_OK);
                break;
            }
            case DW_CLOSE:
                controller.disconnected(connection_, at_);
                EXPECT_EQ(dw_engine_closed(engine, 0, generation_, DW_END_CLOSED, 0, "", 0, now()), DW_OK);
                break;
            case DW_ABORT:
                controller.disconnected(connection_, at_);
                break;
            case DW_ASSIGNED:
                tasks.push_back(event.task);
                break;
            case DW_DISCONNECTED:
                log.push_back("disconnected " + text_of(event.text));
                break;
            case DW_STATE_CHANGED:
                log.push_back("state " + text_of(event.text));
                break;
            case DW_STOPPED:
                log.push_back("stopped " + text_of(event.text));
                break;
            case DW_WRITABLE:
                log.emplace_back("writable");
                break;
            case DW_STOP_TASK:
                log.push_back("stop " + std::to_string(event.code));
                break;
            default:
                break;
            }
        }
    }
    // Whether it said anything.
    bool controller_side() {
        for (bool said = false;; said = true) {
            const controller_output out = controller.poll(at_);
            if (std::holds_alternative<controller_idle>(out)) {
                return said;
            }
            std::visit(overloaded{[&](const send_message& o) {
                                      const auto bytes = o.message.bytes();
                                      EXPECT_EQ(dw_engine_received(engine, 0, generation_, 0, bytes.data(),
                                                                   bytes.size(), 1, now()),
                                                DW_OK);
                                      controller.sent(o.connection, at_);
                                  },
                                  [&](const send_ping& o) {
                                      EXPECT_EQ(dw_engine_link(engine, 0, generation_, DW_PINGED, now()),
                                                DW_OK);
                                      controller.alive(o.connection, at_);
                                  },
                                  [&](const end_connection&) {
                                      EXPECT_EQ(dw_engine_closed(engine, 0, generation_, DW_END_LOST, 0,
                                                                 "gone", DW_NUL, now()),
                                                DW_OK);
                                  },
                                  [](const auto&) {}},
                       out);
        }
    }

    dw_config* config_ = dw_config_new();
    instant at_{monotonic_time{std::chrono::hours{1}},
                wall_time{std::chrono::milliseconds{1'790'000'000'000}}};
    std::uint32_t generation_ = 0;
    connection_id connection_ = 0;
};

} // namespace distworker::testing
