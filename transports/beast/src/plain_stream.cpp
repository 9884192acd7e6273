#include "byte_stream.hpp"

#include <boost/asio/post.hpp>

#include <utility>

namespace distworker::beast {
namespace {

class plain_stream final : public byte_stream, public std::enable_shared_from_this<plain_stream> {
public:
    explicit plain_stream(const boost::asio::any_io_executor& executor) : socket_{executor} {}

    boost::asio::ip::tcp::socket& socket() noexcept override { return socket_; }
    void secure(const controller_url&, completed done) override {
        boost::asio::post(socket_.get_executor(), [done = std::move(done)]() mutable { done({}); });
    }
    void read_some(boost::asio::mutable_buffer into, transferred done) override {
        socket_.async_read_some(into, [self = shared_from_this(),
                                       done = std::move(done)](error_code error, std::size_t size) mutable {
            self->count(size);
            done(error, size);
        });
    }
    void write_some(const pieces& from, transferred done) override {
        socket_.async_write_some(from,
                                 [self = shared_from_this(), done = std::move(done)](
                                     error_code error, std::size_t size) mutable { done(error, size); });
    }
    void say_goodbye() override {
        error_code ignored;
        socket_.shutdown(boost::asio::ip::tcp::socket::shutdown_send, ignored);
    }
    std::optional<link_end> blame(const error_code&) const override { return std::nullopt; }

private:
    boost::asio::ip::tcp::socket socket_;
};

} // namespace

std::shared_ptr<byte_stream> make_plain_stream(const boost::asio::any_io_executor& executor) {
    return std::make_shared<plain_stream>(executor);
}

} // namespace distworker::beast
