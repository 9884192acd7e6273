// I19: an engine's memory is bounded by its configuration, whatever is done to it, and nothing is allocated
// because somebody says that much will come.
#include "core/engine_rig.hpp"
#include "core/invariants/wild_bytes.hpp"
#include "support/allocation_count.hpp"

#include <distworker/random.hpp>

#include <rapidcheck/gtest.h>

#include <algorithm>
#include <array>

namespace distworker::testing {
namespace {

constexpr std::size_t largest_answer = 8'000;
constexpr std::size_t largest_item = 1'500;

worker_config small_config() {
    worker_config config = default_config();
    config.max_message_bytes = 64 * 1024;
    config.outbox_bytes = 16 * 1024;
    config.stream_bytes = 4 * 1024;
    return config;
}

// What the configuration allows. A buffer may be twice as large as what is in it and is never under 512
// bytes, its header included; no frame that waits has under 16 bytes.
std::size_t most_bytes(const worker_config& config) {
    const auto of_frames = [](std::size_t bytes) { return 2 * bytes + bytes / 16 * 1024; };
    constexpr std::size_t refusals = 64 * 4096;
    constexpr std::size_t free_in_pool = std::size_t{1} << 20U;
    constexpr std::size_t itself = 32 * 1024;
    // One message comes in, and others are held: by the running task, the one that waits, the last one, and
    // by a handler whose connection is gone.
    return 5 * 2 * config.max_message_bytes + of_frames(config.outbox_bytes + largest_answer) +
           of_frames(config.stream_bytes + largest_item) + refusals + free_in_pool + itself;
}

/// Does what takes memory, and seldom what gives it back. Keeps nothing that was allocated.
class greedy_peer {
public:
    explicit greedy_peer(std::uint64_t seed) : random_{seed} {}

    void act() {
        switch (below(12)) {
        case 0:
        case 1:
            connect();
            break;
        case 2:
            receive(assign_frame({.id = std::to_string(below(100)),
                                  .input = value{{"x", std::string(below(70'000), 'x')}},
                                  .timeout_ms = static_cast<std::int64_t>(below(5'000))}),
                    true, 0);
            break;
        case 3:
            receive(wild_bytes(random_.next()), below(4) != 0, 0);
            break;
        case 4:
            receive(std::vector<std::byte>(below(40'000), std::byte{1}), below(8) == 0, 0);
            break;
        case 5:
            receive(assign_frame({.id = "promised"}), below(2) == 0, random_.next() >> below(64));
            break;
        case 6:
        case 7:
            answer();
            break;
        case 8:
            update();
            break;
        case 9:
            engine_.sent(engine_.generation(), now_);
            break;
        case 10:
            if (below(6) == 0) {
                engine_.closed(engine_.generation(), {}, now_);
            }
            break;
        default:
            now_.monotonic += std::chrono::milliseconds{below(400)};
            break;
        }
        drain();
    }
    [[nodiscard]] std::uint64_t received() const noexcept { return received_; }

private:
    std::uint64_t below(std::uint64_t bound) { return scale_random(random_.next(), bound - 1); }

    void connect() {
        static_cast<void>(engine_.start(now_));
        if (engine_.state() == engine_state::backoff) {
            now_.monotonic += 30s;
        }
        drain();
        engine_.opened(engine_.generation(), now_);
        drain();
        engine_.sent(engine_.generation(), now_); // REGISTER
        receive(response_frame(), true, 0);
    }
    void receive(const std::vector<std::byte>& part, bool last, std::uint64_t announced) {
        received_ += part.size();
        engine_.received(engine_.generation(), message_kind::binary, part, last, announced, now_);
    }
    void answer() {
        outcome_writer answer{task_};
        answer.result().member("x", std::string(below(below(4) == 0 ? largest_answer - 100 : 10), 'x'));
        static_cast<void>(engine_.complete(task_.name(), std::move(answer).complete(), now_));
        task_ = {};
    }
    void update() {
        static_cast<void>(engine_.progress(task_.name(), 0.5, std::string(below(10'000), 'm'), now_));
        stream_item_writer item{task_, 0.5F};
        item.data().member("x", std::string(below(largest_item - 1'200), 'x'));
        static_cast<void>(engine_.stream(task_.name(), *std::move(item).finish(), now_));
    }
    void drain() {
        for (engine_output out = engine_.poll(now_); !is_idle(out); out = engine_.poll(now_)) {
            if (auto* assigned = std::get_if<output::assigned>(&out)) {
                task_ = std::move(assigned->task);
            } else if (const auto* ping = std::get_if<output::ping>(&out); ping != nullptr && below(8) == 0) {
                engine_.pong(ping->generation, ping->payload, now_);
            }
        }
    }

    seeded_random random_;
    worker_engine engine_{small_config().validate().value(), fake_signer(), 1};
    instant now_{monotonic_time{1h}, wall_time{std::chrono::milliseconds{1'790'000'000'000}}};
    assigned_task task_;
    std::uint64_t received_ = 0;
};

RC_GTEST_PROP(Invariants, I19_MemoryIsBoundedByTheConfiguration, (std::uint64_t seed)) {
    const std::size_t before = allocated_bytes();
    const std::size_t most = most_bytes(small_config());
    std::uint64_t received = 0;
    {
        greedy_peer peer{seed};
        for (int i = 0; i < 5'000; ++i) {
            peer.act();
            const std::size_t now = allocated_bytes();
            RC_ASSERT(now - before <= most);
        }
        received = peer.received();
    }
    const std::size_t after = allocated_bytes(); // an assertion allocates, too
    RC_ASSERT(after == before);
    RC_ASSERT(received > 3 * most); // or it would prove nothing
}

RC_GTEST_PROP(Invariants, I19_NothingIsAllocatedForWhatIsOnlyPromised, (std::uint64_t promised)) {
    engine_rig rig{small_config()};
    rig.become_ready();
    const auto part = wild_bytes(promised);
    static_cast<void>(largest_allocation());
    rig.engine.received(rig.generation(), message_kind::binary, part, false, promised, rig.now);
    const std::size_t of_the_part = largest_allocation();
    rig.engine.received(rig.generation(), message_kind::binary, {}, true, UINT64_MAX, rig.now);
    const std::size_t of_the_refusal = largest_allocation();
    RC_ASSERT(of_the_part <= 2 * part.size() + 1'024);
    RC_ASSERT(of_the_refusal <= 2 * part.size() + 8'192);
}

TEST(Invariants, I19_OfAnOversizedMessageOnlyItsFirstBytesAreKept) {
    engine_rig rig{small_config()};
    rig.become_ready();
    const std::vector<std::byte> part(4 << 20U);
    for (const bool last : {false, false, true}) {
        static_cast<void>(largest_allocation());
        rig.engine.received(rig.generation(), message_kind::binary, part, last, 0, rig.now);
        EXPECT_LE(largest_allocation(), 128U << 10U);
    }
}

} // namespace
} // namespace distworker::testing
