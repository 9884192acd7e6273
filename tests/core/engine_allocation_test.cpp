// The engine's memory in steady state: once warm, a task costs no allocation, and neither does an idle poll.
#include "core/engine_rig.hpp"
#include "support/allocation_count.hpp"

#include <gtest/gtest.h>

namespace distworker::testing {
namespace {

/// Performs an engine's outputs, keeps what is needed to go on, and allocates nothing itself.
class bare_driver {
public:
    bare_driver() : engine_{default_config().validate().value(), fake_signer(), 1} {
        static_cast<void>(engine_.start(now_));
        drain();
        engine_.opened(1, now_);
        drain();
        receive(response_frame());
    }

    void receive(std::span<const std::byte> message) {
        engine_.received(1, message_kind::binary, message, true, message.size(), now_);
        drain();
    }
    void answer() {
        outcome_writer writer{task_};
        writer.result().member("sum", 3);
        ASSERT_TRUE(engine_.complete(task_.name(), std::move(writer).complete(), now_));
        task_ = {};
        drain();
    }
    void progress(double fraction) {
        ASSERT_TRUE(engine_.progress(task_.name(), fraction, "half way", now_));
        drain();
    }
    void stream() {
        stream_item_writer item{task_, 0.5F};
        item.data().member("token", "word");
        ASSERT_TRUE(engine_.stream(task_.name(), *std::move(item).finish(), now_));
        drain();
    }
    void pass(std::chrono::nanoseconds time) {
        now_.monotonic += time;
        drain();
    }
    /// The controller's side of the connection stays alive.
    void peer_ping() {
        engine_.pinged(1, now_);
        drain();
    }
    void drain() {
        for (;;) {
            engine_output out = engine_.poll(now_);
            if (is_idle(out)) {
                return;
            }
            if (const auto* send = std::get_if<output::send>(&out)) {
                engine_.sent(send->generation, now_);
            } else if (const auto* ping = std::get_if<output::ping>(&out)) {
                engine_.pong(ping->generation, ping->payload, now_);
            } else if (auto* assigned = std::get_if<output::assigned>(&out)) {
                task_ = std::move(assigned->task);
            }
        }
    }
    [[nodiscard]] worker_engine& engine() { return engine_; }
    [[nodiscard]] const instant& now() const { return now_; }

private:
    worker_engine engine_;
    instant now_{monotonic_time{1h}, wall_time{std::chrono::milliseconds{1'790'000'000'000}}};
    assigned_task task_;
};

constexpr int warm_up = 20;
constexpr int tasks = 1000;

/// Allocations of `tasks` rounds, after some that may fill pools and queues.
template <typename Round>
std::size_t count(Round round) {
    for (int i = 0; i < warm_up; ++i) {
        round();
    }
    const std::size_t before = allocations();
    for (int i = 0; i < tasks; ++i) {
        round();
    }
    return allocations() - before;
}

TEST(EngineAllocation, TheCounterCounts) {
    EXPECT_EQ(count([] { ::operator delete(::operator new(1)); }), 1000U);
}

TEST(EngineAllocation, ATaskItsOutcomeAndItsReceiptAllocateNothing) {
    bare_driver driver;
    const auto frame = assign_frame({.id = "0198c2f0-0000-7000-8000-000000000001"});
    EXPECT_EQ(count([&] {
                  driver.receive(frame);
                  driver.answer();
                  driver.pass(150ms); // past receipt_delay
                  driver.peer_ping();
              }),
              0U);
    EXPECT_EQ(driver.engine().counters().receipted, std::uint64_t{warm_up + tasks});
}

TEST(EngineAllocation, ProgressAndStreamAllocateNothing) {
    bare_driver driver;
    const auto frame = assign_frame({.id = "0198c2f0-0000-7000-8000-000000000001"});
    EXPECT_EQ(count([&] {
                  driver.receive(frame);
                  driver.progress(0.5);
                  driver.stream();
                  driver.answer();
                  driver.pass(300ms); // past progress_interval
                  driver.peer_ping();
              }),
              0U);
}

TEST(EngineAllocation, HeartbeatsAllocateNothing) {
    bare_driver driver;
    EXPECT_EQ(count([&] {
                  driver.pass(3s);
                  driver.peer_ping();
              }),
              0U);
    EXPECT_EQ(driver.engine().state(), engine_state::ready);
}

TEST(EngineAllocation, AnIdlePollAllocatesNothing) {
    bare_driver driver;
    const std::size_t before = allocations();
    for (int i = 0; i < tasks; ++i) {
        EXPECT_TRUE(is_idle(driver.engine().poll(driver.now())));
    }
    EXPECT_EQ(allocations(), before);
}

} // namespace
} // namespace distworker::testing
