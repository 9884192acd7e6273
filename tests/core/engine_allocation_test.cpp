// Memory in steady state, of an engine alone and in a group: once warm, a task costs no allocation, and
// neither does an idle poll.
#include "core/engine_rig.hpp"
#include "core/lone_engine.hpp"
#include "support/allocation_count.hpp"

#include <gtest/gtest.h>

namespace distworker::testing {
namespace {

/// Performs a worker's outputs, keeps what is needed to go on, and allocates nothing itself.
template <typename Worker>
class bare_driver {
public:
    bare_driver() : worker_{default_config().validate().value(), fake_signer(), 1} {
        static_cast<void>(worker_.start(now_));
        drain();
        event([this](worker_engine& e) { e.opened(1, now_); });
        receive(response_frame());
    }

    void receive(std::span<const std::byte> message) {
        event([&](worker_engine& e) {
            e.received(1, message_kind::binary, message, true, message.size(), now_);
        });
    }
    void answer() {
        outcome_writer writer{task_};
        writer.result().member("sum", 3);
        ASSERT_TRUE(worker_.complete(task_.name(), std::move(writer).complete(), now_));
        task_ = {};
        drain();
    }
    void progress(double fraction) {
        ASSERT_TRUE(worker_.progress(task_.name(), fraction, "half way", now_));
        drain();
    }
    void stream() {
        stream_item_writer item{task_, 0.5F};
        item.data().member("token", "word");
        ASSERT_TRUE(worker_.stream(task_.name(), *std::move(item).finish(), now_));
        drain();
    }
    void pass(std::chrono::nanoseconds time) {
        now_.monotonic += time;
        drain();
    }
    /// The controller's side of the connection stays alive.
    void peer_ping() {
        event([this](worker_engine& e) { e.pinged(1, now_); });
    }
    void drain() {
        for (;;) {
            engine_output out = worker_.poll(now_).out;
            if (is_idle(out)) {
                return;
            }
            if (const auto* send = std::get_if<output::send>(&out)) {
                worker_.with(0, [&](worker_engine& e) { e.sent(send->generation, now_); });
            } else if (const auto* ping = std::get_if<output::ping>(&out)) {
                worker_.with(0, [&](worker_engine& e) { e.pong(ping->generation, ping->payload, now_); });
            } else if (auto* assigned = std::get_if<output::assigned>(&out)) {
                task_ = std::move(assigned->task);
            }
        }
    }
    [[nodiscard]] Worker& worker() { return worker_; }
    [[nodiscard]] const instant& now() const { return now_; }

private:
    template <typename Event>
    void event(Event what) {
        worker_.with(0, what);
        drain();
    }

    Worker worker_;
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

// Not in the tests themselves: in a template g++ 12 stumbles over the designated initializer.
auto any_assignment() {
    return assign_frame({.id = "0198c2f0-0000-7000-8000-000000000001"});
}

TEST(AllocationCount, Counts) {
    EXPECT_EQ(count([] { ::operator delete(::operator new(1)); }), 1000U);
}

template <typename Worker>
class WorkerAllocation : public ::testing::Test {};
using workers = ::testing::Types<lone_engine, worker_group>;
TYPED_TEST_SUITE(WorkerAllocation, workers);

TYPED_TEST(WorkerAllocation, ATaskItsOutcomeAndItsReceiptAllocateNothing) {
    bare_driver<TypeParam> driver;
    const auto frame = any_assignment();
    EXPECT_EQ(count([&] {
                  driver.receive(frame);
                  driver.answer();
                  driver.pass(150ms); // past receipt_delay
                  driver.peer_ping();
              }),
              0U);
    EXPECT_EQ(driver.worker().counters().receipted, std::uint64_t{warm_up + tasks});
}

TYPED_TEST(WorkerAllocation, ProgressAndStreamAllocateNothing) {
    bare_driver<TypeParam> driver;
    const auto frame = any_assignment();
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

TYPED_TEST(WorkerAllocation, HeartbeatsAllocateNothing) {
    bare_driver<TypeParam> driver;
    EXPECT_EQ(count([&] {
                  driver.pass(3s);
                  driver.peer_ping();
              }),
              0U);
    EXPECT_EQ(driver.worker().slot(0).state(), engine_state::ready);
}

TYPED_TEST(WorkerAllocation, AnIdlePollAllocatesNothing) {
    bare_driver<TypeParam> driver;
    const std::size_t before = allocations();
    for (int i = 0; i < tasks; ++i) {
        EXPECT_TRUE(is_idle(driver.worker().poll(driver.now()).out));
    }
    EXPECT_EQ(allocations(), before);
}

} // namespace
} // namespace distworker::testing
