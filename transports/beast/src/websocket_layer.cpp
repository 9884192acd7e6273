#include "websocket_layer.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>

#include <string_view>

namespace distworker::beast {

namespace asio = boost::asio;

void websocket_layer::read_some(asio::mutable_buffer into, transferred done) {
    if (answer_ != nullptr) {
        read_answer(into, std::move(done));
    } else if (!held_.empty()) {
        asio::post(get_executor(),
                   [count = hand_out(into), done = std::move(done)]() mutable { done({}, count); });
    } else {
        constexpr std::uint64_t empty_fragments = 2 * 65'536;
        if (flooded_ && bytes_->bytes_read() - progress_at_ > empty_fragments) {
            asio::post(get_executor(), std::exchange(flooded_, nullptr));
        }
        bytes_->read_some(into, std::move(done));
    }
}

void websocket_layer::read_answer(asio::mutable_buffer into, transferred done) {
    constexpr std::size_t piece = 2048;
    incoming_.resize(piece);
    bytes_->read_some(asio::buffer(incoming_), [this, into, done = std::move(done)](
                                                   error_code error, std::size_t count) mutable {
        const std::string_view came{incoming_.data(), count};
        const std::size_t taken = answer_->take(came);
        if (!error && answer_->state() == upgrade_check::progress::wants_more) {
            read_answer(into, std::move(done));
            return;
        }
        if (error || !answer_->problem().empty()) {
            done(error ? error : asio::error::connection_refused, 0);
            return;
        }
        held_ = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                "Sec-WebSocket-Accept: " +
                answer_->accept() + "\r\n\r\n";
        held_ += came.substr(taken);
        answer_.reset();
        incoming_ = std::vector<char>{};
        done({}, hand_out(into));
    });
}

std::size_t websocket_layer::hand_out(asio::mutable_buffer into) {
    const std::size_t count = asio::buffer_copy(into, asio::buffer(held_));
    held_.erase(0, count);
    if (held_.empty()) {
        held_ = std::string{};
    }
    return count;
}

} // namespace distworker::beast
