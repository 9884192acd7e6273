// Plays the host of a `controller_engine` and its workers in memory, on virtual time.
#pragma once

#include <distworker/controller_engine.hpp>
#include <distworker/openssl_crypto.hpp>
#include <distworker/signing.hpp>
#include <distworker/value_writer.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace distworker::testing {

using message = std::vector<std::byte>;

inline message to_message(std::span<const std::byte> bytes) {
    return {bytes.begin(), bytes.end()};
}

/// A frame whose payload has a Struct in `field`.
inline void write_payload(wire::writer& wire, std::uint32_t field, const value& object) {
    wire.open(field);
    value_writer members{wire, "payload", SIZE_MAX, max_input_depth};
    write_members(members, object);
    wire.close();
}

inline message complete_frame(std::string_view task_id, const value& result) {
    byte_buffer out;
    wire::writer wire{out};
    wire::begin_frame(wire, frame_type::task_complete);
    wire.text(wire::complete_field::task_id, task_id);
    write_payload(wire, wire::complete_field::result, result);
    wire::end_frame(wire);
    return to_message(out.bytes());
}

inline message done(std::string_view task_id, int n = 1) {
    return complete_frame(task_id, {{"n", n}});
}

inline message failed_frame(std::string_view task_id, std::string_view code, std::string_view text = "") {
    byte_buffer out;
    wire::writer wire{out};
    wire::begin_frame(wire, frame_type::task_failed);
    wire.text(wire::failed_field::task_id, task_id);
    wire.text(wire::failed_field::error_code, code);
    wire.text(wire::failed_field::error_message, text);
    wire::end_frame(wire);
    return to_message(out.bytes());
}

inline message progress_frame(std::string_view task_id, float fraction, std::string_view text) {
    byte_buffer out;
    write_progress(out, task_id, fraction, text);
    return to_message(out.bytes());
}

inline message stream_frame(std::string_view task_id, const value& data) {
    byte_buffer out;
    wire::writer wire{out};
    wire::begin_frame(wire, frame_type::task_progress);
    wire.text(wire::progress_field::task_id, task_id);
    write_payload(wire, wire::progress_field::data, data);
    wire::end_frame(wire);
    return to_message(out.bytes());
}

/// What a worker signs and sends first.
struct registration {
    std::string provisioner = "p";
    std::string worker_id;
    std::string token = "token";
    std::chrono::seconds clock_off{0};
};

inline const controller_config ideal{.mode = controller_mode::ideal};
inline const registration stable{.worker_id = "w1", .token = "once"};

inline message register_frame(const registration& who, wall_time now) {
    const auto date = signing_date(now + who.clock_off);
    signed_register_view content;
    content.provisioner = who.provisioner;
    content.worker_id = who.worker_id;
    content.date = date->view();
    content.hostname = "host";
    content.cpu_cores = 8;
    content.memory_mb = 16'000;
    byte_buffer data;
    write_signed_register(data, content);
    const auto signature = sign_registration(*make_openssl_crypto(), secret{std::string_view{who.token}},
                                             date->view(), data.bytes());
    byte_buffer out;
    write_register(out, data.bytes(), *signature);
    return to_message(out.bytes());
}

/// An assignment as a worker got it.
struct assignment {
    std::string task_id;
    std::string queue;
    value input;
    std::int64_t timeout_ms = 0;
};

/// The engine with its outputs sorted by what they are.
class controller_harness {
public:
    explicit controller_harness(const controller_config& config = {}, bool with_provisioner = true)
        : engine_config{config}, engine{config, make_openssl_crypto(), 1} {
        if (with_provisioner) {
            EXPECT_TRUE(engine.add_provisioner({"p", secret{std::string_view{"token"}}, {"a", "b"}}));
        }
    }

    controller_config engine_config;
    controller_engine engine;
    std::map<connection_id, std::vector<message>> messages;
    std::vector<connection_id> pings;
    std::vector<connection_id> hung_up;
    std::vector<std::pair<task_event::kind, std::string>> events;
    std::vector<value> data;
    std::vector<store_record> stores;
    std::vector<connection_id> held;
    std::vector<connection_id> read_on_for;
    std::vector<wait_over> over;
    bool write_at_once = true;
    bool store_at_once = true;
    std::uint64_t stored = 0;
    connection_id last_connection = 0; ///< Of those that joined.
    monotonic_time deadline = never;

    [[nodiscard]] instant now() const {
        return {monotonic_time{elapsed_}, wall_ + std::chrono::floor<std::chrono::milliseconds>(elapsed_)};
    }

    /// Takes all outputs.
    void drain() {
        for (;;) {
            auto out = engine.poll(now());
            if (const auto* idle = std::get_if<controller_idle>(&out)) {
                deadline = idle->deadline;
                return;
            }
            if (auto* send = std::get_if<send_message>(&out)) {
                messages[send->connection].push_back(to_message(send->message.bytes()));
                if (write_at_once) {
                    engine.sent(send->connection, now());
                }
            } else if (auto* ping = std::get_if<send_ping>(&out)) {
                pings.push_back(ping->connection);
            } else if (auto* end = std::get_if<end_connection>(&out)) {
                hung_up.push_back(end->connection);
            } else if (auto* hold = std::get_if<hold_reading>(&out)) {
                held.push_back(hold->connection);
            } else if (auto* go = std::get_if<read_on>(&out)) {
                read_on_for.push_back(go->connection);
            } else if (auto* store = std::get_if<store_record>(&out)) {
                stores.push_back(*store);
                if (store_at_once) {
                    store_all();
                }
            } else if (auto* end_of_wait = std::get_if<wait_over>(&out)) {
                over.push_back(*end_of_wait);
            } else if (auto* event = std::get_if<task_event>(&out)) {
                events.emplace_back(event->what, event->task->id);
                if (event->what == task_event::kind::data) {
                    data.emplace_back(event->data.view());
                }
            }
        }
    }

    /// Lets time pass, deadline by deadline as a host would.
    void pass(std::chrono::nanoseconds time) {
        const std::chrono::nanoseconds until = elapsed_ + time;
        drain();
        while (deadline <= monotonic_time{until}) {
            elapsed_ = deadline.time_since_epoch();
            drain();
        }
        elapsed_ = until;
        drain();
    }
    void leap(std::chrono::nanoseconds time) { elapsed_ += time; }

    void receive(connection_id from, const message& what, message_kind kind = message_kind::binary) {
        engine.received(from, kind, what, true, now());
        drain();
    }
    /// A connection that has sent its registration.
    void join(connection_id id, const registration& who = {}) {
        last_connection = std::max(last_connection, id);
        engine.connected(id, now());
        receive(id, register_frame(who, now().wall));
    }
    [[nodiscard]] std::shared_ptr<const task_record> submit(const task_spec& spec) {
        const auto task = engine.submit(spec, now());
        EXPECT_TRUE(task) << (task ? "" : task.error().to_string());
        drain();
        return task ? *task : nullptr;
    }
    [[nodiscard]] std::shared_ptr<const task_record> submit_to(std::string queue) {
        return submit(task_spec{.queue = std::move(queue)});
    }
    /// What a worker was given so far, in order.
    [[nodiscard]] std::vector<assignment> assignments(connection_id worker) const {
        std::vector<assignment> out;
        if (const auto found = messages.find(worker); found != messages.end()) {
            for (const message& m : found->second) {
                const auto frame = read_frame(m);
                EXPECT_TRUE(frame);
                if (const auto* task = frame ? std::get_if<task_assign_view>(&*frame) : nullptr) {
                    out.push_back({std::string{task->task_id}, std::string{task->queue}, value{task->input},
                                   task->timeout_ms});
                }
            }
        }
        return out;
    }
    /// Every store so far is done.
    void store_all() {
        stored = stores.empty() ? 0 : stores.back().serial;
        engine.stored(stored, now());
    }
    void disconnect(connection_id id) {
        engine.disconnected(id, now());
        drain();
    }
    void add_session(std::string worker_id) {
        EXPECT_TRUE(engine.add_session({std::move(worker_id), secret{std::string_view{"once"}}, "p"}));
    }
    /// Of a connected worker.
    [[nodiscard]] worker_info info(connection_id of) const {
        for (const worker_info& worker : engine.workers()) {
            if (worker.connection == of) {
                return worker;
            }
        }
        ADD_FAILURE() << "connection " << of << " is not registered";
        return {};
    }
    [[nodiscard]] availability state(connection_id of) const { return info(of).state; }
    [[nodiscard]] std::uint64_t count(note_kind kind) const { return engine.counters()[kind]; }

private:
    std::chrono::nanoseconds elapsed_{1};
    wall_time wall_{std::chrono::sys_days{std::chrono::year{2025} / 6 / 1}};
};

} // namespace distworker::testing
