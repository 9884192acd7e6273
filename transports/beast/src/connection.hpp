// One WebSocket connection on Beast: a chain of asynchronous steps from name to close.
#pragma once

#include "byte_stream.hpp"
#include "io_host.hpp"
#include "name_resolver.hpp"
#include "proxy_tunnel.hpp"

#include <distworker/transport.hpp>

#include <memory>

namespace distworker::beast {

/// The transport's calls, and its end: what is under way keeps the connection until it is done.
class connection {
public:
    virtual ~connection() = default;
    virtual void start(name_resolver& names) = 0;
    virtual void send(std::span<const std::byte> message) = 0;
    virtual void ping(std::span<const std::byte> payload) = 0;
    virtual void close(std::uint16_t code) = 0;
    virtual void abort() = 0;
};

/// `proxy` is null where there is none.
[[nodiscard]] std::shared_ptr<connection> make_connection(std::shared_ptr<io_host> host,
                                                          std::shared_ptr<byte_stream> bytes,
                                                          std::shared_ptr<const proxy_route> proxy,
                                                          controller_url url, transport_events& events);

} // namespace distworker::beast
