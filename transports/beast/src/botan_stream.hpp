// A TLS stream on Botan over a TCP socket of Asio's, in the shape that Beast's WebSocket wants.
//
// Asio brings such a stream for OpenSSL only. One read and one write may be under way at a time, on one strand; a
// handler is never called from inside the call that was given it.
#pragma once

#include <distworker/botan_tls_client.hpp>

#include <boost/asio/async_result.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/role.hpp>
#include <boost/beast/websocket/teardown.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace distworker::beast {

class botan_stream {
public:
    using next_layer_type = boost::asio::ip::tcp::socket;
    using executor_type = next_layer_type::executor_type;
    using error_code = boost::system::error_code;
    using transferred = std::move_only_function<void(error_code, std::size_t)>;

    botan_stream(const boost::asio::any_io_executor& executor, std::shared_ptr<const botan_tls_settings> settings);

    [[nodiscard]] next_layer_type& next_layer() noexcept;
    [[nodiscard]] const next_layer_type& next_layer() const noexcept;
    [[nodiscard]] executor_type get_executor() noexcept { return next_layer().get_executor(); }

    void async_handshake(const std::string& host, std::move_only_function<void(error_code)> done);
    [[nodiscard]] bool established() const noexcept;
    /// Why the last operation failed, where TLS was the reason.
    [[nodiscard]] const std::optional<botan_tls_client::failure>& failure() const noexcept;
    /// Says goodbye, as far as the socket takes it, and calls `done` when that is written.
    void async_goodbye(std::move_only_function<void(error_code)> done);

    template <typename Buffers, typename Token>
    auto async_read_some(const Buffers& buffers, Token&& token) {
        return boost::asio::async_initiate<Token, void(error_code, std::size_t)>(
            [this](auto handler, boost::asio::mutable_buffer into) { start_read(into, std::move(handler)); }, token,
            first_of<boost::asio::mutable_buffer>(buffers));
    }
    template <typename Buffers, typename Token>
    auto async_write_some(const Buffers& buffers, Token&& token) {
        return boost::asio::async_initiate<Token, void(error_code, std::size_t)>(
            [this](auto handler, const Buffers& from) {
                std::size_t left = most_per_write;
                std::vector<boost::asio::const_buffer> pieces;
                for (auto at = boost::asio::buffer_sequence_begin(from);
                     left > 0 && at != boost::asio::buffer_sequence_end(from); ++at) {
                    const auto piece = boost::asio::buffer(boost::asio::const_buffer{*at}, left);
                    left -= piece.size();
                    pieces.push_back(piece);
                }
                start_write(pieces, std::move(handler));
            },
            token, buffers);
    }

private:
    static constexpr std::size_t most_per_write = 16 * 1024;

    template <typename Buffer, typename Buffers>
    static Buffer first_of(const Buffers& buffers) {
        for (auto at = boost::asio::buffer_sequence_begin(buffers); at != boost::asio::buffer_sequence_end(buffers); ++at) {
            if (const Buffer buffer{*at}; buffer.size() > 0) {
                return buffer;
            }
        }
        return {};
    }
    void start_read(boost::asio::mutable_buffer into, transferred done);
    void start_write(const std::vector<boost::asio::const_buffer>& pieces, transferred done);

    struct state;
    std::shared_ptr<state> state_; // with the operations that are under way
};

/// What Beast calls when a WebSocket connection is over.
void teardown(boost::beast::role_type role, botan_stream& stream, boost::system::error_code& error);
template <typename Handler>
void async_teardown(boost::beast::role_type, botan_stream& stream, Handler&& handler) {
    stream.async_goodbye(std::forward<Handler>(handler));
}

} // namespace distworker::beast
