#include "api_server.hpp"

#include "api.hpp"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>

#include <chrono>
#include <deque>
#include <optional>
#include <string>
#include <utility>

namespace distworker::controller {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using beast::error_code;

namespace {

constexpr std::uint64_t largest_body = std::uint64_t{32} << 20U;
constexpr std::uint32_t largest_header = 16U << 10U;
constexpr std::chrono::seconds request_timeout{60};
constexpr std::chrono::seconds write_timeout{60};
// How long a client that is answered before it has sent everything may go on sending.
constexpr std::chrono::seconds linger_timeout{5};
constexpr std::chrono::seconds comment_interval{15};
// Events that a client has not taken yet; one that is further behind is dropped.
constexpr std::size_t largest_backlog = std::size_t{64} << 20U;
constexpr std::string_view event_header = "HTTP/1.1 200 OK\r\n"
                                          "Content-Type: text/event-stream\r\n"
                                          "Cache-Control: no-store\r\n"
                                          "Connection: close\r\n\r\n";

class api_session : public std::enable_shared_from_this<api_session> {
public:
    api_session(asio::ip::tcp::socket socket, broker& broker)
        : stream_{std::move(socket)}, timer_{stream_.get_executor()}, broker_{&broker} {}

    void read_request() {
        request_.emplace();
        request_->header_limit(largest_header);
        request_->body_limit(largest_body);
        stream_.expires_after(request_timeout);
        http::async_read_header(stream_, buffer_, *request_,
                                [self = shared_from_this()](error_code error, std::size_t) {
                                    if (error) {
                                        self->refuse(error);
                                    } else if (self->request_->get()[http::field::expect] == "100-continue") {
                                        self->invite_body();
                                    } else {
                                        self->read_body();
                                    }
                                });
    }

private:
    void invite_body() {
        auto answer = std::make_shared<http::response<http::empty_body>>(http::status::continue_, 11);
        http::async_write(stream_, *answer,
                          [self = shared_from_this(), answer](error_code error, std::size_t) {
                              if (!error) {
                                  self->read_body();
                              }
                          });
    }

    void read_body() {
        http::async_read(stream_, buffer_, *request_,
                         [self = shared_from_this()](error_code error, std::size_t) {
                             if (error) {
                                 self->refuse(error);
                             } else {
                                 self->handle_request();
                             }
                         });
    }

    void refuse(error_code error) {
        const error_code any_of_http = http::error::bad_method;
        if (error == http::error::end_of_stream || error.category() != any_of_http.category()) {
            close(); // the client is gone or too slow
            return;
        }
        keep_alive_ = false;
        if (error == http::error::body_limit) {
            answer(api_error(413, "body: is larger than 32 MiB"));
        } else if (error == http::error::header_limit || error == http::error::buffer_overflow) {
            answer(api_error(431, "header: is larger than 16 KiB"));
        } else {
            answer(api_error(400, "request: is no HTTP/1.1 (" + error.message() + ")"));
        }
    }

    void handle_request() {
        const auto& request = request_->get();
        const auto text = [](beast::string_view view) { return std::string_view{view.data(), view.size()}; };
        // A HEAD is refused with a body that it should not have: nothing may follow it.
        keep_alive_ = request.keep_alive() && request.method() != http::verb::head;
        stream_.expires_never();
        const api_outcome outcome = handle({.method = text(request.method_string()),
                                            .target = text(request.target()),
                                            .content_type = text(request[http::field::content_type]),
                                            .body = request.body()},
                                           *broker_);
        std::visit([this](const auto& what) { proceed(what); }, outcome);
    }

    void proceed(const api_answer& what) { answer(what); }

    void proceed(const wait_for_task& what) {
        waiting_ = true;
        const wait_id wait = broker_->wait(*what.task, what.what, what.limit,
                                           [self = shared_from_this()](const task_record& task) {
                                               self->waiting_ = false;
                                               self->wait_.reset();
                                               self->answer(task_answer(task));
                                           });
        if (waiting_) {
            wait_ = wait;
            stream_.socket().async_wait(asio::socket_base::wait_read,
                                        [self = shared_from_this(), wait](error_code error) {
                                            if (self->wait_ == wait && (error || self->client_is_gone())) {
                                                self->stop_waiting();
                                                self->close();
                                            }
                                        });
        }
    }

    void stop_waiting() {
        if (const auto wait = std::exchange(wait_, std::nullopt)) {
            broker_->stop_waiting(*wait);
        }
    }

    // The socket is readable: either the next request came early, or the client went away.
    bool client_is_gone() {
        char byte = 0;
        error_code error;
        stream_.socket().non_blocking(true, error);
        stream_.socket().receive(asio::buffer(&byte, 1), asio::socket_base::message_peek, error);
        return error && error != asio::error::would_block;
    }

    void proceed(const stream_task& what) {
        discard();
        push(std::string{event_header} + state_event(*what.task));
        if (what.task->status == task_status::finished) {
            push_end({task_event::kind::ended, what.task, {}});
        } else {
            watch_ = broker_->watch(what.task->id, [this](const task_event& event) {
                if (event.what == task_event::kind::ended) {
                    push_end(event);
                } else if (std::string text = stream_event(event); !text.empty()) {
                    push(std::move(text));
                }
            });
            comment_later();
        }
    }

    void comment_later() {
        timer_.expires_after(comment_interval);
        timer_.async_wait([self = shared_from_this()](error_code error) {
            if (!error && self->watch_) {
                self->push(": still there\n\n");
                self->comment_later();
            }
        });
    }

    void push_end(const task_event& event) {
        unwatch();
        ending_ = true;
        push(stream_event(event));
    }

    void push(std::string text) {
        backlog_ += text.size();
        if (backlog_ > largest_backlog) {
            unwatch();
            close();
            return;
        }
        chunks_.push_back(std::move(text));
        if (chunks_.size() == 1) {
            write_chunk();
        }
    }

    void write_chunk() {
        stream_.expires_after(write_timeout);
        asio::async_write(stream_, asio::buffer(chunks_.front()),
                          [self = shared_from_this()](error_code error, std::size_t) {
                              if (error) {
                                  self->unwatch();
                                  self->close();
                                  return;
                              }
                              self->stream_.expires_never();
                              self->backlog_ -= self->chunks_.front().size();
                              self->chunks_.pop_front();
                              if (!self->chunks_.empty()) {
                                  self->write_chunk();
                              } else if (self->ending_) {
                                  self->finish_sending();
                              }
                          });
    }

    void answer(const api_answer& what) {
        auto answer =
            std::make_shared<http::response<http::string_body>>(http::int_to_status(what.status), 11);
        answer->set(http::field::server, "distworker-controller/" DISTWORKER_VERSION);
        answer->set(http::field::content_type, "application/json");
        if (!what.allow.empty()) {
            answer->set(http::field::allow, what.allow);
        }
        answer->keep_alive(keep_alive_);
        answer->body() = what.body;
        answer->prepare_payload();
        stream_.expires_after(write_timeout);
        http::async_write(stream_, *answer,
                          [self = shared_from_this(), answer](error_code error, std::size_t) {
                              if (error) {
                                  self->close();
                              } else if (self->keep_alive_) {
                                  self->read_request();
                              } else {
                                  self->finish_sending();
                                  self->discard();
                              }
                          });
    }

    // Closing with unread bytes would reset the connection and could take the answer with it.
    void finish_sending() {
        error_code ignored;
        stream_.socket().shutdown(asio::socket_base::shutdown_send, ignored);
        timer_.expires_after(linger_timeout);
        timer_.async_wait([self = shared_from_this()](error_code error) {
            if (!error) {
                self->close();
            }
        });
    }

    // Reads on, for nothing but to notice that the client is gone.
    void discard() {
        buffer_.clear();
        stream_.async_read_some(buffer_.prepare(largest_header),
                                [self = shared_from_this()](error_code error, std::size_t) {
                                    if (error) {
                                        self->unwatch();
                                        self->close();
                                    } else {
                                        self->discard();
                                    }
                                });
    }

    void unwatch() {
        if (const auto watch = std::exchange(watch_, std::nullopt)) {
            broker_->unwatch(*watch);
            timer_.cancel();
        }
    }

    void close() {
        error_code ignored;
        stream_.socket().close(ignored);
    }

    beast::tcp_stream stream_;
    asio::steady_timer timer_;
    broker* broker_;
    beast::flat_buffer buffer_;
    std::optional<http::request_parser<http::string_body>> request_;
    bool keep_alive_ = false;
    std::optional<broker::watch_id> watch_;
    std::optional<wait_id> wait_;
    bool waiting_ = false;
    std::deque<std::string> chunks_; // of an event stream; the first is being written
    std::size_t backlog_ = 0;
    bool ending_ = false;
};

} // namespace

void serve_api(asio::ip::tcp::socket socket, broker& broker) {
    std::make_shared<api_session>(std::move(socket), broker)->read_request();
}

} // namespace distworker::controller
