// Memory that runs out in the middle of a worker's life: at every single allocation, for a moment or for
// long.
//
// A life of two minutes of virtual time holds everything that allocates: tasks of all kinds, refusals,
// streams, lost and refused connections, a pause, a drain. Whatever fails, no invariant may break, and the
// worker reaches its end (docs/decisions/0011-when-memory-runs-out.md).
#include "core/engine_rig.hpp"
#include "core/lone_engine.hpp"
#include "support/allocation_count.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>

namespace distworker::testing {
namespace {

class small_engine : public lone_engine {
public:
    /// Its pool keeps nothing, so that each frame asks for memory.
    explicit small_engine(const valid_worker_config& config)
        : lone_engine{config, fake_signer(), 1, buffer_pool{0}} {}
};

class small_group : public worker_group {
public:
    explicit small_group(const valid_worker_config& config) : worker_group{config, fake_signer(), 1} {}
};

valid_worker_config config_of(session_policy session, std::uint64_t slots) {
    worker_config config = default_config();
    config.session = session;
    config.slots = slots;
    config.worker_id = session == session_policy::anonymous ? "" : "worker-1";
    config.outbox_bytes = 64 << 10U;
    config.stream_bytes = 4 << 10U;
    config.max_message_bytes = 64 << 10U;
    return config.validate().value();
}

std::vector<std::byte> task_frame(const std::string& id, std::size_t text_bytes, std::int64_t timeout_ms) {
    return assign_frame({.id = id,
                         .queue = "a.queue",
                         .input = value{{"text", std::string(text_bytes, 'x')}},
                         .timeout_ms = timeout_ms});
}

/// One that ends in the middle of a field.
std::vector<std::byte> odd_frame() {
    auto frame = task_frame("odd-0198c2f0-0000-7000-8000-000000000001", 0, 0);
    frame.push_back(std::byte{0x07});
    return frame;
}

/// A worker with a controller and an application, which do what they do by the second.
template <typename Worker>
class life {
public:
    explicit life(const valid_worker_config& config) : worker_{config}, session_{config.session()} {}

    /// From the first allocation that fails on, memory is short for no longer than this.
    void end_shortage(std::chrono::seconds after) { shortage_ = after; }
    /// Whether any allocation failed.
    [[nodiscard]] bool lacked() const { return lacked_; }

    /// Of a life in which nothing failed: that it holds all that could.
    void expect_all_was_there() {
        const engine_counters is = worker_.counters();
        EXPECT_GT(is.completed, 0U);
        EXPECT_GT(is.refused, 0U);
        EXPECT_GT(is.coalesced, 0U);
        EXPECT_GT(is.strikes, 0U);
        EXPECT_GT(writables_, 0);
        if (session_ != session_policy::one_shot) { // which ends with its first lost connection
            EXPECT_GT(is.failed, 0U);
            EXPECT_GT(is.stale, 0U);
            EXPECT_GT(is.timed_out, 0U);
            EXPECT_GT(is.abandoned, 0U);
        }
        if (session_ != session_policy::stable) { // which loses nothing
            EXPECT_GT(is.undeliverable, 0U);
        }
        if (session_ == session_policy::anonymous) {
            EXPECT_GT(is.lost_assignments, 0U);
        }
    }

    void run() {
        start();
        for (second_ = 0; second_ < 110 && !stopped_; ++second_) {
            act();
            pass(1s);
        }
        for (std::uint32_t slot = 0; slot < worker_.slots(); ++slot) {
            assign(slot, "unseen");
        }
        static_cast<void>(asking([&] { return worker_.stop(end_reason::signal, 25s, now_); }));
        stopping_ = true;
        for (; second_ < 180 && !stopped_; ++second_) {
            act();
            pass(1s);
        }
        check_the_end();
    }

private:
    struct link {
        std::uint32_t generation = 0;
        bool wanted = false; // by `connect`, and its end is not told yet
        bool open = false;
        bool register_seen = false;
        bool registered = false;
        bool closed = false; // by the worker
    };
    struct handler {
        assigned_task task;
        int begun = 0;
        int answers_at = 0;
        bool lost = false;   // its connection is
        stream_item waiting; // until `writable`
    };

    template <typename Call>
    auto asking(Call call) {
        const needy scope;
        return call();
    }

    void start() {
        ASSERT_TRUE(asking([&] { return worker_.start(now_); }));
        drain();
    }

    // --- The clock ---

    void pass(std::chrono::nanoseconds time) {
        const monotonic_time end = now_.monotonic + time;
        drain();
        while (deadline_ <= end) {
            now_.monotonic = std::max(deadline_, now_.monotonic);
            drain();
        }
        now_.monotonic = end;
        drain();
    }
    void drain() {
        for (int guard = 0; guard < 10'000; ++guard) {
            watch_shortage();
            group_output next = asking([&] { return worker_.poll(now_); });
            if (const auto* idle = std::get_if<output::idle>(&next.out)) {
                deadline_ = idle->deadline;
                return;
            }
            std::visit([&](auto& out) { perform(next.slot, out); }, next.out);
        }
        FAIL() << "the worker never becomes idle";
    }

    void watch_shortage() {
        if (!lacked_ && failed_allocations() > 0) {
            lacked_ = true;
            ends_at_ = shortage_ ? now_.monotonic + *shortage_ : never;
        }
        if (std::exchange(failures_seen_, failed_allocations()) != failed_allocations() ||
            ends_at_ != never) {
            disturbed_at_ = now_.monotonic;
        }
        if (now_.monotonic >= ends_at_) {
            fail_allocations(0, 0);
            ends_at_ = never;
        }
    }

    // --- The controller ---

    void act() {
        if (second_ == 50) {
            static_cast<void>(asking([&] { return worker_.pause(now_); }));
        } else if (second_ == 56) {
            static_cast<void>(asking([&] { return worker_.resume(now_); }));
        } else if (second_ == 20 || second_ == 26 || second_ == 62) {
            const std::uint32_t slots = second_ == 20 ? 4 : second_ == 26 ? 2 : 3;
            static_cast<void>(asking([&] { return worker_.set_slots(slots, now_); }));
        }
        drain();
        for (std::uint32_t slot = 0; slot < worker_.slots() && !stopped_; ++slot) {
            act_on(slot);
        }
        answer();
    }
    void act_on(std::uint32_t slot) {
        if (!links_[slot].open) {
            return;
        }
        if (second_ % 3 == 0 && (second_ < 66 || second_ > 90)) { // in between its sender is stuck
            event(slot, [&](worker_engine& e, std::uint32_t generation) { e.pinged(generation, now_); });
        }
        switch ((second_ + static_cast<int>(slot)) % 12) {
        case 0:
            assign(slot, "quick");
            break;
        case 1:
            assign(slot, "other"); // while one runs
            break;
        case 3:
            nonsense(slot);
            break;
        case 4:
            assign(slot, "slow", 1'500);
            break;
        case 8:
            assign(slot, "long");
            if (second_ % 24 > 12) {
                lose(slot);
            }
            break;
        case 11:
            assign(slot, "late");
            break;
        default:
            break;
        }
        drain();
    }
    void assign(std::uint32_t slot, const std::string& what, std::int64_t timeout_ms = 0) {
        const auto frame = task_frame(what + "-0198c2f0-0000-7000-" + std::to_string(second_),
                                      what == "long" ? 3'000 : 10, timeout_ms);
        const std::span<const std::byte> whole{frame};
        for (int copies = 0; copies < 2; ++copies) {
            receive(slot, message_kind::binary, whole.first(40), false);
            receive(slot, message_kind::binary, whole.subspan(40), true);
        }
    }
    /// Once for each slot, and the second one in the end, so that the group tries with one alone.
    [[nodiscard]] bool refuses(std::uint32_t slot, std::uint32_t generation) const {
        return generation == 2 || (slot == 1 && second_ > 76);
    }
    void nonsense(std::uint32_t slot) {
        receive(slot, message_kind::text, as_byte_span("hello"), true);
        auto frame = odd_frame();
        receive(slot, message_kind::binary, frame, true);
        frame.resize(70 << 10U);
        receive(slot, message_kind::binary, frame, true);
    }
    void receive(std::uint32_t slot, message_kind kind, std::span<const std::byte> part, bool last) {
        event(slot, [&](worker_engine& e, std::uint32_t generation) {
            e.received(generation, kind, part, last, 0, now_);
        });
    }
    void lose(std::uint32_t slot) {
        const link_end end{.what = link_end::kind::lost, .detail = "the line was cut by the test"};
        event(slot, [&](worker_engine& e, std::uint32_t generation) { e.closed(generation, end, now_); });
        links_[slot].open = false;
    }
    /// Of a connection that is there.
    template <typename Event>
    void event(std::uint32_t slot, Event what) {
        if (links_[slot].open) {
            asking([&] { worker_.with(slot, [&](worker_engine& e) { what(e, links_[slot].generation); }); });
        }
    }

    // --- The application ---

    void answer() {
        for (auto& [name, running] : handlers_) {
            if (second_ == running.begun + 1) {
                static_cast<void>(
                    asking([&] { return worker_.progress(name, 0.5, "half of it is done by now", now_); }));
                for (int items = 0; items < 4; ++items) {
                    stream_item_writer item{running.task, 0.5F};
                    item.data().member("text", std::string(1'500, 'y'));
                    push(name, running, std::move(item).finish().value());
                }
            }
        }
        drain();
        for (auto at = handlers_.begin(); at != handlers_.end();) {
            if (second_ < at->second.answers_at) {
                ++at;
                continue;
            }
            if (now_.monotonic > disturbed_at_ + 2s && links_[at->first.slot].registered &&
                !at->second.lost) {
                EXPECT_TRUE(at->second.waiting.empty()) << "it waits for writable for ever";
            }
            outcome_writer answer{at->second.task};
            answer.result().member("sum", 3);
            outcome made = second_ % 5 == 0 ? std::move(answer).fail("MY_CODE", "it had to be")
                                            : std::move(answer).complete();
            const bool taken =
                asking([&] { return worker_.complete(at->first, std::move(made), now_).has_value(); });
            answers_of_lost_ += taken && at->second.lost ? 1U : 0U;
            at = handlers_.erase(at);
        }
    }
    void push(const delivery& name, handler& of, stream_item item) {
        if (of.waiting.empty()) {
            const auto taken = asking([&] { return worker_.stream(name, std::move(item), now_); });
            if (!taken && taken.error() == misuse::would_block) {
                ASSERT_FALSE(item.empty()) << "it is neither taken nor left";
                of.waiting = std::move(item);
            }
        }
    }

    // --- What the worker wants ---

    void perform(std::uint32_t, output::idle&) {}
    void perform(std::uint32_t slot, output::connect& out) {
        link& at = links_[slot];
        EXPECT_FALSE(at.wanted) << "two connections of a slot";
        EXPECT_GT(out.generation, at.generation);
        at = {.generation = out.generation, .wanted = true, .open = true};
        event(slot, [&](worker_engine& e, std::uint32_t generation) { e.opened(generation, now_); });
    }
    void perform(std::uint32_t slot, output::send& out) {
        link& at = links_[slot];
        ASSERT_TRUE(at.open && !at.closed) << "it speaks into nothing";
        const auto frame = read_frame(out.bytes);
        ASSERT_TRUE(frame.has_value()) << frame.error().reason;
        const bool registers = std::holds_alternative<worker_register_view>(*frame);
        EXPECT_EQ(registers, !at.register_seen);
        at.register_seen = true;
        event(slot, [&](worker_engine& e, std::uint32_t generation) { e.sent(generation, now_); });
        if (registers && out.generation % 2 == 0) {
            assign(slot, "early");
        }
        if (registers && refuses(slot, at.generation)) {
            lose(slot);
        } else if (registers) {
            receive(slot, message_kind::binary, response_frame(), true);
            at.registered = true;
            disturbed_at_ = now_.monotonic;
        }
    }
    void perform(std::uint32_t slot, output::ping& out) {
        ASSERT_TRUE(links_[slot].open && !links_[slot].closed);
        event(slot,
              [&](worker_engine& e, std::uint32_t generation) { e.pong(generation, out.payload, now_); });
    }
    void perform(std::uint32_t slot, output::close&) {
        links_[slot].closed = true;
        event(slot, [&](worker_engine& e, std::uint32_t generation) {
            e.closed(generation, {.what = link_end::kind::closed, .detail = {}}, now_);
        });
        links_[slot].open = false;
    }
    void perform(std::uint32_t slot, output::abort&) { links_[slot].open = false; }
    void perform(std::uint32_t, output::assigned& out) {
        EXPECT_FALSE(stopping_) << "begun after a stop";
        EXPECT_TRUE(seen_.insert(out.task.name()).second) << "told twice";
        const std::string_view id = out.task.id();
        const int takes = id.starts_with("quick") ? 2 : id.starts_with("late") ? 12 : 3;
        handlers_[out.task.name()] = {.task = out.task,
                                      .begun = second_,
                                      .answers_at = id.starts_with("slow") ? 1'000 : second_ + takes};
    }
    void perform(std::uint32_t, output::stop_task& out) {
        const auto found = handlers_.find(out.task);
        ASSERT_NE(found, handlers_.end()) << "nobody runs it";
        found->second.lost = out.reason == stop_reason::connection_lost;
        found->second.answers_at = std::min(found->second.answers_at, second_ + 7);
    }
    void perform(std::uint32_t, output::writable& out) {
        const auto found = handlers_.find(out.task);
        ASSERT_NE(found, handlers_.end());
        ++writables_;
        push(out.task, found->second, std::exchange(found->second.waiting, {}));
    }
    void perform(std::uint32_t, output::undeliverable& out) {
        EXPECT_FALSE(out.answer.empty());
        EXPECT_TRUE(out.task.serial == 0 || returned_.insert(out.task).second) << "handed back twice";
    }
    void perform(std::uint32_t, output::sample_wanted&) {}
    void perform(std::uint32_t, output::state_changed&) {}
    void perform(std::uint32_t slot, output::disconnected& out) {
        EXPECT_TRUE(links_[slot].wanted);
        EXPECT_EQ(out.generation, links_[slot].generation);
        disturbed_at_ = now_.monotonic;
        EXPECT_FALSE(out.end.detail.empty());
        links_[slot].wanted = links_[slot].open = links_[slot].registered = false;
    }
    void perform(std::uint32_t, output::stopped&) {
        EXPECT_FALSE(std::exchange(stopped_, true)) << "ended twice";
    }

    void check_the_end() {
        ASSERT_TRUE(stopped_) << "it does not come to its end";
        for (const auto& [slot, last] : links_) {
            EXPECT_FALSE(last.wanted) << "no end was told of a connection of slot " << slot;
        }
        const engine_counters is = worker_.counters();
        EXPECT_EQ(is.completed + is.failed + is.refused + answers_of_lost_, is.receipted + is.undeliverable)
            << "an outcome is neither receipted nor handed back";
        EXPECT_GE(is.assigned, seen_.size());
    }

    Worker worker_;
    session_policy session_;
    instant now_{monotonic_time{1h}, wall_time{std::chrono::milliseconds{1'790'000'000'000}}};
    monotonic_time deadline_ = never;
    std::optional<std::chrono::seconds> shortage_;
    monotonic_time ends_at_ = never; // of the shortage
    bool lacked_ = false;
    std::size_t failures_seen_ = 0;
    monotonic_time disturbed_at_{};
    int second_ = 0;
    bool stopping_ = false;
    bool stopped_ = false;
    std::map<std::uint32_t, link> links_;
    std::map<delivery, handler> handlers_;
    std::set<delivery> seen_;
    std::set<delivery> returned_;
    std::size_t answers_of_lost_ = 0;
    int writables_ = 0;
};

/// Lives as many lives as one has allocations: in the k-th one the k-th fails, or all do from there on for a
/// time.
template <typename Worker>
void live_through(session_policy session, std::uint64_t slots,
                  std::optional<std::chrono::seconds> time = {}) {
    const valid_worker_config config = config_of(session, slots);
    std::size_t spared = 0;
    for (bool lacked = true; lacked; spared += allocation_stride()) {
        SCOPED_TRACE("after " + std::to_string(spared) + " allocations");
        life<Worker> next{config};
        if (time) {
            next.end_shortage(*time);
        }
        fail_allocations(spared, time ? SIZE_MAX : 1);
        next.run();
        fail_allocations(0, 0);
        lacked = next.lacked();
        if (!lacked) {
            next.expect_all_was_there();
        }
        if (::testing::Test::HasFailure()) {
            return;
        }
    }
}

TEST(EngineFailingAllocation, OneThatFailsBreaksNothing) {
    live_through<small_engine>(session_policy::anonymous, 1);
    live_through<small_engine>(session_policy::stable, 1);
    live_through<small_engine>(session_policy::one_shot, 1);
}

TEST(EngineFailingAllocation, NoMemoryForTwentySecondsBreaksNothing) {
    live_through<small_engine>(session_policy::anonymous, 1, 20s);
    live_through<small_engine>(session_policy::stable, 1, 20s);
    live_through<small_engine>(session_policy::one_shot, 1, 20s);
}

TEST(EngineFailingAllocation, OneThatFailsBreaksNoGroup) {
    live_through<small_group>(session_policy::anonymous, 3);
    live_through<small_group>(session_policy::stable, 3);
}

TEST(EngineFailingAllocation, NoMemoryForTwentySecondsBreaksNoGroup) {
    live_through<small_group>(session_policy::anonymous, 3, 20s);
    live_through<small_group>(session_policy::stable, 3, 20s);
}

TEST(EngineFailingAllocation, WhatCannotBeWrittenIsTriedAgainSoon) {
    small_engine worker{default_config().validate().value()};
    instant now{monotonic_time{1h}, wall_time{1'790'000'000'000ms}};
    const auto rest = [&] { // until when
        engine_output out = worker.poll(now).out;
        while (!is_idle(out)) {
            out = worker.poll(now).out;
        }
        return std::get<output::idle>(out).deadline;
    };
    ASSERT_TRUE(worker.start(now));
    rest();
    worker.with(0, [&](worker_engine& e) { e.opened(e.generation(), now); });
    rest();
    worker.with(0, [&](worker_engine& e) { e.sent(e.generation(), now); }); // REGISTER
    rest();
    const auto answer = response_frame();
    worker.with(0, [&](worker_engine& e) {
        e.received(e.generation(), message_kind::binary, answer, true, answer.size(), now);
    });
    {
        needy here;
        fail_allocations(0, 1); // the first heartbeat's frame
        EXPECT_EQ(rest(), now.monotonic + 1s);
    }
    now.monotonic += 1s;
    EXPECT_TRUE(std::holds_alternative<output::send>(worker.poll(now).out)) << "the heartbeat";
}

} // namespace
} // namespace distworker::testing
