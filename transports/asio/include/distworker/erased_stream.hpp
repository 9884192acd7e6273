// A stream of bytes as Asio and Beast want one, whatever it is beneath. What is built on top of it, which
// takes long, is compiled once for all of them.
#pragma once

#include <boost/asio/async_result.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/system/error_code.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <functional>
#include <vector>

namespace distworker {

/// To be a stream for Asio, a class that derives from this lacks `executor_type` and `get_executor`.
class erased_stream {
public:
    /// What an operation ends with, and who is told of it and of the bytes that were moved.
    using error_code = boost::system::error_code;
    using transferred = std::move_only_function<void(error_code, std::size_t)>;
    /// What is written at once; empty pieces are left out.
    using pieces = std::array<boost::asio::const_buffer, 4>;

    erased_stream() = default;
    erased_stream(const erased_stream&) = delete;
    erased_stream& operator=(const erased_stream&) = delete;
    virtual ~erased_stream() = default;

    /// One read and one write may be under way at a time, on one strand. No `done` is called from inside the
    /// call that was given it.
    virtual void read_some(boost::asio::mutable_buffer into, transferred done) = 0;
    virtual void write_some(const pieces& from, transferred done) = 0;

    template <typename Buffers, typename Token>
    /// What AsyncReadStream and AsyncWriteStream ask for. Takes the first buffer, or the first few, that
    /// are not empty.
    auto async_read_some(const Buffers& buffers, Token&& token) {
        return boost::asio::async_initiate<Token, void(error_code, std::size_t)>(
            [this](auto handler, boost::asio::mutable_buffer into) { read_some(into, std::move(handler)); },
            token, first_of(buffers));
    }
    template <typename Buffers, typename Token>
    auto async_write_some(const Buffers& buffers, Token&& token) {
        return boost::asio::async_initiate<Token, void(error_code, std::size_t)>(
            [this](auto handler, const pieces& from) { write_some(from, std::move(handler)); }, token,
            first_pieces_of(buffers));
    }

private:
    template <typename Buffers>
    static boost::asio::mutable_buffer first_of(const Buffers& buffers) {
        for (auto at = boost::asio::buffer_sequence_begin(buffers);
             at != boost::asio::buffer_sequence_end(buffers); ++at) {
            if (const boost::asio::mutable_buffer buffer{*at}; buffer.size() > 0) {
                return buffer;
            }
        }
        return {};
    }
    template <typename Buffers>
    static pieces first_pieces_of(const Buffers& buffers) {
        pieces first;
        auto to = first.begin();
        for (auto at = boost::asio::buffer_sequence_begin(buffers);
             to != first.end() && at != boost::asio::buffer_sequence_end(buffers); ++at) {
            if (const boost::asio::const_buffer buffer{*at}; buffer.size() > 0) {
                *to++ = buffer;
            }
        }
        return first;
    }
};

/// What fits into one record of TLS, for a library that takes one piece and makes a record of it.
inline std::vector<std::byte> first_record_of(const erased_stream::pieces& from) {
    constexpr std::size_t largest_record = 16 * 1024;
    std::vector<std::byte> record(std::min(boost::asio::buffer_size(from), largest_record));
    boost::asio::buffer_copy(boost::asio::buffer(record), from);
    return record;
}

} // namespace distworker
