// The worker port: WebSocket connections at /worker/v1/ws, plain or over TLS (protocol, section 1).
#pragma once

#include "broker.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>

#include <memory>

namespace distworker::controller {

/// Serves one accepted connection; it keeps itself alive until it ends. `broker` outlives the loop's run.
/// `tls` is null for plain connections.
void serve_worker(boost::asio::ip::tcp::socket socket, boost::asio::ssl::context* tls, broker& broker);

} // namespace distworker::controller
