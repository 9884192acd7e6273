// A transport around another one, which counts what goes through it. It has every function of the seam.
#pragma once

#include <distworker/transport.hpp>

#include <cstdint>
#include <memory>
#include <utility>

/// What has gone over all connections of a connector.
struct traffic {
    std::uint64_t bytes_sent = 0;
    std::uint64_t bytes_received = 0;
    std::uint64_t connections_ended = 0;
};

/// One connection: what the worker wants goes down to `inner`, what that tells goes up to `events`.
class recording_transport final : public distworker::transport, distworker::transport_events {
public:
    recording_transport(distworker::connector& through, const distworker::controller_url& url,
                        distworker::transport_events& events, traffic& counts)
        : events_{events}, counts_{counts}, inner_{through.open(url, *this)} {}

    // What the driver asks for. Nothing is told from inside these calls.
    void send(std::span<const std::byte> message) override {
        counts_.bytes_sent += message.size();
        inner_->send(message);
    }
    void ping(std::span<const std::byte> payload) override { inner_->ping(payload); }
    void close(std::uint16_t code) override { inner_->close(code); }
    void abort() override { inner_->abort(); }

private:
    // What a connection tells. The driver may drop this object in here, but not before the call returns.
    void opened() override { events_.opened(); }
    void received(distworker::message_kind kind, std::span<const std::byte> part, bool end_of_message,
                  std::uint64_t announced_size) override {
        counts_.bytes_received += part.size();
        events_.received(kind, part, end_of_message, announced_size);
    }
    void pinged() override { events_.pinged(); }
    void pong(std::span<const std::byte> payload) override { events_.pong(payload); }
    void alive() override { events_.alive(); }
    void sent() override { events_.sent(); }
    void closed(distworker::link_end end) override {
        ++counts_.connections_ended;
        events_.closed(std::move(end));
    }

    distworker::transport_events& events_;
    traffic& counts_;
    std::unique_ptr<distworker::transport> inner_;
};

class recording_connector final : public distworker::connector {
public:
    explicit recording_connector(std::unique_ptr<distworker::connector> through)
        : through_{std::move(through)} {}

    std::unique_ptr<distworker::transport> open(const distworker::controller_url& url,
                                                distworker::transport_events& events) override {
        return std::make_unique<recording_transport>(*through_, url, events, counts_);
    }
    std::string description() const override { return "recorded " + through_->description(); }
    [[nodiscard]] const traffic& counts() const { return counts_; }

private:
    std::unique_ptr<distworker::connector> through_;
    traffic counts_;
};
