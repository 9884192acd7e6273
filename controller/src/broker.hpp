// Runs a `controller_engine` on an Asio loop: brings it events and time, carries out what it asks.
#pragma once

#include <distworker/controller_engine.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <spdlog/logger.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace distworker::controller {

/// One worker's connection, as the broker commands it. None of the calls reports back before it returns.
class worker_link {
public:
    virtual ~worker_link() = default;
    /// Sends one binary message; `broker::sent` when it is written out.
    virtual void send(shared_bytes message) = 0;
    virtual void ping() = 0;
    /// Reads nothing more, not even a ping, until `read_on`.
    virtual void hold_reading() = 0;
    virtual void read_on() = 0;
    /// Ends the TCP connection without a close frame. The broker knows it no more.
    virtual void hang_up() = 0;
};

/// Single-threaded: everything on the loop's thread.
class broker {
public:
    /// Gets a task's events in order. May call `unwatch`.
    using watcher = std::function<void(const task_event&)>;
    using watch_id = std::uint64_t;
    using waiter = std::function<void(const task_record&)>;

    broker(boost::asio::io_context& loop, const controller_config& config,
           std::shared_ptr<const crypto> crypto, std::uint64_t seed, std::shared_ptr<spdlog::logger> log);

    /// A worker's connection is upgraded; `link` stays until `detach`, or until it is told to hang up.
    [[nodiscard]] connection_id attach(worker_link& link);
    void received(connection_id from, message_kind kind, std::span<const std::byte> part, bool last);
    void alive(connection_id from);
    void sent(connection_id to);
    void detach(connection_id gone);

    [[nodiscard]] std::expected<std::shared_ptr<const task_record>, request_fault>
    submit(const task_spec& spec);
    [[nodiscard]] std::expected<std::shared_ptr<const task_record>, cancel_error> cancel(std::string_view id);
    /// For set-up and reading.
    [[nodiscard]] controller_engine& engine() noexcept { return engine_; }

    watch_id watch(std::string_view task_id, watcher on_event);
    void unwatch(watch_id watch);

    /// Calls back once, when what is waited for is there or `limit` has passed; perhaps before it returns.
    wait_id wait(const task_record& task, wait_for what, std::optional<std::chrono::milliseconds> limit,
                 waiter on_over);
    void stop_waiting(wait_id wait);

private:
    // Carries out outputs until there are none. A call from inside one is left to the outermost.
    void pump();
    void perform(send_message& out);
    void perform(const send_ping& out);
    void perform(const end_connection& out);
    void perform(const hold_reading& out);
    void perform(const read_on& out);
    void perform(const store_record& out);
    void perform(const wait_over& out);
    void perform(const task_event& out);
    void perform(const controller_note& out);
    void perform(const controller_idle& out);

    controller_engine engine_;
    boost::asio::steady_timer timer_;
    monotonic_time armed_for_ = never; // when the timer fires
    std::shared_ptr<spdlog::logger> log_;
    std::map<connection_id, worker_link*> links_;
    connection_id last_connection_ = 0;
    struct watch_entry {
        std::string task_id;
        watcher on_event;
    };
    std::map<watch_id, watch_entry> watches_;
    std::multimap<std::string, watch_id, std::less<>> watches_by_task_;
    watch_id last_watch_ = 0;
    std::map<wait_id, waiter> waits_;
    bool pumping_ = false;
};

} // namespace distworker::controller
