// Asks an HTTP proxy for a tunnel to the controller, over a socket that is connected to the proxy.
#pragma once

#include "byte_stream.hpp"

#include <distworker/proxy.hpp>

#include <memory>
#include <string>

namespace distworker::beast {

/// A proxy, and what it wants to see.
struct proxy_route {
    proxy_address address;
    secret authorization; ///< A header line, or empty.
};

/// Calls `opened` with nothing once the tunnel is there, else with how the connection ended. `over` is in the
/// clear as yet; `to` is where the proxy shall connect.
void open_tunnel(std::shared_ptr<byte_stream> over, std::shared_ptr<const proxy_route> through,
                 const controller_url& to, std::move_only_function<void(std::optional<link_end>)> opened);

} // namespace distworker::beast
