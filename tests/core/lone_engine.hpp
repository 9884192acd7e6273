// One engine without a group around it, to be used as if there were one.
#pragma once

#include <distworker/worker_group.hpp>

#include <memory>
#include <utility>

namespace distworker::testing {

class lone_engine {
public:
    lone_engine(const valid_worker_config& config, signer sign, std::uint64_t seed,
                buffer_pool pool = buffer_pool{})
        : engine_{config, std::make_shared<signer>(std::move(sign)), seed, {.pool = std::move(pool)}} {}

    template <typename Event>
    auto with(std::uint32_t, Event event) {
        return event(engine_);
    }
    [[nodiscard]] std::size_t slots() const { return 1; }
    [[nodiscard]] const worker_engine& slot(std::uint32_t) const { return engine_; }
    auto start(instant now) { return engine_.start(now); }
    auto stop(end_reason why, stop_limits limits, instant now) { return engine_.stop(why, limits, now); }
    auto pause(instant now) { return engine_.pause(now); }
    auto resume(instant now) { return engine_.resume(now); }
    auto set_slots(std::uint32_t, instant) { return std::expected<void, misuse>{}; }
    auto complete(const delivery& task, outcome&& answer, instant now) {
        return engine_.complete(task, std::move(answer), now);
    }
    auto progress(const delivery& task, double fraction, std::string_view message, instant now) {
        return engine_.progress(task, fraction, message, now);
    }
    auto stream(const delivery& task, stream_item&& item, instant now) {
        return engine_.stream(task, std::move(item), now);
    }
    group_output poll(instant now) { return {0, engine_.poll(now)}; }
    [[nodiscard]] engine_counters counters() const { return engine_.counters(); }

private:
    worker_engine engine_;
};

} // namespace distworker::testing
