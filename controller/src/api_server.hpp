// The API port: HTTP with keep-alive, waits, and server-sent events.
#pragma once

#include "broker.hpp"

#include <boost/asio/ip/tcp.hpp>

namespace distworker::controller {

/// Serves one accepted connection; it keeps itself alive until it ends. `broker` outlives the loop's run.
void serve_api(boost::asio::ip::tcp::socket socket, broker& broker);

} // namespace distworker::controller
