#include "worker_stream.hpp"

#include <boost/asio/post.hpp>

#include <utility>

namespace distworker::controller {

namespace asio = boost::asio;

worker_stream::worker_stream(asio::ip::tcp::socket socket, asio::ssl::context* tls)
    : socket_{std::move(socket)} {
    if (tls != nullptr) {
        tls_.emplace(socket_, *tls);
    }
}

void worker_stream::secure(std::move_only_function<void(error_code)> done) {
    if (tls_) {
        tls_->async_handshake(asio::ssl::stream_base::server, std::move(done));
    } else {
        asio::post(get_executor(), [done = std::move(done)]() mutable { done({}); });
    }
}

void worker_stream::read_some(asio::mutable_buffer into, transferred done) {
    tls_ ? tls_->async_read_some(into, std::move(done)) : socket_.async_read_some(into, std::move(done));
}

void worker_stream::write_some(const pieces& from, transferred done) {
    if (!tls_) {
        socket_.async_write_some(from, std::move(done));
        return;
    }
    auto record = first_record_of(from);
    const asio::const_buffer bytes = asio::buffer(record);
    tls_->async_write_some(bytes, [record = std::move(record), done = std::move(done)](
                                      error_code error, std::size_t size) mutable { done(error, size); });
}

void worker_stream::say_goodbye(std::move_only_function<void(error_code)> done) {
    if (tls_) {
        tls_->async_shutdown(std::move(done));
        return;
    }
    error_code failed;
    socket_.shutdown(asio::ip::tcp::socket::shutdown_send, failed);
    asio::post(get_executor(), [failed, done = std::move(done)]() mutable { done(failed); });
}

} // namespace distworker::controller
