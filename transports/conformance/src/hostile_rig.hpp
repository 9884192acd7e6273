// A real worker driver on a real transport meets a server that plays one row of the catalogue of bad input.
//
// The rows are those of the project's reliability rules: W (framing), H (the upgrade), T (TLS). Each is a
// test of its own on each combination of transport and crypto library.
#pragma once

#include "core/engine_rig.hpp"
#include "net/bad_link.hpp"
#include "support/watched.hpp"
#include "support/ws_peer.hpp"

#include <distworker/testing/transport_conformance.hpp>
#include <distworker/worker_driver.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pthread.h>
#include <time.h>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace distworker::testing {

/// What the worker made of its first connection, and of others when it stayed for them.
struct meeting {
    std::optional<connection_end> end; ///< Of the first; empty when it outlived the script.
    std::chrono::nanoseconds wait{};   ///< Until the next attempt.
    std::vector<std::string> tasks;    ///< Ids that were handed to the application.
    std::vector<std::string> returned; ///< Ids of the outcomes that were handed back.
    engine_counters counters;
};

/// Whether each task that a worker took is accounted for: its outcome has its receipt, or was handed back.
inline bool all_reported(const meeting& seen) {
    return seen.tasks.size() == seen.counters.receipted + seen.returned.size();
}

/// No deadline is one that a slow machine reaches; a test that waits for one shortens it.
inline worker_config patient() {
    worker_config config = default_config();
    config.connect_timeout = 60s;
    config.registration_timeout = 60s;
    config.silence_probe = 50s;
    config.silence_timeout = 60s;
    config.close_timeout = 100ms;
    config.max_message_bytes = 64 * 1024;
    return config;
}

class hostile_rig final : driver_events {
public:
    explicit hostile_rig(const transport_kind& kind) : runner_{kind.make_loop()}, kind_{kind} {
        if (kind.rows == rows_over::tls) {
            certificate_.emplace("DNS:localhost,IP:127.0.0.1");
        }
    }

    using script = std::function<void(ws_server&)>;

    /// Lets a worker connect to `server`, whose side is played on a thread of its own, until the first
    /// connection's end.
    meeting meet(ws_server& server, const script& play, worker_config config = patient(),
                 const tls_options& tls = {}) {
        return run(server, play, std::move(config), tls, true);
    }
    /// The same until the script's end, which the connection may outlive.
    meeting visit(ws_server& server, const script& play, worker_config config = patient(),
                  const tls_options& tls = {}) {
        return run(server, play, std::move(config), tls, false);
    }
    /// Both for a server of the kind that the rows are played over, which the worker trusts.
    meeting meet(const script& play, worker_config config = patient()) {
        ws_server server{own_certificate()};
        return meet(server, play, std::move(config), own_tls());
    }
    meeting visit(const script& play, worker_config config = patient()) {
        ws_server server{own_certificate()};
        return visit(server, play, std::move(config), own_tls());
    }

    /// Of the URL; empty: as the server.
    std::string scheme;
    /// What the loop's thread has used so far. For scripts.
    [[nodiscard]] std::chrono::nanoseconds processor_time() const {
        clockid_t clock{};
        timespec used{};
        ::pthread_getcpuclockid(loop_thread_, &clock);
        ::clock_gettime(clock, &used);
        return std::chrono::seconds{used.tv_sec} + std::chrono::nanoseconds{used.tv_nsec};
    }

    std::string host = "127.0.0.1";
    /// How bad the line between the two is; empty: they are connected directly.
    std::optional<link_faults> line;
    /// That line. For scripts.
    [[nodiscard]] bad_link& between() { return *between_; }
    /// Of the URL; 0: the line's, or the server's.
    std::uint16_t port = 0;
    /// Whether the worker connects again instead of leaving with its first connection. It is stopped at the
    /// end of the script, without a drain.
    bool stays = false;
    /// How long all of it may take.
    std::chrono::seconds patience{60};
    /// How tasks are answered.
    std::function<outcome(const assigned_task&)> answer = [](const assigned_task& task) {
        return engine_rig::result_for(task);
    };
    /// Whether tasks run on, unanswered.
    bool busy = false;
    /// Done on the loop's thread when a task has been answered.
    std::function<void(worker_driver&)> on_answered;

private:
    [[nodiscard]] std::string url_of(const ws_server& server) const {
        const std::string fitting = server.tls() ? "https" : "http";
        return (scheme.empty() ? fitting : scheme) + "://" + host + ":" +
               std::to_string(port != 0  ? port
                              : between_ ? between_->port()
                                         : server.port());
    }
    [[nodiscard]] const certificate* own_certificate() const {
        return certificate_ ? &*certificate_ : nullptr;
    }
    [[nodiscard]] tls_options own_tls() const {
        return certificate_ ? tls_options{.ca_file = certificate_->file()} : tls_options{};
    }
    meeting run(ws_server& server, const script& play, worker_config config, const tls_options& tls,
                bool to_the_end) {
        between_.reset();
        if (line) {
            between_.emplace(server.port(), *line);
        }
        config.controller = url_of(server);
        auto made = kind_.connect(runner_->get(), tls, {});
        if (!made) {
            throw std::runtime_error{made.error().to_string()};
        }
        worker_driver driver{worker_group{config.validate().value(), fake_signer(), 1}, runner_->get(),
                             **made, *this};
        driver_ = &driver;
        EXPECT_TRUE(driver.start());
        {
            const std::jthread peer{[&] {
                bool played = false;
                try {
                    play(server);
                    played = true;
                } catch (const std::exception& error) {
                    ADD_FAILURE() << error.what();
                }
                if (!to_the_end || !played) {
                    runner_->get().post([this] { leave(); });
                }
            }};
            run_watched(*runner_, patience);
            if (between_) { // what is still on its way is nobody's
                between_->cut();
            }
        }
        result_.counters = driver.group().counters();
        driver_ = nullptr;
        return std::exchange(result_, {});
    }

    void leave() {
        if (stays) {
            EXPECT_TRUE(driver_->stop(end_reason::stop_requested, 0s));
        } else {
            runner_->stop();
        }
    }

    void assigned(const assigned_task& task) override {
        result_.tasks.emplace_back(task.id());
        if (busy) {
            return;
        }
        static_cast<void>(driver_->complete(task.name(), answer(task)));
        if (on_answered) {
            on_answered(*driver_);
        }
    }
    void stop_task(const delivery&, stop_reason) override {}
    void writable(const delivery&) override {}
    void undeliverable(output::undeliverable lost) override {
        result_.returned.emplace_back(lost.answer.task_id());
    }
    void state_changed(std::uint32_t, engine_state) override {}
    void disconnected(std::uint32_t, const connection_end& end) override {
        if (!result_.end) {
            result_.end = end;
            result_.wait = end.retry_at - read_clocks().monotonic;
        }
        if (!stays) {
            runner_->stop();
        }
    }
    resource_usage usage() override { return {}; }
    void stopped(end_reason) override { runner_->stop(); }

    pthread_t loop_thread_ = ::pthread_self();
    std::unique_ptr<loop_runner> runner_;
    const transport_kind& kind_;
    std::optional<certificate> certificate_;
    std::optional<bad_link> between_;
    worker_driver* driver_ = nullptr;
    meeting result_;
};

// What tests about rows share

inline std::vector<transport_kind> kinds_with_rows() {
    std::vector<transport_kind> kinds;
    for (const transport_kind& kind : transport_kinds()) {
        if (kind.rows != rows_over::nothing) {
            kinds.push_back(kind);
        }
    }
    return kinds;
}
template <typename Test>
std::string name_of_row(const Test& test) {
    return std::string{std::get<1>(test.param).row} + "_" + std::get<0>(test.param).name;
}

// What scripts are made of

inline std::string as_text(const std::vector<std::byte>& bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
/// Accepts a worker and its registration.
inline ws_peer& welcome(ws_server& server) {
    ws_peer& peer = server.accept();
    peer.upgrade();
    peer.read_message();
    peer.send(ws_frame::binary, as_text(response_frame()));
    return peer;
}
/// The code that a Close frame gives.
inline std::uint16_t code_of(const ws_frame& close) {
    return close.payload.size() < 2
               ? std::uint16_t{1005}
               : static_cast<std::uint16_t>(static_cast<unsigned char>(close.payload[0]) << 8U |
                                            static_cast<unsigned char>(close.payload[1]));
}
/// That of the Close frame that comes next among whatever else; 0 when the connection ends without one.
inline std::uint16_t read_close(ws_peer& peer) {
    while (const auto frame = peer.read()) {
        if (frame->opcode == ws_frame::close) {
            return code_of(*frame);
        }
    }
    return 0;
}
/// Whether a task is done on this connection, as if nothing had happened.
inline bool serves(ws_peer& peer, const std::string& id) {
    peer.send(ws_frame::binary, as_text(assign_frame({.id = id})));
    while (const auto message = peer.read_message()) {
        const auto frame = read_frame(std::as_bytes(std::span{message->payload}));
        if (const auto* done = frame ? std::get_if<task_complete_view>(&*frame) : nullptr; done != nullptr) {
            return done->task_id == id;
        }
    }
    return false;
}

} // namespace distworker::testing
