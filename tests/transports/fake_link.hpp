// A loop on virtual time and a transport that a test plays by hand: the driver without a socket or a clock.
#pragma once

#include "core/engine_rig.hpp"

#include <distworker/worker_driver.hpp>

#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace distworker::testing {

/// What the driver takes for the time of day. Each rig starts it anew.
inline instant virtual_now;

class fake_loop final : public loop {
public:
    watch_id watch(int, io_interest, watch_callback) override {
        throw std::logic_error{"the driver watches no descriptor"};
    }
    void set_interest(watch_id, io_interest) override {}
    void unwatch(watch_id) override {}
    void set_timer(monotonic_time deadline, std::move_only_function<void()> expired) override {
        ++timers_set;
        deadline_ = deadline;
        expired_ = std::move(expired);
    }
    void post(std::move_only_function<void()> task) override {
        const std::lock_guard lock{mutex_};
        ++posts;
        posted_.push_back(std::move(task));
    }
    [[nodiscard]] monotonic_time now() const override { return virtual_now.monotonic; }

    /// Runs what was posted, and what that posts.
    void turn() {
        for (;;) {
            std::deque<std::move_only_function<void()>> tasks;
            {
                const std::lock_guard lock{mutex_};
                tasks.swap(posted_);
            }
            if (tasks.empty()) {
                return;
            }
            for (auto& task : tasks) {
                task();
            }
        }
    }
    /// Lets time pass, and the timer expire at each of its deadlines.
    void pass(std::chrono::nanoseconds time) {
        const monotonic_time end = virtual_now.monotonic + time;
        turn();
        while (deadline_ <= end) {
            set_time(std::max(deadline_, virtual_now.monotonic));
            deadline_ = never;
            std::exchange(expired_, nullptr)();
            turn();
        }
        set_time(end);
    }
    [[nodiscard]] monotonic_time deadline() const { return deadline_; }

    int timers_set = 0;
    int posts = 0;

private:
    static void set_time(monotonic_time t) {
        virtual_now.wall += std::chrono::floor<std::chrono::milliseconds>(t - virtual_now.monotonic);
        virtual_now.monotonic = t;
    }

    std::mutex mutex_; // guards what is posted
    std::deque<std::move_only_function<void()>> posted_;
    monotonic_time deadline_ = never;
    std::move_only_function<void()> expired_;
};

/// One connection that the driver asked for, and everything it did with it.
struct fake_connection {
    controller_url url;
    transport_events* events = nullptr;
    std::vector<std::vector<std::byte>> messages;
    std::vector<std::vector<std::byte>> pings;
    std::vector<std::uint16_t> closes;
    bool sending = false;
    bool aborted = false;
    bool destroyed = false;

    void opened() const { events->opened(); }
    void sent() {
        sending = false;
        events->sent();
    }
    void receive(std::span<const std::byte> message) const {
        events->received(message_kind::binary, message, true, message.size());
    }
    [[nodiscard]] std::vector<std::string> kinds() const {
        static constexpr const char* names[] = {"register", "response", "heartbeat", "assign",
                                                "progress", "complete", "failed"};
        std::vector<std::string> out;
        for (const auto& message : messages) {
            out.emplace_back(names[read_frame(message).value().index()]);
        }
        return out;
    }
};

class fake_transport final : public transport {
public:
    explicit fake_transport(std::shared_ptr<fake_connection> record) : record_{std::move(record)} {}
    fake_transport(const fake_transport&) = delete;
    fake_transport& operator=(const fake_transport&) = delete;
    ~fake_transport() override { record_->destroyed = true; }

    void send(std::span<const std::byte> message) override {
        EXPECT_FALSE(record_->sending) << "a second message before `sent`";
        EXPECT_FALSE(record_->aborted);
        record_->sending = true;
        record_->messages.push_back(copy_of(message));
    }
    void ping(std::span<const std::byte> payload) override {
        EXPECT_FALSE(record_->sending) << "a ping while a message is under way";
        EXPECT_FALSE(record_->aborted);
        record_->pings.push_back(copy_of(payload));
    }
    void close(std::uint16_t code) override {
        EXPECT_FALSE(record_->aborted);
        record_->closes.push_back(code);
    }
    void abort() override { record_->aborted = true; }

private:
    std::shared_ptr<fake_connection> record_;
};

class fake_connector final : public connector {
public:
    std::unique_ptr<transport> open(const controller_url& url, transport_events& events) override {
        auto record = std::make_shared<fake_connection>();
        record->url = url;
        record->events = &events;
        connections.push_back(record);
        return std::make_unique<fake_transport>(std::move(record));
    }
    std::string description() const override { return "fake"; }

    std::vector<std::shared_ptr<fake_connection>> connections;
};

/// Records what the driver tells, and answers tasks at once when it is told to.
class recorder final : public driver_events {
public:
    void assigned(const assigned_task& task) override {
        tasks.push_back(task);
        if (answers_at_once != nullptr) {
            EXPECT_TRUE(answers_at_once->complete(task.name(), engine_rig::result_for(task)));
        }
    }
    void stop_task(const delivery& task, stop_reason reason) override { stops.emplace_back(task, reason); }
    void writable(const delivery&) override { ++writables; }
    void undeliverable(output::undeliverable lost) override { returned.push_back(std::move(lost)); }
    void state_changed(std::uint32_t slot, engine_state state) override { states.emplace_back(slot, state); }
    void disconnected(std::uint32_t slot, const connection_end& end) override {
        ends.emplace_back(slot, end);
    }
    resource_usage usage() override {
        ++samples;
        return {.cpu_percent = 12.5, .memory_used_mb = 34};
    }
    void stopped(end_reason reason) override { ended.push_back(reason); }

    worker_driver* answers_at_once = nullptr;
    std::deque<assigned_task> tasks;
    std::vector<std::pair<delivery, stop_reason>> stops;
    std::vector<output::undeliverable> returned;
    std::vector<std::pair<std::uint32_t, engine_state>> states;
    std::vector<std::pair<std::uint32_t, connection_end>> ends;
    std::vector<end_reason> ended;
    int writables = 0;
    int samples = 0;
};

class driver_rig {
public:
    explicit driver_rig(const worker_config& config = default_config(), trace_writer* trace = nullptr) {
        virtual_now = {monotonic_time{1h}, wall_time{std::chrono::milliseconds{1'790'000'000'000}}};
        const valid_worker_config checked = config.validate().value();
        signer sign = fake_signer();
        if (trace != nullptr) {
            trace->begin(checked, 1);
            sign = trace->noting(std::move(sign));
        }
        driver = std::make_unique<worker_driver>(
            worker_group{checked, std::move(sign), 1}, on, connector, told, [] { return virtual_now; },
            trace);
    }

    fake_loop on;
    fake_connector connector;
    recorder told;
    std::unique_ptr<worker_driver> driver;

    [[nodiscard]] fake_connection& link() const { return *connector.connections.back(); }
    [[nodiscard]] engine_state state() const { return driver->group().slot(0).state(); }
    /// Reports all writes of the newest connection as done, and those that follow.
    void write_all() const {
        while (link().sending) {
            link().sent();
        }
    }
    void connect() const {
        EXPECT_TRUE(driver->start());
        link().opened();
    }
    void become_ready() const {
        connect();
        write_all();
        link().receive(response_frame());
        write_all();
    }
    void become_busy(const assign_spec& spec = {}) const {
        become_ready();
        link().receive(assign_frame(spec));
    }
};

} // namespace distworker::testing
