// The bytes of one connection, in the clear or by one TLS library. One type for all of them, so that Beast's
// WebSocket is compiled once: it takes minutes.
//
// One read and one write may be under way at a time, on one strand. No `done` is called from inside the call
// that was given it, and none is lost but with the executor. What is under way keeps the stream alive.
#pragma once

#include <distworker/connection_end.hpp>
#include <distworker/controller_url.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

namespace distworker::beast {

class byte_stream {
public:
    using error_code = boost::system::error_code;
    using completed = std::move_only_function<void(error_code)>;
    using transferred = std::move_only_function<void(error_code, std::size_t)>;
    /// What is written at once; empty pieces are left out.
    using pieces = std::array<boost::asio::const_buffer, 4>;

    byte_stream() = default;
    byte_stream(const byte_stream&) = delete;
    byte_stream& operator=(const byte_stream&) = delete;
    virtual ~byte_stream() = default;

    [[nodiscard]] virtual boost::asio::ip::tcp::socket& socket() noexcept = 0;
    /// Makes sure who is at the other end, once the socket is connected; bytes may flow behind that.
    virtual void secure(const controller_url& url, completed done) = 0;
    /// An end without a goodbye is an end of file, too: the WebSocket says whether it was one in order.
    virtual void read_some(boost::asio::mutable_buffer into, transferred done) = 0;
    virtual void write_some(const pieces& from, transferred done) = 0;
    /// Says that nothing more will be written, as far as the socket takes that now.
    virtual void say_goodbye() = 0;
    /// The end that an error means, when TLS is to blame for it.
    [[nodiscard]] virtual std::optional<link_end> blame(const error_code& error) const = 0;

    /// How many bytes `read_some` has brought.
    [[nodiscard]] std::uint64_t bytes_read() const noexcept { return bytes_read_; }

protected:
    void count(std::size_t bytes) noexcept { bytes_read_ += bytes; }

private:
    std::uint64_t bytes_read_ = 0;
};

/// Where streams of `wss` connections come from: a TLS library that knows whom to trust.
class stream_source {
public:
    virtual ~stream_source() = default;
    [[nodiscard]] virtual std::shared_ptr<byte_stream> make(const boost::asio::any_io_executor& executor) = 0;
    /// "OpenSSL 3.0.15"
    [[nodiscard]] virtual std::string description() const = 0;
};

/// In the clear.
[[nodiscard]] std::shared_ptr<byte_stream> make_plain_stream(const boost::asio::any_io_executor& executor);

} // namespace distworker::beast
