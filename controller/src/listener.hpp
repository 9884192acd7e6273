// Opens one port and hands out what connects to it.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include <cstdint>
#include <expected>
#include <functional>
#include <string>

namespace distworker::controller {

class listener {
public:
    using accepted = std::function<void(boost::asio::ip::tcp::socket)>;

    explicit listener(boost::asio::io_context& loop) : acceptor_{loop} {}

    /// Binds and listens. Fails with the system's reason.
    [[nodiscard]] std::expected<void, std::string> open(const std::string& address, std::uint16_t port);
    /// Accepts from now on, for ever. Out of descriptors it tries again a little later.
    void accept(accepted on_accepted);
    /// The address with the port in use, as in a URL: "127.0.0.1:8080", "[::1]:8080".
    [[nodiscard]] std::string address() const;

private:
    void next();

    boost::asio::ip::tcp::acceptor acceptor_;
    boost::asio::steady_timer retry_{acceptor_.get_executor()};
    accepted on_accepted_;
};

} // namespace distworker::controller
