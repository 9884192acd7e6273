// What Beast's WebSocket is put on: a byte stream, whose answer to the upgrade Beast gets to see only when it
// is a good one.
//
// Beast checks less of it than `upgrade_check` does, and skips no interim answers.
#pragma once

#include "byte_stream.hpp"

#include <distworker/upgrade_check.hpp>

#include <boost/asio/post.hpp>
#include <boost/beast/core/role.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace distworker::beast {

class websocket_layer : public erased_stream {
public:
    using next_layer_type = boost::asio::ip::tcp::socket;
    using executor_type = next_layer_type::executor_type;

    explicit websocket_layer(std::shared_ptr<byte_stream> bytes) noexcept : bytes_{std::move(bytes)} {}

    [[nodiscard]] next_layer_type& next_layer() noexcept { return bytes_->socket(); }
    [[nodiscard]] const next_layer_type& next_layer() const noexcept { return bytes_->socket(); }
    [[nodiscard]] executor_type get_executor() noexcept { return next_layer().get_executor(); }
    [[nodiscard]] byte_stream& bytes() noexcept { return *bytes_; }
    /// The answer that was none; null once there was a good one.
    [[nodiscard]] const upgrade_check* answer() const noexcept { return answer_.get(); }

    /// Beast tells nobody of empty fragments, and takes them for ever: `flooded` is called, once, when more
    /// has come in a row than 65,536 of them. Whatever Beast does tell of is `progress`.
    void on_flood(std::move_only_function<void()> flooded) { flooded_ = std::move(flooded); }
    void progress() noexcept { progress_at_ = bytes_->bytes_read(); }

    void read_some(boost::asio::mutable_buffer into, transferred done) override;
    void write_some(const pieces& from, transferred done) override {
        bytes_->write_some(from, std::move(done));
    }

private:
    void read_answer(boost::asio::mutable_buffer into, transferred done);
    [[nodiscard]] std::size_t hand_out(boost::asio::mutable_buffer into);

    std::shared_ptr<byte_stream> bytes_;
    // Beast compares Sec-WebSocket-Accept, for it has drawn the key.
    std::unique_ptr<upgrade_check> answer_ = std::make_unique<upgrade_check>(std::nullopt);
    std::vector<char> incoming_; // a piece of the answer
    std::move_only_function<void()> flooded_;
    std::uint64_t progress_at_ = 0;
    std::string held_; // the answer as Beast sees it, and what came behind it
};

/// What Beast calls when the connection is over. It does not wait for the other side, which may never go.
template <typename Handler>
void async_teardown(boost::beast::role_type, websocket_layer& layer, Handler&& handler) {
    layer.bytes().say_goodbye();
    boost::asio::post(layer.get_executor(), [handler = std::forward<Handler>(handler)]() mutable {
        handler(websocket_layer::error_code{});
    });
}
inline void teardown(boost::beast::role_type, websocket_layer& layer, websocket_layer::error_code& error) {
    layer.bytes().say_goodbye();
    error = {};
}

} // namespace distworker::beast
