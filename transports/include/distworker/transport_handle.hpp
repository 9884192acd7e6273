// What a driver holds of a connection that may outlive it, since its operations are still under way.
#pragma once

#include <distworker/transport.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>

namespace distworker {

/// For transports whose connections are shared with their operations: passes everything on to a `Connection`,
/// which has the calls of a `transport`, and aborts it when the driver lets go.
template <typename Connection>
class transport_handle final : public transport {
public:
    /// Shares `connection`, which is not null, with its operations.
    explicit transport_handle(std::shared_ptr<Connection> connection) : connection_{std::move(connection)} {}
    transport_handle(const transport_handle&) = delete;
    transport_handle& operator=(const transport_handle&) = delete;
    ~transport_handle() override { connection_->abort(); }

    void send(std::span<const std::byte> message) override { connection_->send(message); }
    void ping(std::span<const std::byte> payload) override { connection_->ping(payload); }
    void close(std::uint16_t code) override { connection_->close(code); }
    void abort() override { connection_->abort(); }

private:
    std::shared_ptr<Connection> connection_;
};

} // namespace distworker
