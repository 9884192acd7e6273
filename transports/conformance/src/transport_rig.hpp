// A transport on its loop, a server with a script, and a record of what the transport tells.
#pragma once

#include "support/watched.hpp"
#include "support/ws_peer.hpp"

#include <distworker/testing/transport_conformance.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace distworker::testing {

inline constexpr std::size_t four_mebibytes = std::size_t{4} << 20U;

inline std::string text_of(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
inline std::span<const std::byte> bytes_of(std::string_view text) {
    return std::as_bytes(std::span{text});
}
inline std::string patterned(std::size_t size) {
    std::string text(size, '\0');
    for (std::size_t i = 0; i < size; ++i) {
        text[i] = static_cast<char>(i * 31 + i / 4096);
    }
    return text;
}

/// What a connection told, and hooks for what a test wants done then.
struct listener final : transport_events {
    void opened() override {
        told("opened");
        call(on_opened);
    }
    void received(message_kind kind, std::span<const std::byte> part, bool end_of_message,
                  std::uint64_t) override {
        told(nullptr);
        ++parts;
        incoming += text_of(part);
        if (end_of_message) {
            messages.emplace_back(kind, std::exchange(incoming, {}));
            call(on_message);
        } else {
            call(on_part);
        }
    }
    void pinged() override {
        told("pinged");
        call(on_pinged);
    }
    void pong(std::span<const std::byte> payload) override {
        told(("pong " + text_of(payload)).c_str());
        call(on_pong);
    }
    void alive() override { told(nullptr); }
    void sent() override {
        told("sent");
        call(on_sent);
    }
    void closed(link_end how) override {
        told("closed");
        over = true;
        end = std::move(how);
        call(on_closed);
    }

    void told(const char* what) {
        EXPECT_FALSE(inside) << "told from inside a call into the transport";
        EXPECT_FALSE(over) << "told after the end";
        if (what != nullptr) {
            log.emplace_back(what);
        }
    }
    static void call(const std::function<void()>& hook) {
        if (hook) {
            hook();
        }
    }

    std::function<void()> on_opened, on_message, on_part, on_pinged, on_pong, on_sent, on_closed;
    std::vector<std::string> log;
    std::vector<std::pair<message_kind, std::string>> messages;
    std::string incoming;
    std::size_t parts = 0;
    link_end end;
    bool over = false;
    bool inside = false;
};

class transport_rig : public ::testing::TestWithParam<transport_kind> {
protected:
    /// Runs `script` as the server until the loop is stopped and the script has come to its end.
    void play(std::function<void(ws_server&)> script) {
        const std::jthread server_thread{[&] {
            try {
                script(*server_);
            } catch (const std::exception& e) {
                ADD_FAILURE() << e.what();
                kind_->stop();
            }
        }};
        run_watched(*kind_);
    }
    /// Starts to connect; the connection's end stops the loop unless the test has other plans.
    void open(const std::string& url, const tls_options& tls = {}, const proxy_options& proxy = {}) {
        if (!told_.on_closed) {
            told_.on_closed = [this] { stop(); };
        }
        auto made = GetParam().connect(kind_->get(), tls, proxy);
        ASSERT_TRUE(made) << made.error().to_string();
        transport_.reset(); // an earlier one's connector goes now
        connector_ = *std::move(made);
        guarded([&] { transport_ = connector_->open(parse_controller_url(url).value(), told_); });
    }
    void open() { open("http://127.0.0.1:" + std::to_string(server_->port())); }
    void open_tls(const std::string& host, const tls_options& tls) {
        open("https://" + host + ":" + std::to_string(server_->port()), tls);
    }
    template <typename Call>
    void guarded(Call call) {
        told_.inside = true;
        call();
        told_.inside = false;
    }
    void send(std::string_view message) {
        guarded([&] { transport_->send(bytes_of(message)); });
    }
    void ping(std::string_view payload) {
        guarded([&] { transport_->ping(bytes_of(payload)); });
    }
    void close(std::uint16_t code) {
        guarded([&] { transport_->close(code); });
    }
    void abort() {
        guarded([&] { transport_->abort(); });
        told_.over = true;
    }
    void stop() { kind_->stop(); }
    /// From the server's thread: done on the loop's.
    void on_loop(std::function<void()> call) { kind_->get().post(std::move(call)); }
    /// On the server's thread: waits until the loop's has told this.
    void await_told(const std::string& what) {
        std::promise<void> heard;
        std::function<void()> look = [&] {
            if (std::ranges::find(told_.log, what) == told_.log.end()) {
                kind_->get().post([&] { look(); });
            } else {
                heard.set_value();
            }
        };
        kind_->get().post([&] { look(); });
        if (heard.get_future().wait_for(std::chrono::seconds{60}) != std::future_status::ready) {
            std::terminate(); // nothing that the loop still holds may be left to it
        }
    }
    /// The transport goes first and the loop last, which does not run again.
    void go() {
        transport_.reset();
        connector_.reset();
        kind_.reset();
    }
    /// Lets the loop go round, so that anything that is still told is told now.
    void settle() {
        int turns = 50;
        std::function<void()> again = [&] {
            if (--turns == 0) {
                stop();
            } else {
                kind_->get().post([&] { again(); });
            }
        };
        kind_->get().post([&] { again(); });
        run_watched(*kind_);
    }
    void serve_tls(const certificate& with) { server_ = std::make_unique<ws_server>(&with); }

    std::unique_ptr<loop_runner> kind_ = GetParam().make_loop();
    std::unique_ptr<ws_server> server_ = std::make_unique<ws_server>();
    listener told_;
    std::unique_ptr<connector> connector_;
    std::unique_ptr<transport> transport_;
};

/// Every test of `Suite` for every transport.
#define DISTWORKER_ON_EACH_TRANSPORT(Suite)                                                                  \
    INSTANTIATE_TEST_SUITE_P(On, Suite,                                                                      \
                             ::testing::ValuesIn(transport_kinds().begin(), transport_kinds().end()),        \
                             [](const auto& kind) { return std::string{kind.param.name}; })

} // namespace distworker::testing
