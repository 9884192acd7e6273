// The bytes of a worker's connection, in the clear or by TLS: one type for both, so that WebSocket and HTTP
// are compiled once.
#pragma once

#include <distworker/erased_stream.hpp>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/beast/core/role.hpp>

#include <functional>
#include <optional>
#include <utility>

namespace distworker::controller {

/// What is under way does not keep the stream alive: its owner does.
class worker_stream : public erased_stream {
public:
    using next_layer_type = boost::asio::ip::tcp::socket;
    using executor_type = next_layer_type::executor_type;

    /// `tls` is null for a connection in the clear.
    worker_stream(boost::asio::ip::tcp::socket socket, boost::asio::ssl::context* tls);

    [[nodiscard]] executor_type get_executor() noexcept { return socket_.get_executor(); }
    [[nodiscard]] next_layer_type& next_layer() noexcept { return socket_; }
    [[nodiscard]] const next_layer_type& next_layer() const noexcept { return socket_; }
    /// The handshake of TLS; nothing in the clear.
    void secure(std::move_only_function<void(error_code)> done);
    void read_some(boost::asio::mutable_buffer into, transferred done) override;
    void write_some(const pieces& from, transferred done) override;
    /// Says that nothing more will be written; over TLS the answer to it is waited for.
    void say_goodbye(std::move_only_function<void(error_code)> done);

private:
    next_layer_type socket_;
    std::optional<boost::asio::ssl::stream<next_layer_type&>> tls_;
};

/// What Beast calls when the connection is over.
template <typename Handler>
void async_teardown(boost::beast::role_type, worker_stream& stream, Handler&& handler) {
    stream.say_goodbye(std::forward<Handler>(handler));
}

} // namespace distworker::controller
