#include "worker_server.hpp"

#include "worker_stream.hpp"

#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/websocket.hpp>

#include <chrono>
#include <optional>
#include <string>
#include <utility>

namespace distworker::controller {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
namespace websocket = beast::websocket;
using beast::error_code;

namespace {

constexpr std::string_view worker_path = "/worker/v1/ws";
constexpr std::chrono::seconds upgrade_timeout{10};
constexpr std::size_t largest_part = std::size_t{64} << 10U;
// The engine has a limit of its own; this one keeps a frame's header from promising the impossible.
constexpr std::uint64_t largest_message = std::uint64_t{64} << 20U;

class worker_session final : public worker_link, public std::enable_shared_from_this<worker_session> {
public:
    worker_session(asio::ip::tcp::socket socket, asio::ssl::context* tls, broker& broker)
        : socket_{std::move(socket), tls}, upgrade_timer_{socket_.get_executor(), upgrade_timeout},
          broker_{&broker} {}

    void start() {
        upgrade_timer_.async_wait([weak = weak_from_this()](error_code) {
            const auto self = weak.lock();
            if (self != nullptr && self->upgrade_timer_.expiry() <= std::chrono::steady_clock::now()) {
                self->close();
            }
        });
        socket_.next_layer().secure([self = shared_from_this()](error_code error) {
            if (!error) {
                self->read_upgrade();
            }
        });
    }

    void send(shared_bytes message) override {
        message_ = std::move(message);
        const auto bytes = message_.bytes();
        socket_.async_write(asio::buffer(bytes.data(), bytes.size()),
                            [self = shared_from_this()](error_code error, std::size_t) {
                                self->message_ = {};
                                if (error) {
                                    self->leave();
                                } else if (self->id_) {
                                    self->broker_->sent(*self->id_);
                                }
                            });
    }

    void ping() override {
        if (std::exchange(pinging_, true)) {
            return; // the last one still waits behind a large message
        }
        socket_.async_ping({}, [self = shared_from_this()](error_code error) {
            self->pinging_ = false;
            if (error) {
                self->leave();
            }
        });
    }

    void hold_reading() override { held_ = true; }

    void read_on() override {
        if (std::exchange(held_, false) && std::exchange(read_waits_, false)) {
            read();
        }
    }

    void hang_up() override {
        id_.reset();
        close();
    }

private:
    void read_upgrade() {
        request_.header_limit(16U << 10U);
        http::async_read(socket_.next_layer(), buffer_, request_,
                         [self = shared_from_this()](error_code error, std::size_t) {
                             if (error) {
                                 self->refuse(http::status::bad_request, "this is not a WebSocket upgrade\n",
                                              error);
                             } else {
                                 self->upgrade();
                             }
                         });
    }

    void upgrade() {
        const auto& request = request_.get();
        const std::string_view target{request.target().data(), request.target().size()};
        if (target.substr(0, target.find('?')) != worker_path) {
            refuse(http::status::not_found, "workers connect at /worker/v1/ws\n", {});
            return;
        }
        if (!websocket::is_upgrade(request)) {
            refuse(http::status::upgrade_required, "this path is for WebSocket connections\n", {});
            return;
        }
        upgrade_timer_.expires_at(
            asio::steady_timer::time_point::max()); // from here on the engine keeps the time
        socket_.set_option(
            websocket::stream_base::timeout{upgrade_timeout, websocket::stream_base::none(), false});
        socket_.auto_fragment(false);
        socket_.read_message_max(largest_message);
        socket_.binary(true);
        socket_.control_callback([this](websocket::frame_type type, beast::string_view) {
            if (type == websocket::frame_type::pong && id_) {
                broker_->alive(*id_);
            }
        });
        socket_.async_accept(request, [self = shared_from_this()](error_code error) {
            if (!error) {
                self->join();
            }
        });
    }

    void join() {
        buffer_.clear(); // nothing may come before the upgrade is answered
        id_ = broker_->attach(*this);
        read();
    }

    // One message is processed fully before the next is read: that is what a worker's receipts rely on.
    void read() {
        socket_.async_read_some(
            buffer_, largest_part, [self = shared_from_this()](error_code error, std::size_t) {
                if (error || !self->id_) {
                    self->leave();
                    return;
                }
                const auto part = self->buffer_.cdata();
                self->broker_->received(*self->id_,
                                        self->socket_.got_text() ? message_kind::text : message_kind::binary,
                                        {static_cast<const std::byte*>(part.data()), part.size()},
                                        self->socket_.is_message_done());
                self->buffer_.consume(part.size());
                if (self->held_) {
                    self->read_waits_ = true;
                } else {
                    self->read();
                }
            });
    }

    void refuse(http::status status, std::string_view why, error_code error) {
        const error_code any_of_http = http::error::bad_method;
        if (error && (error == http::error::end_of_stream || error.category() != any_of_http.category())) {
            close(); // nobody is there to be told
            return;
        }
        auto answer = std::make_shared<http::response<http::string_body>>(status, 11);
        answer->set(http::field::content_type, "text/plain");
        if (status == http::status::upgrade_required) {
            answer->set(http::field::upgrade, "websocket");
        }
        answer->keep_alive(false);
        answer->body() = why;
        answer->prepare_payload();
        http::async_write(socket_.next_layer(), *answer,
                          [self = shared_from_this(), answer](error_code, std::size_t) { self->close(); });
    }

    // The connection ended by itself.
    void leave() {
        close();
        if (const auto id = std::exchange(id_, std::nullopt)) {
            broker_->detach(*id);
        }
    }

    void close() {
        error_code ignored;
        socket_.next_layer().next_layer().close(ignored);
    }

    websocket::stream<worker_stream, false> socket_;
    asio::steady_timer upgrade_timer_;
    broker* broker_;
    beast::flat_buffer buffer_;
    bool held_ = false;
    bool read_waits_ = false; // ... until it is not
    http::request_parser<http::empty_body> request_;
    std::optional<connection_id> id_;
    shared_bytes message_; // being written
    bool pinging_ = false;
};

} // namespace

void serve_worker(asio::ip::tcp::socket socket, asio::ssl::context* tls, broker& broker) {
    std::make_shared<worker_session>(std::move(socket), tls, broker)->start();
}

} // namespace distworker::controller
