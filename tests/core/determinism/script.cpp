// One long script for every machine that the core has, which prints whatever comes out of them.
//
// `tools/check_determinism` builds it with the core by several compilers at several levels of optimisation,
// and wants the same bytes from all. Everything here is drawn from seeds and happens on virtual time. No two
// draws stand in one call: compilers may take its arguments in any order.
#include "core/engine_pair.hpp"

#include <distworker/trace.hpp>

#include <cinttypes>
#include <cstdio>
#include <string>
#include <vector>

namespace distworker::testing {
namespace {

void print(std::string_view text) {
    std::fwrite(text.data(), 1, text.size(), stdout);
}

void print_bytes(std::span<const std::byte> bytes) {
    for (const std::byte b : bytes) {
        std::printf("%02x", std::to_integer<unsigned>(b));
    }
    print("\n");
}

/// A worker's outputs as lines of a trace, their times and payloads included.
trace_writer printed_trace() {
    return {[](std::string_view line) {
                print(line);
                return true;
            },
            trace_payloads::whole};
}

void print_output(const controller_output& out) {
    std::printf("controller %zu", out.index());
    std::visit(
        overloaded{
            [](const controller_idle& o) {
                std::printf(" until %" PRId64 "\n", std::int64_t{o.deadline.time_since_epoch().count()});
            },
            [](const send_message& o) {
                std::printf(" %" PRIu64 " ", o.connection);
                print_bytes(o.message.bytes());
            },
            [](const store_record& o) { std::printf(" %" PRIu64 " %s\n", o.serial, o.task->id.c_str()); },
            [](const task_event& o) {
                std::printf(" %d %s %s\n", static_cast<int>(o.what), o.task->id.c_str(),
                            to_string(o.task->status));
            },
            [](const wait_over& o) { std::printf(" %" PRIu64 " %s\n", o.wait, to_string(o.task->status)); },
            [](const controller_note& o) {
                std::printf(" %" PRIu64 " %s %s\n", o.connection, to_string(o.what), o.text.c_str());
            },
            [](const auto& o) { std::printf(" %" PRIu64 "\n", o.connection); },
        },
        out);
}

/// A value of any kind, nested up to `depth`.
value any_value(seeded_random& random, unsigned depth) {
    switch (random.next() % (depth == 0 ? 4 : 6)) {
    case 0:
        return nullptr;
    case 1:
        return random.next() % 2 == 0;
    case 2:
        return static_cast<double>(random.next()) / 3e15;
    case 3:
        return std::string(random.next() % 200, 'a');
    case 4: {
        value::list items;
        for (std::uint64_t left = random.next() % 5; left > 0; --left) {
            items.push_back(any_value(random, depth - 1));
        }
        return items;
    }
    default: {
        value object = value::empty_object();
        for (std::uint64_t left = random.next() % 5; left > 0; --left) {
            const std::string key = "key-" + std::to_string(random.next() % 9);
            object.set(key, any_value(random, depth - 1));
        }
        return object;
    }
    }
}

// --- A group of workers and the controller, on bad lines ---

class busy_pair {
public:
    busy_pair(const worker_config& config, const controller_config& controller, std::uint64_t seed)
        : random_{seed}, pair_{config, controller, "token", seed} {
        pair_.watch_worker = [this](const group_output& out) { lines_.took(out, pair_.now); };
        pair_.watch_controller = print_output;
        pair_.handler = [this](const assigned_task& task) { work(task); };
        pair_.on_stop = [this](const output::stop_task& stop) {
            pair_.after(delay(3s), [this, name = stop.task] { answer(name); });
        };
        pair_.on_writable = [this](const delivery& name) { push(name); };
    }

    void live(std::chrono::seconds time) {
        pair_.start();
        for (auto left = time; left > 0s; left -= 1s) {
            happen();
            pair_.pass(1s);
        }
        static_cast<void>(pair_.stop(end_reason::signal, 25s));
        pair_.pass(1min);
        print(why_not_ready(pair_.worker.snapshot()) + "\n");
    }

private:
    std::chrono::nanoseconds delay(std::chrono::nanoseconds most) {
        return random_.uniform(std::chrono::nanoseconds{0}, most);
    }
    void happen() {
        const auto slot = static_cast<std::uint32_t>(random_.next() % pair_.worker.slots());
        switch (random_.next() % 24) {
        case 0:
            pair_.cut(slot);
            break;
        case 1:
            pair_.silence(slot);
            break;
        case 2:
            pair_.reachable = !pair_.reachable;
            break;
        case 3:
            static_cast<void>(pair_.worker.pause(pair_.now));
            break;
        case 4:
            static_cast<void>(
                pair_.worker.set_slots(1 + static_cast<std::uint32_t>(random_.next() % 4), pair_.now));
            break;
        case 5:
            pair_.now.wall +=
                delay(20s) < 10s ? std::chrono::milliseconds{-3'000} : std::chrono::milliseconds{2'500};
            break;
        case 6:
            if (!ids_.empty()) {
                pair_.cancel(ids_[random_.next() % ids_.size()]);
            }
            break;
        case 7:
        case 8:
            pair_.reachable = true;
            static_cast<void>(pair_.worker.resume(pair_.now));
            break;
        default:
            ids_.push_back(pair_.submit({.queue = random_.next() % 2 == 0 ? "math.add" : "text",
                                         .metadata = value{{"by", "the script"}},
                                         .input = value{{"is", any_value(random_, 4)}},
                                         .timeout_ms = random_.next() % 3 == 0
                                                           ? static_cast<std::int64_t>(random_.next() % 4'000)
                                                           : 0,
                                         .max_retry = static_cast<std::uint32_t>(random_.next() % 2)}));
        }
    }
    void work(const assigned_task& task) {
        tasks_.insert_or_assign(task.name(), task);
        const auto parts = random_.next() % 4;
        for (std::uint64_t part = 0; part < parts; ++part) {
            pair_.after(delay(2s), [this, name = task.name()] { push(name); });
        }
        if (random_.next() % 8 != 0) { // the others wait for their stop
            pair_.after(delay(4s), [this, name = task.name()] { answer(name); });
        }
    }
    void push(const delivery& name) {
        const auto found = tasks_.find(name);
        if (found == tasks_.end()) {
            return;
        }
        static_cast<void>(pair_.worker.progress(name, static_cast<double>(random_.next() % 100) / 99.0,
                                                "so far", pair_.now));
        stream_item_writer item{found->second, 0.5F};
        item.data().member("text", std::string(random_.next() % 3'000, 'x'));
        static_cast<void>(pair_.worker.stream(name, std::move(item).finish().value(), pair_.now));
    }
    void answer(const delivery& name) {
        const auto found = tasks_.find(name);
        if (found == tasks_.end()) {
            return;
        }
        outcome_writer answer{found->second};
        const bool good = random_.next() % 5 != 0;
        if (good) {
            answer.result().key("is");
            write(answer.result(), any_value(random_, 5));
        }
        static_cast<void>(pair_.worker.complete(
            name,
            good ? std::move(answer).complete()
                 : std::move(answer).fail("MY_CODE", "it had to be", any_value(random_, 1)),
            pair_.now));
        tasks_.erase(found);
    }

    trace_writer lines_ = printed_trace();
    seeded_random random_;
    engine_pair pair_;
    std::vector<std::string> ids_;
    std::map<delivery, assigned_task> tasks_;
};

// --- One engine with a peer that says anything ---

class wild_life {
public:
    wild_life(const worker_config& config, std::uint64_t seed)
        : random_{seed}, engine_{config.validate().value(), fake_signer(), seed} {}

    void live(int steps) {
        static_cast<void>(engine_.start(now_));
        for (int step = 0; step < steps; ++step) {
            drain();
            now_.monotonic += random_.uniform(std::chrono::nanoseconds{0}, 3s);
            happen();
        }
        print(why_not_ready(engine_.snapshot()) + "\n");
    }

private:
    void happen() {
        const std::uint32_t generation = engine_.generation();
        switch (random_.next() % 12) {
        case 0:
            engine_.pinged(generation, now_);
            break;
        case 1:
            engine_.closed(generation,
                           {.what = static_cast<link_end::kind>(random_.next() % 8), .detail = "wild"}, now_);
            break;
        case 2:
            engine_.tick(now_);
            break;
        case 3:
            receive(response_frame(static_cast<std::int32_t>(random_.next() % 400)));
            break;
        case 4:
        case 5: {
            auto frame = assign_frame({.id = "task-" + std::to_string(random_.next() % 5)});
            std::byte& hit = frame[random_.next() % frame.size()];
            hit ^= static_cast<std::byte>(1U << random_.next() % 8);
            receive(frame);
            break;
        }
        case 6:
            if (!tasks_.empty()) {
                static_cast<void>(
                    engine_.complete(tasks_.back().name(), engine_rig::result_for(tasks_.back()), now_));
                tasks_.pop_back();
            }
            break;
        case 7:
            engine_.opened(generation + 1, now_); // of a connection that is not there
            break;
        default:
            receive(assign_frame({.id = "task-" + std::to_string(random_.next() % 5),
                                  .timeout_ms = static_cast<std::int64_t>(random_.next() % 9'000)}));
        }
    }
    void receive(const std::vector<std::byte>& message) {
        const std::span<const std::byte> whole{message};
        const std::size_t cut = random_.next() % (whole.size() + 1);
        engine_.received(engine_.generation(), message_kind::binary, whole.first(cut), false, 0, now_);
        engine_.received(engine_.generation(), message_kind::binary, whole.subspan(cut), true, 0, now_);
    }
    void drain() {
        for (;;) {
            group_output next{0, engine_.poll(now_)};
            lines_.took(next, now_);
            if (is_idle(next.out)) {
                return;
            }
            if (const auto* connect = std::get_if<output::connect>(&next.out)) {
                engine_.opened(connect->generation, now_);
            } else if (const auto* send = std::get_if<output::send>(&next.out)) {
                engine_.sent(send->generation, now_);
            } else if (const auto* ping = std::get_if<output::ping>(&next.out)) {
                engine_.pong(ping->generation, ping->payload, now_);
            } else if (const auto* task = std::get_if<output::assigned>(&next.out)) {
                tasks_.push_back(task->task);
            }
        }
    }

    trace_writer lines_ = printed_trace();
    seeded_random random_;
    worker_engine engine_;
    instant now_{monotonic_time{1h}, wall_time{std::chrono::milliseconds{1'790'000'000'000}}};
    std::vector<assigned_task> tasks_;
};

worker_config config_of(session_policy session, std::uint64_t slots) {
    worker_config config = pair_config(slots);
    config.session = session;
    config.worker_id = session == session_policy::anonymous ? "" : "worker-1";
    config.stream_bytes = 4'096;
    config.progress_interval = 100ms;
    return config;
}

void run() {
    controller_config faithful;
    faithful.early_assign_percent = 30;
    controller_config ideal;
    ideal.mode = controller_mode::ideal;
    for (std::uint64_t seed = 1; seed <= 3; ++seed) {
        busy_pair{config_of(session_policy::anonymous, 3), faithful, seed}.live(5min);
        busy_pair{config_of(session_policy::one_shot, 1), faithful, seed}.live(1min);
        busy_pair{config_of(session_policy::stable, 1), ideal, seed}.live(5min);
        wild_life{config_of(session_policy::anonymous, 1), seed}.live(2'000);
        wild_life{config_of(session_policy::stable, 1), seed}.live(2'000);
    }
}

} // namespace
} // namespace distworker::testing

int main() {
    distworker::testing::run();
}
