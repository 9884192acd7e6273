// A worker group that says whatever a test makes it say, with a witness beside it.
#pragma once

#include <distworker/outcome.hpp>
#include <distworker/sim/witness.hpp>
#include <distworker/value_writer.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace distworker::sim {

using namespace std::chrono_literals;

inline std::expected<digest32, signing_error> blank_signature(std::string_view, std::span<const std::byte>) {
    return digest32{};
}

/// A group that does whatever a test makes it say.
class liar {
public:
    explicit liar(worker_config config = ordinary()) : sees{config.validate().value(), seen} {}

    static worker_config ordinary() {
        worker_config config;
        config.controller = "http://sim.example";
        config.provisioner = "sim";
        return config;
    }

    probes seen;
    witness sees;
    instant now{monotonic_time{1h}, wall_time{std::chrono::milliseconds{1'790'000'000'000}}};
    std::uint64_t pings = 0;

    void say(engine_output out) { sees.took({0, std::move(out)}, now); }
    void hear(const group_input& what, const std::expected<void, misuse>& result = {}) {
        sees.gave(what, now);
        sees.answered(what, result);
    }
    // Idle, with nothing counted.
    void rest() {
        worker_group nobody{ordinary().validate().value(), blank_signature, 1};
        sees.settled(nobody, now);
    }
    void pass(std::chrono::nanoseconds time) {
        // Woken in time, again and again: not suspended.
        for (const monotonic_time end = now.monotonic + time; now.monotonic < end;) {
            now.monotonic = std::min(end, now.monotonic + 1s);
            say(output::idle{now.monotonic + 1s, deadline_reason::heartbeat});
        }
    }

    void connect(std::uint32_t generation = 1) {
        say(output::connect{nullptr, generation});
        say(output::state_changed{engine_state::connecting});
        hear(input::opened{0, generation});
        say(output::state_changed{engine_state::registering});
    }
    void send(const byte_buffer& frame, std::uint32_t generation = 1) {
        say(output::send{generation, frame.bytes()});
    }
    void write(const byte_buffer& frame, std::uint32_t generation = 1) {
        send(frame, generation);
        hear(input::sent{0, generation});
    }
    void become_registered(std::uint32_t generation = 1) {
        connect(generation);
        signer sign = sees.noting(blank_signature);
        write(registration(sign), generation);
        byte_buffer answer;
        write_register_response(answer, 0);
        receive(answer, generation);
        say(output::state_changed{engine_state::ready});
        heartbeat(generation);
    }
    byte_buffer registration(signer& sign) const {
        signed_register_view content;
        const auto date = signing_date(now.wall).value();
        content.provisioner = "sim";
        content.date = date.view();
        byte_buffer data;
        write_signed_register(data, content);
        const auto signature = sign(date.view(), data.bytes()).value();
        byte_buffer frame;
        write_register(frame, data.bytes(), std::as_bytes(std::span{signature}));
        return frame;
    }
    void heartbeat(std::uint32_t generation = 1) {
        byte_buffer frame;
        write_heartbeat(frame, {});
        write(frame, generation);
    }
    void receive(const byte_buffer& frame, std::uint32_t generation = 1) {
        hear(input::received{0, generation, message_kind::binary, frame.bytes(), true, frame.size()});
    }
    void receive_task(std::string_view id, std::int64_t timeout_ms = 0, std::uint32_t generation = 1) {
        task_assign_view task;
        task.task_id = id;
        task.queue = "q";
        task.timeout_ms = timeout_ms;
        byte_buffer frame;
        write_task_assign(frame, task);
        receive(frame, generation);
    }
    assigned_task assign(std::string_view id, std::uint64_t serial = 1, monotonic_time deadline = never) {
        task_assign_view task;
        task.task_id = ids_.emplace_back(id);
        const assigned_task made{{}, task, {0, 1, serial}, deadline, buffer_pool::none()};
        say(output::assigned{made});
        say(output::state_changed{engine_state::busy});
        return made;
    }
    assigned_task run(std::string_view id, std::uint64_t serial = 1) {
        receive_task(id);
        return assign(id, serial);
    }
    static outcome answer_to(const assigned_task& task) {
        outcome_writer writer{task};
        writer.result().member("done", true);
        return std::move(writer).complete();
    }
    void complete(const assigned_task& task, outcome& answer) {
        hear(input::complete{task.name(), &answer});
        say(output::state_changed{engine_state::ready});
    }
    void send(const outcome& answer, std::uint32_t generation = 1) {
        say(output::send{generation, answer.frame()});
    }
    void write(const outcome& answer, std::uint32_t generation = 1) {
        send(answer, generation);
        hear(input::sent{0, generation});
    }
    void ping() {
        output::ping out{1, {}};
        const std::uint64_t serial = ++pings;
        std::memcpy(out.payload.data() + 8, &serial, sizeof serial);
        say(out);
    }
    void end(end_cause cause = end_cause::peer_closed, std::chrono::nanoseconds retry = 1s,
             std::uint32_t generation = 1) {
        say(output::disconnected{generation,
                                 {.cause = cause, .detail = "", .retry_at = now.monotonic + retry}});
        say(output::state_changed{engine_state::backoff});
    }
    [[nodiscard]] const std::vector<std::string>& accusations() const { return sees.accusations(); }
    [[nodiscard]] bool accused_of(std::string_view invariant) const {
        return std::ranges::any_of(accusations(),
                                   [&](const std::string& each) { return each.starts_with(invariant); });
    }

private:
    std::deque<std::string> ids_;
};

} // namespace distworker::sim

#define EXPECT_ACCUSED(group, invariant)                                                                     \
    EXPECT_THAT((group).accusations(),                                                                       \
                ::testing::Contains(::testing::StartsWith(std::string{invariant} + ":")))
