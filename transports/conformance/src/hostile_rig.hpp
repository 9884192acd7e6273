// A real worker driver on a real transport meets a server that plays one row of the catalogue of bad input.
//
// The rows are those of the project's reliability rules: W (framing), H (the upgrade), T (TLS). Each is a test of its
// own on each combination of transport and crypto library.
#pragma once

#include "core/engine_rig.hpp"
#include "support/ws_peer.hpp"
#include "watched.hpp"

#include <distworker/testing/transport_conformance.hpp>
#include <distworker/worker_driver.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace distworker::testing {

/// What the worker made of its first connection.
struct meeting {
    std::optional<connection_end> end; ///< Empty while it lasted until the script's end.
    std::chrono::nanoseconds wait{};   ///< Until the next attempt.
    std::vector<std::string> tasks;    ///< Ids that were handed to the application.
    engine_counters counters;
};

/// Deadlines that let a test wait for them.
inline worker_config impatient() {
    worker_config config = default_config();
    config.connect_timeout = 2s;
    config.close_timeout = 100ms;
    config.max_message_bytes = 64 * 1024;
    config.message_stall_timeout = 1s;
    return config;
}

class hostile_rig final : driver_events {
public:
    explicit hostile_rig(const transport_kind& kind) : runner_{kind.make_loop()}, kind_{kind} {}

    /// Lets a worker connect to `server`, whose side `script` plays on a thread of its own. Ends with the connection,
    /// or, when that outlives the script, with the script.
    meeting meet(ws_server& server, const std::function<void(ws_server&)>& script, worker_config config = impatient(),
                 const tls_options& tls = {}) {
        config.controller = std::string{server.tls() ? "https" : "http"} + "://" + host + ":" + std::to_string(server.port());
        return meet_at(server, script, config, tls);
    }
    /// The same for a controller that `config` names.
    meeting meet_at(ws_server& server, const std::function<void(ws_server&)>& script, const worker_config& config,
                    const tls_options& tls = {}) {
        auto made = kind_.connect(runner_->get(), tls);
        if (!made) {
            throw std::runtime_error{made.error().to_string()};
        }
        worker_driver driver{worker_group{config.validate().value(), fake_signer(), 1}, runner_->get(), **made, *this};
        driver_ = &driver;
        EXPECT_TRUE(driver.start());
        {
            const std::jthread peer{[&] {
                try {
                    script(server);
                } catch (const std::exception& error) {
                    ADD_FAILURE() << error.what();
                }
                runner_->get().post([this] { runner_->stop(); });
            }};
            run_watched(*runner_);
        }
        result_.counters = driver.group().counters();
        driver_ = nullptr;
        return std::exchange(result_, {});
    }

    std::string host = "127.0.0.1";
    /// Done on the loop's thread when a task has been answered.
    std::function<void(worker_driver&)> on_answered;

private:
    void assigned(const assigned_task& task) override {
        result_.tasks.emplace_back(task.id());
        static_cast<void>(driver_->complete(task.name(), engine_rig::result_for(task)));
        if (on_answered) {
            on_answered(*driver_);
        }
    }
    void stop_task(const delivery&, stop_reason) override {}
    void writable(const delivery&) override {}
    void undeliverable(output::undeliverable) override {}
    void state_changed(std::uint32_t, engine_state) override {}
    void disconnected(std::uint32_t, const connection_end& end) override {
        if (!result_.end) {
            result_.end = end;
            result_.wait = end.retry_at - read_clocks().monotonic;
        }
    }
    resource_usage usage() override { return {}; }
    void stopped(end_reason) override {}

    std::unique_ptr<loop_runner> runner_;
    const transport_kind& kind_;
    worker_driver* driver_ = nullptr;
    meeting result_;
};

// What tests about rows share

inline std::vector<transport_kind> kinds_with_own_framing() {
    std::vector<transport_kind> kinds;
    for (const transport_kind& kind : transport_kinds()) {
        if (kind.own_framing) {
            kinds.push_back(kind);
        }
    }
    return kinds;
}
template <typename Info>
std::string name_of_row(const Info& info) {
    return std::string{std::get<1>(info.param).row} + "_" + std::get<0>(info.param).name;
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
/// The code of the Close frame that comes next among whatever else; 0 when the connection ends without one.
inline std::uint16_t read_close(ws_peer& peer) {
    while (const auto frame = peer.read()) {
        if (frame->opcode == ws_frame::close) {
            return frame->payload.size() < 2
                       ? std::uint16_t{1005}
                       : static_cast<std::uint16_t>(static_cast<unsigned char>(frame->payload[0]) << 8U |
                                                    static_cast<unsigned char>(frame->payload[1]));
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
