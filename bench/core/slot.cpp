#include "bench/core/slot.hpp"

#include <distworker/frame.hpp>
#include <distworker/outcome.hpp>

namespace distworker::bench {
namespace {

constexpr std::chrono::seconds ping_interval{3}; // as the controller's

std::expected<digest32, signing_error> sign_nothing(std::string_view /*date*/,
                                                    std::span<const std::byte> /*data*/) {
    return digest32{};
}

outcome nothing_expected(const assigned_task& task) {
    return outcome_writer{task}.complete();
}

} // namespace

shared make_shared_parts() {
    worker_config config;
    config.controller = "http://localhost:8081";
    config.provisioner = "bench";
    return {config.validate().value(), std::make_shared<signer>(sign_nothing), buffer_pool{}};
}

slot::slot(const shared& parts)
    : engine_{parts.config, parts.sign, 1, {.pool = parts.pool}},
      now_{monotonic_time{std::chrono::hours{1}}, wall_time{std::chrono::milliseconds{1'790'000'000'000}}},
      next_ping_{now_.monotonic} {
    static_cast<void>(engine_.start(now_));
    drain(nothing_expected);
    engine_.opened(engine_.generation(), now_);
    drain(nothing_expected);
    byte_buffer response;
    write_register_response(response, 0);
    receive(response.bytes());
    drain(nothing_expected);
}

void slot::receive(std::span<const std::byte> message) {
    engine_.received(engine_.generation(), message_kind::binary, message, true, message.size(), now_);
}

void slot::pass(std::chrono::nanoseconds time) {
    now_.monotonic += time;
    if (now_.monotonic >= next_ping_) {
        next_ping_ = now_.monotonic + ping_interval;
        engine_.pinged(engine_.generation(), now_);
    }
}

void slot::settle() {
    engine_.flush(now_);
    drain(nothing_expected);
}

} // namespace distworker::bench
