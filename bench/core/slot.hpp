// One slot without a socket: a registered engine, and a peer that answers at once what has to be answered.
#pragma once

#include <distworker/overloaded.hpp>
#include <distworker/worker_engine.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <span>
#include <variant>

namespace distworker::bench {

/// What the slots of a worker share.
struct shared {
    valid_worker_config config;
    std::shared_ptr<signer> sign;
    buffer_pool pool;
};
/// The default configuration, and a signer that costs nothing.
[[nodiscard]] shared make_shared_parts();

class slot {
public:
    explicit slot(const shared& parts);

    /// One task as a driver runs it inline: the assignment comes in whole, `handle` makes its outcome, that
    /// is written; then `pace` goes by, which brings receipts, heartbeats and the peer's pings with it.
    template <typename Handle>
    void run(std::span<const std::byte> frame, std::chrono::nanoseconds pace, Handle handle) {
        receive(frame);
        drain(handle);
        pass(pace);
        drain(handle);
    }
    /// Nothing is left: all outcomes have their receipts.
    void settle();

    [[nodiscard]] engine_output poll() { return engine_.poll(now_); }
    [[nodiscard]] const engine_counters& counters() const noexcept { return engine_.counters(); }

private:
    void receive(std::span<const std::byte> message);
    void pass(std::chrono::nanoseconds time);

    template <typename Handle>
    void drain(Handle handle) {
        for (;;) {
            engine_output out = engine_.poll(now_);
            if (is_idle(out)) {
                return;
            }
            std::visit(
                overloaded{
                    [&](const output::send& send) { engine_.sent(send.generation, now_); },
                    [&](const output::ping& ping) { engine_.pong(ping.generation, ping.payload, now_); },
                    [&](const output::assigned& begun) {
                        static_cast<void>(engine_.complete(begun.task.name(), handle(begun.task), now_));
                    },
                    [](const auto&) {}},
                out);
        }
    }

    worker_engine engine_;
    instant now_;
    monotonic_time next_ping_;
};

} // namespace distworker::bench
