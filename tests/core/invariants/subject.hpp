// What is put to the test: one engine, or a group of them, by the same calls.
#pragma once

#include <distworker/group_input.hpp>
#include <distworker/overloaded.hpp>

#include <cstdint>
#include <expected>
#include <type_traits>
#include <utility>
#include <variant>

namespace distworker::testing {

/// Calls an engine as `give` calls a group. An engine has no slots to set.
inline std::expected<void, misuse> give(worker_engine& engine, const group_input& what, instant now) {
    const auto done = [](auto&& call) -> std::expected<void, misuse> {
        call();
        return {};
    };
    return std::visit(
        overloaded{
            [&](const input::start&) { return engine.start(now); },
            [&](const input::stop& in) { return engine.stop(in.why, in.limits, now); },
            [&](const input::pause&) { return engine.pause(now); },
            [&](const input::resume&) { return engine.resume(now); },
            [&](const input::set_slots&) { return std::expected<void, misuse>{}; },
            [&](const input::flush&) { return done([&] { engine.flush(now); }); },
            [&](const input::set_health& in) { return done([&] { engine.set_health(in.health); }); },
            [&](const input::tick&) { return done([&] { engine.tick(now); }); },
            [&](const input::set_usage& in) { return done([&] { engine.set_usage(in.usage); }); },
            [&](const input::opened& in) { return done([&] { engine.opened(in.generation, now); }); },
            [&](const input::received& in) {
                return done([&] {
                    engine.received(in.generation, in.kind, in.part, in.end_of_message, in.announced_size,
                                    now);
                });
            },
            [&](const input::pinged& in) { return done([&] { engine.pinged(in.generation, now); }); },
            [&](const input::pong& in) { return done([&] { engine.pong(in.generation, in.payload, now); }); },
            [&](const input::alive& in) { return done([&] { engine.alive(in.generation, now); }); },
            [&](const input::sent& in) { return done([&] { engine.sent(in.generation, now); }); },
            [&](const input::closed& in) { return done([&] { engine.closed(in.generation, in.end, now); }); },
            [&](const input::complete& in) { return engine.complete(in.task, std::move(*in.answer), now); },
            [&](const input::progress& in) { return engine.progress(in.task, in.fraction, in.message, now); },
            [&](const input::stream& in) { return engine.stream(in.task, std::move(*in.item), now); },
        },
        what);
}

class subject {
public:
    subject() = default;
    subject(const subject&) = delete;
    subject& operator=(const subject&) = delete;
    virtual ~subject() = default;

    virtual std::expected<void, misuse> give(const group_input& what, instant now) = 0;
    virtual group_output poll(instant now) = 0;
    [[nodiscard]] virtual std::uint32_t slots() const = 0;
    [[nodiscard]] virtual const worker_engine& slot(std::uint32_t index) const = 0;
};

class one_engine final : public subject {
public:
    one_engine(const valid_worker_config& config, signer sign, std::uint64_t seed)
        : engine_{config, std::move(sign), seed} {}

    std::expected<void, misuse> give(const group_input& what, instant now) override {
        return testing::give(engine_, what, now);
    }
    group_output poll(instant now) override { return {0, engine_.poll(now)}; }
    [[nodiscard]] std::uint32_t slots() const override { return 1; }
    [[nodiscard]] const worker_engine& slot(std::uint32_t) const override { return engine_; }

private:
    worker_engine engine_;
};

class one_group final : public subject {
public:
    one_group(const valid_worker_config& config, signer sign, std::uint64_t seed)
        : group_{config, std::move(sign), seed} {}

    std::expected<void, misuse> give(const group_input& what, instant now) override {
        return distworker::give(group_, what, now);
    }
    group_output poll(instant now) override { return group_.poll(now); }
    [[nodiscard]] std::uint32_t slots() const override { return static_cast<std::uint32_t>(group_.slots()); }
    [[nodiscard]] const worker_engine& slot(std::uint32_t index) const override { return group_.slot(index); }

private:
    worker_group group_;
};

} // namespace distworker::testing
