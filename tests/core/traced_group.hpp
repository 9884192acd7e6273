// A worker group whose life is recorded, with what the tests of traces do to it.
#pragma once

#include "core/engine_rig.hpp"

#include <distworker/trace.hpp>

#include <array>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace distworker::testing {

inline constexpr const char* canary = "canary-7c1d";

/// Fails every third time. Its token must not be found in a trace.
inline signer canary_signer() {
    return [token = secret{std::string_view{canary}},
            count = 0](std::string_view,
                       std::span<const std::byte>) mutable -> std::expected<digest32, signing_error> {
        if (++count % 3 == 0) {
            return std::unexpected{signing_error{signing_error::kind::token_unavailable, "not there now"}};
        }
        digest32 made{};
        made.fill(std::byte{0xA7});
        made[0] = static_cast<std::byte>(count);
        return made;
    };
}

inline worker_config group_config() {
    worker_config config = default_config();
    config.controller = "http://localhost:8081/?key=" + std::string{canary};
    config.slots = 2;
    config.worker_id = "w 1%";
    config.session = session_policy::stable;
    config.resource_info = value{{"zone", "north"}};
    return config;
}

/// A group that is recorded, its connections played by the test.
class traced_group {
public:
    explicit traced_group(trace_payloads payloads, const worker_config& config = group_config(),
                          signer sign = canary_signer())
        : writer{[this](std::string_view line) {
                     text += line;
                     return true;
                 },
                 payloads},
          group{begun(config.validate().value()), writer.noting(std::move(sign)), seed} {}

    std::string text;
    trace_writer writer;
    worker_group group;
    instant now{monotonic_time{1h}, wall_time{std::chrono::milliseconds{1'790'000'000'000}}};
    std::map<std::uint32_t, std::uint32_t> generations;
    std::map<std::uint32_t, std::array<std::byte, 16>> pings;
    std::optional<assigned_task> task;
    monotonic_time wakes = never;

    void give(const group_input& what) {
        writer.gave(what, now);
        writer.answered(distworker::give(group, what, now));
        drain();
    }
    void drain() {
        for (int outputs = 0; outputs < 100'000; ++outputs) {
            const group_output next = group.poll(now);
            writer.took(next, now);
            if (const auto* idle = std::get_if<output::idle>(&next.out)) {
                wakes = idle->deadline;
                return;
            }
            if (const auto* c = std::get_if<output::connect>(&next.out)) {
                generations[next.slot] = c->generation;
            } else if (const auto* p = std::get_if<output::ping>(&next.out)) {
                pings[next.slot] = p->payload;
            } else if (const auto* a = std::get_if<output::assigned>(&next.out)) {
                task = a->task;
            }
        }
        throw std::logic_error{"I20: the group never becomes idle"};
    }
    void pass(std::chrono::milliseconds time) {
        now.monotonic += time;
        now.wall += time;
        give(input::tick{});
    }

private:
    static constexpr std::uint64_t seed = 5;

    valid_worker_config begun(const valid_worker_config& config) {
        writer.begin(config, seed);
        return config;
    }
};

} // namespace distworker::testing
