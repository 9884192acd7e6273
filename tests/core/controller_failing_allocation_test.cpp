// Memory that runs out in the middle of a controller's life, at every single allocation.
//
// A controller without memory is spent, and its host makes another one of what was stored. So whatever fails:
// no task that was stored is lost, none that ended is run again, and the new one brings all to their end
// (docs/decisions/0011-when-memory-runs-out.md).
#include "core/failing_crypto.hpp"
#include "support/allocation_count.hpp"

#include <distworker/controller_engine.hpp>
#include <distworker/outcome.hpp>
#include <distworker/overloaded.hpp>
#include <distworker/signing.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace distworker::testing {
namespace {

using namespace std::chrono_literals;
using message = std::vector<std::byte>;

constexpr int never_failing = 1'000'000;

message to_message(std::span<const std::byte> bytes) {
    return {bytes.begin(), bytes.end()};
}

message register_frame(const std::string& worker_id, wall_time now) {
    const auto date = signing_date(now).value();
    signed_register_view content;
    content.provisioner = "a-provisioner-with-a-long-name";
    content.worker_id = worker_id;
    content.date = date.view();
    content.hostname = "host";
    byte_buffer data;
    write_signed_register(data, content);
    const auto signature = sign_registration(failing_crypto{never_failing}, secret{std::string_view{"token"}},
                                             date.view(), data.bytes())
                               .value();
    byte_buffer out;
    write_register(out, data.bytes(), signature);
    return to_message(out.bytes());
}

controller_config config_of(controller_mode mode) {
    controller_config config;
    config.mode = mode;
    config.storage = true;
    return config;
}

/// A controller with its host, three workers and a user, who do what they do by the second.
class life {
public:
    explicit life(controller_mode mode) : config_{config_of(mode)} { begin(); }

    void run() {
        for (second_ = 0; second_ < 150; ++second_) {
            try {
                act();
            } catch (const std::bad_alloc&) {
                begin_again();
            }
            now_.monotonic += 1s;
            now_.wall += 1s;
        }
        check_the_end();
    }
    [[nodiscard]] int restarts() const { return restarts_; }

private:
    struct worker {
        std::string id; // of its session; empty: none
        connection_id connection = 0;
        bool connected = false;
        std::map<std::string, int> tasks{}; // by id: when it answers
    };

    template <typename Call>
    auto asking(Call call) {
        const needy scope;
        return call(*engine_);
    }

    // --- The host ---

    void begin() {
        engine_ =
            std::make_unique<controller_engine>(config_, std::make_shared<failing_crypto>(never_failing), 1);
        ASSERT_TRUE(engine_->add_provisioner(
            {"a-provisioner-with-a-long-name", secret{std::string_view{"token"}}, {"queue-a", "queue-b"}}));
        for (const char* id : {"session-1", "session-2"}) {
            ASSERT_TRUE(engine_->add_session(
                {id, secret{std::string_view{"token"}}, "a-provisioner-with-a-long-name"}));
        }
    }
    /// After the one before has run out of memory.
    void begin_again() {
        ++restarts_;
        EXPECT_THROW(static_cast<void>(engine_->poll(now_)), std::bad_alloc) << "it is not spent";
        EXPECT_THROW(static_cast<void>(engine_->workers()), std::bad_alloc);
        fail_allocations(0, 0);
        begin();
        for (const std::string& id : order_) {
            if (const auto found = kept_.find(id); found != kept_.end()) {
                ASSERT_TRUE(engine_->restore(found->second, now_));
            }
        }
        for (worker& w : workers_) {
            w.connected = false;
        }
    }
    void drain() {
        for (int guard = 0; guard < 10'000; ++guard) {
            controller_output out = asking([&](controller_engine& e) { return e.poll(now_); });
            if (std::holds_alternative<controller_idle>(out)) {
                return;
            }
            std::visit(overloaded{
                           [&](const send_message& o) {
                               deliver(o);
                               asking([&](controller_engine& e) { e.sent(o.connection, now_); });
                           },
                           [&](const end_connection& o) { by_connection(o.connection).connected = false; },
                           [&](const store_record& o) { store(o); },
                           [&](const auto&) {},
                       },
                       out);
        }
        FAIL() << "the controller never becomes idle";
    }
    void store(const store_record& record) {
        EXPECT_EQ(record.what, store_record::action::put);
        const std::string& id = record.task->id;
        const auto before = kept_.find(id);
        if (before == kept_.end()) {
            order_.push_back(id);
        } else if (config_.mode == controller_mode::ideal && before->second.status == task_status::finished) {
            EXPECT_EQ(record.task->status, task_status::finished) << "it ended, and runs again";
        }
        kept_.insert_or_assign(id, *record.task);
        if (second_ % 4 != 0) { // now and then it takes a second
            asking([&](controller_engine& e) { e.stored(record.serial, now_); });
        }
        last_serial_ = record.serial;
    }

    // --- The workers ---

    worker& by_connection(connection_id id) {
        for (worker& w : workers_) {
            if (w.connection == id) {
                return w;
            }
        }
        throw std::logic_error{"nobody has this connection"};
    }
    void deliver(const send_message& sent) {
        const auto frame = read_frame(sent.message.bytes());
        ASSERT_TRUE(frame.has_value());
        if (const auto* task = std::get_if<task_assign_view>(&*frame)) {
            by_connection(sent.connection).tasks.emplace(std::string{task->task_id}, second_ + 2);
        }
    }
    void receive(const worker& from, const message& what) {
        asking([&](controller_engine& e) {
            const std::span<const std::byte> whole{what};
            e.received(from.connection, message_kind::binary, whole.first(whole.size() / 2), false, now_);
            e.received(from.connection, message_kind::binary, whole.subspan(whole.size() / 2), true, now_);
        });
        drain();
    }
    void act_as(worker& w) {
        if (!w.connected) {
            w.connection = ++last_connection_;
            w.connected = true;
            w.tasks.clear();
            asking([&](controller_engine& e) { e.connected(w.connection, now_); });
            receive(w, register_frame(w.id, now_.wall));
            return;
        }
        asking([&](controller_engine& e) { e.alive(w.connection, now_); });
        std::vector<std::pair<std::string, int>> due{w.tasks.begin(), w.tasks.end()};
        for (const auto& [id, at] : due) {
            if (second_ + 1 == at) {
                report(w, id);
            } else if (second_ >= at) {
                w.tasks.erase(id);
                answer(w, id);
            }
        }
        const int turn = (second_ + static_cast<int>(w.connection)) % 17;
        if (turn == 0 && second_ < 60) {
            w.connected = false;
            asking([&](controller_engine& e) { e.disconnected(w.connection, now_); });
        } else if (turn == 5) {
            receive(w, to_message(as_byte_span("this is no frame at all")));
        } else if (turn == 9) {
            answer(w, "a-task-that-is-not-there");
        }
        drain();
    }
    void report(const worker& w, const std::string& id) {
        byte_buffer progress;
        write_progress(progress, id, 0.5F, "half of it is done by now");
        receive(w, to_message(progress.bytes()));
    }
    void answer(const worker& w, const std::string& id) {
        outcome_writer writer{id, buffer_pool::none()};
        writer.result().member("text", std::string(100, 'y'));
        const bool fails = second_ % 6 == 0;
        const outcome made =
            fails ? std::move(writer).fail("MY_CODE", "it had to be", value{{"why", "a reason to be named"}})
                  : std::move(writer).complete();
        receive(w, to_message(made.frame()));
    }

    // --- The user ---

    void act() {
        if (second_ % 4 == 3) {
            asking([&](controller_engine& e) { e.stored(last_serial_, now_); });
        }
        if (second_ < 40) {
            const task_spec spec{.queue = second_ % 3 == 0 ? "queue-a" : "queue-b",
                                 .metadata = value{{"from", "a user of this controller"}},
                                 .input = value{{"text", std::string(100, 'x')}},
                                 .timeout_ms = second_ % 5 == 0 ? 1'000 : 0,
                                 .max_retry = 1};
            const auto task = asking([&](controller_engine& e) { return e.submit(spec, now_); });
            ASSERT_TRUE(task.has_value());
            const auto wait = asking([&](controller_engine& e) {
                return e.wait((*task)->id, wait_for::end, now_.monotonic + 5s, now_);
            });
            if (second_ % 8 == 0 && wait) {
                asking([&](controller_engine& e) { e.stop_waiting(*wait); });
            }
            if (second_ % 7 == 0) {
                static_cast<void>(
                    asking([&](controller_engine& e) { return e.cancel((*task)->id, now_).has_value(); }));
            }
        }
        drain();
        for (worker& w : workers_) {
            act_as(w);
        }
    }

    void check_the_end() {
        EXPECT_GE(kept_.size(), 38U);
        for (const auto& [id, task] : kept_) {
            const auto now_is = engine_->find(id);
            ASSERT_NE(now_is, nullptr) << "a stored task is lost";
            // The deployed controller leaves the task of a lost connection where it is.
            if (config_.mode == controller_mode::ideal) {
                EXPECT_EQ(now_is->status, task_status::finished);
            } else {
                EXPECT_NE(now_is->status, task_status::pending);
            }
        }
    }

    controller_config config_;
    std::unique_ptr<controller_engine> engine_;
    instant now_{monotonic_time{1h}, wall_time{std::chrono::milliseconds{1'790'000'000'000}}};
    int second_ = 0;
    int restarts_ = 0;
    std::map<std::string, task_record> kept_;
    std::vector<std::string> order_; // in which they were submitted
    std::uint64_t last_serial_ = 0;
    connection_id last_connection_ = 0;
    std::vector<worker> workers_{{.id = ""}, {.id = "session-1"}, {.id = "session-2"}};
};

/// Lives as many lives as one has allocations; the k-th one fails in the k-th life.
void live_through(controller_mode mode) {
    std::size_t spared = 0;
    for (int restarts = 1; restarts > 0; spared += allocation_stride()) {
        SCOPED_TRACE("after " + std::to_string(spared) + " allocations");
        life next{mode};
        fail_allocations(spared, 1);
        next.run();
        fail_allocations(0, 0);
        restarts = next.restarts();
        if (::testing::Test::HasFailure()) {
            return;
        }
    }
}

TEST(ControllerFailingAllocation, IsFollowedByOneThatGoesOnFromWhatWasStored) {
    live_through(controller_mode::ideal);
    live_through(controller_mode::faithful);
}

TEST(ControllerFailingAllocation, ALookThatFailsChangesNothing) {
    controller_engine engine{{}, std::make_shared<failing_crypto>(never_failing), 1};
    const task_spec spec{.queue = "a queue with a long name", .metadata = {}, .input = {}};
    ASSERT_TRUE(engine.submit(spec, {}));
    fail_allocations(0, 1);
    {
        const needy scope;
        EXPECT_THROW(static_cast<void>(engine.tasks("", 0, 10)), std::bad_alloc);
    }
    EXPECT_EQ(engine.tasks("", 0, 10).total, 1U);
}

} // namespace
} // namespace distworker::testing
