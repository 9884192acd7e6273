#include "listener.hpp"

#include <chrono>

namespace distworker::controller {

namespace asio = boost::asio;
using asio::ip::tcp;

std::expected<void, std::string> listener::open(const std::string& address, std::uint16_t port) {
    boost::system::error_code error;
    const tcp::endpoint where{asio::ip::make_address(address, error), port};
    if (!error) {
        acceptor_.open(where.protocol(), error);
    }
    if (!error) {
        acceptor_.set_option(asio::socket_base::reuse_address{true}, error);
    }
    if (!error) {
        acceptor_.bind(where, error);
    }
    if (!error) {
        acceptor_.listen(asio::socket_base::max_listen_connections, error);
    }
    return error ? std::expected<void, std::string>{std::unexpected{error.message()}}
                 : std::expected<void, std::string>{};
}

void listener::accept(accepted on_accepted) {
    on_accepted_ = std::move(on_accepted);
    next();
}

void listener::next() {
    acceptor_.async_accept([this](const boost::system::error_code& error, tcp::socket socket) {
        if (error == asio::error::operation_aborted) {
            return;
        }
        if (error) {
            retry_.expires_after(std::chrono::milliseconds{100});
            retry_.async_wait([this](const boost::system::error_code& cancelled) {
                if (!cancelled) {
                    next();
                }
            });
            return;
        }
        boost::system::error_code ignored;
        socket.set_option(tcp::no_delay{true}, ignored);
        on_accepted_(std::move(socket));
        next();
    });
}

std::string listener::address() const {
    boost::system::error_code error;
    const tcp::endpoint where = acceptor_.local_endpoint(error);
    const std::string host = where.address().to_string();
    return (where.address().is_v6() ? '[' + host + ']' : host) + ':' + std::to_string(where.port());
}

} // namespace distworker::controller
