// The bytes of one connection, in the clear or by one TLS library. One type for all of them, so that Beast's
// WebSocket is compiled once: it takes minutes.
//
// No `done` is lost but with the executor. What is under way keeps the stream alive.
#pragma once

#include <distworker/connection_end.hpp>
#include <distworker/controller_url.hpp>
#include <distworker/erased_stream.hpp>

#include <boost/asio/ip/tcp.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

namespace distworker::beast {

/// An end without a goodbye is read as an end of file, too: the WebSocket says whether it was one in order.
class byte_stream : public erased_stream {
public:
    using completed = std::move_only_function<void(error_code)>;

    [[nodiscard]] virtual boost::asio::ip::tcp::socket& socket() noexcept = 0;
    /// Makes sure who is at the other end, once the socket is connected; bytes may flow behind that.
    virtual void secure(const controller_url& url, completed done) = 0;
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
