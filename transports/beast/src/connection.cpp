#include "connection.hpp"

#include "websocket_layer.hpp"

#include <distworker/close_code.hpp>
#include <distworker/utf8.hpp>

#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/websocket.hpp>
#include <netinet/tcp.h>

#include <algorithm>
#include <bit>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace distworker::beast {
namespace {

namespace asio = boost::asio;
namespace websocket = boost::beast::websocket;
using error_code = boost::system::error_code;
using tcp = asio::ip::tcp;

/// A fragment lets pongs and closes pass behind it (protocol, section 1: the controller waits 15 s).
/// With its header it fills one record of TLS.
constexpr std::size_t frame_bytes = 16 * 1024;
constexpr std::size_t frame_header = 14;
constexpr std::size_t fragment_bytes = frame_bytes - frame_header;
/// The engine refuses what is too large for it; beyond this a header is refused unread.
constexpr std::size_t hard_message_limit = std::size_t{1} << 30U;

class websocket_connection final : public connection,
                                   public socket_user,
                                   public std::enable_shared_from_this<websocket_connection> {
public:
    websocket_connection(std::shared_ptr<io_host> host, std::shared_ptr<byte_stream> bytes,
                         std::shared_ptr<const proxy_route> proxy, controller_url url,
                         transport_events& events)
        : host_{std::move(host)}, bytes_{std::move(bytes)}, proxy_{std::move(proxy)}, url_{std::move(url)},
          events_{&events}, ws_{bytes_}, read_buffer_(small_read) {}

    void start(name_resolver& names) override {
        names.resolve(next_host(), next_port(),
                      [weak = weak_from_this()](std::expected<endpoints, std::string> found) {
                          if (const auto self = weak.lock(); self != nullptr && self->events_ != nullptr) {
                              self->resolved(std::move(found));
                          }
                      });
    }

    void send(std::span<const std::byte> message) override {
        to_send_ = message;
        sending_ = true;
        size_write_buffer(message.size());
        write_fragment();
    }

    void ping(std::span<const std::byte> payload) override {
        queued_ping_.emplace(reinterpret_cast<const char*>(payload.data()), payload.size());
        if (!pinging_) {
            write_ping();
        }
    }

    void close(std::uint16_t code) override {
        close_with(code);
        changed();
    }

    void abort() override {
        events_ = nullptr;
        drop_socket();
    }

    [[nodiscard]] bool writing() const noexcept override {
        return sending_ || connecting_ || closing_ || pinging_;
    }

private:
    static constexpr std::size_t small_read = 1024;
    static constexpr std::size_t large_read = 64 * 1024;
    static constexpr std::size_t smallest_write_buffer = 128;

    tcp::socket& socket() { return bytes_->socket(); }
    // Whom we connect to: the proxy, which finds the controller itself, or the controller.
    [[nodiscard]] const std::string& next_host() const {
        return proxy_ == nullptr ? url_.host : proxy_->address.host;
    }
    [[nodiscard]] std::uint16_t next_port() const {
        return proxy_ == nullptr ? url_.port : proxy_->address.port;
    }
    void changed() { host_->operation_changed(shared_from_this()); }

    // Calls `step` with the arguments of a completed operation, unless the connection is over by then.
    template <typename Step>
    auto then(Step step) {
        return [self = shared_from_this(), step](error_code error, auto... more) {
            if (self->events_ != nullptr) {
                (self.get()->*step)(error, more...);
            }
        };
    }

    void resolved(std::expected<endpoints, std::string> found) {
        if (!found || found->empty()) {
            end({.what = link_end::kind::name_resolution,
                 .detail = "'" + next_host() + "': " + (found ? std::string{"no address"} : found.error())});
            return;
        }
        addresses_ = std::move(*found);
        connect_next(error_code{});
    }

    void connect_next(error_code last) {
        if (next_address_ == addresses_.size()) {
            end({.what = link_end::kind::connect,
                 .detail = next_host() + " port " + std::to_string(next_port()) + ": " + last.message()});
            return;
        }
        const tcp::endpoint& address = addresses_[next_address_++];
        drop_socket();
        error_code failed;
        socket().open(address.protocol(), failed);
        if (failed) {
            connect_next(failed);
            return;
        }
        connecting_ = true;
        host_->add(shared_from_this(), socket().native_handle());
        socket().async_connect(address, then(&websocket_connection::connected));
        changed();
    }

    void connected(error_code error) {
        connecting_ = false;
        if (error) {
            connect_next(error);
            return;
        }
        error_code ignored;
        socket().set_option(tcp::no_delay{true}, ignored);
        // A pong must not wait behind a full kernel buffer on a slow link.
        using notsent_lowat = asio::detail::socket_option::integer<IPPROTO_TCP, TCP_NOTSENT_LOWAT>;
        socket().set_option(notsent_lowat{static_cast<int>(frame_bytes)}, ignored);
        if (proxy_ == nullptr) {
            secure();
            return;
        }
        open_tunnel(bytes_, proxy_, url_, [self = shared_from_this()](std::optional<link_end> refused) {
            if (self->events_ != nullptr) {
                refused ? self->end(*std::move(refused)) : self->secure();
            }
        });
        changed();
    }

    void secure() {
        bytes_->secure(url_, then(&websocket_connection::secured));
        changed();
    }

    void secured(error_code error) {
        if (error) {
            auto blamed = bytes_->blame(error);
            end(blamed ? *std::move(blamed)
                       : link_end{.what = link_end::kind::tls,
                                  .detail = escape_for_log("'" + url_.host + "': " + error.message())});
            return;
        }
        upgrade();
        changed();
    }

    void upgrade() {
        ws_.set_option(websocket::stream_base::decorator([](websocket::request_type& request) {
            request.set(boost::beast::http::field::user_agent, "distworker-cpp/" DISTWORKER_VERSION);
        }));
        ws_.binary(true);
        ws_.auto_fragment(false);
        ws_.read_message_max(hard_message_limit);
        ws_.control_callback([this](websocket::frame_type kind, boost::beast::string_view payload) {
            control_frame(kind, payload);
        });
        ws_.async_handshake(url_.host_header(), url_.target, then(&websocket_connection::upgraded));
    }

    void upgraded(error_code error) {
        const upgrade_check* const answer = ws_.next_layer().answer();
        if (!error) {
            addresses_ = endpoints{};
            ws_.next_layer().on_flood([weak = weak_from_this()] {
                if (const auto self = weak.lock()) {
                    self->flooded();
                }
            });
            events_->opened();
            if (events_ != nullptr && !closing_) {
                read();
            }
        } else if (answer != nullptr && answer->state() != upgrade_check::progress::wants_more) {
            end(answer->verdict());
        } else if (auto blamed = bytes_->blame(error)) {
            end(*std::move(blamed));
        } else if (error == boost::beast::http::error::end_of_stream || error == asio::error::eof ||
                   error.category() == boost::system::system_category()) {
            end({.what = link_end::kind::connect,
                 .detail = "the connection ended before the upgrade was answered: " +
                           escape_for_log(error.message())});
        } else {
            end({.what = link_end::kind::upgrade, .detail = escape_for_log(error.message())});
        }
    }

    void read() { ws_.async_read_some(asio::buffer(read_buffer_), then(&websocket_connection::received)); }

    void received(error_code error, std::size_t count) {
        if (error) {
            read_failed(error);
            return;
        }
        ws_.next_layer().progress();
        const bool done = ws_.is_message_done();
        events_->received(ws_.got_text() ? message_kind::text : message_kind::binary,
                          std::as_bytes(std::span{read_buffer_}.first(count)), done, 0);
        // While it closes, Beast reads by itself; a read beside that waits for the close as that waits for
        // it.
        if (events_ == nullptr || closing_) {
            return;
        }
        // The buffer is most of an idle connection's memory: large only while a large message comes in.
        if (const std::size_t wanted = done ? small_read : large_read; read_buffer_.size() != wanted) {
            read_buffer_ = std::vector<char>(wanted);
        }
        read();
    }

    void read_failed(error_code error) {
        if (closing_ && error != websocket::error::closed) {
            return; // the close's own end follows
        }
        if (error == websocket::error::closed) {
            const auto code = static_cast<std::uint16_t>(ws_.reason().code);
            constexpr std::uint16_t no_code = 1005;
            if (!closing_ && code != 0 && !may_be_sent(code)) { // one of those that Beast lets pass
                end({.what = link_end::kind::protocol,
                     .detail = "the controller closed with the code " + std::to_string(code)});
                return;
            }
            end(closing_ ? link_end{.what = link_end::kind::closed, .detail = "closed by us"}
                         : link_end{.what = link_end::kind::peer_close,
                                    .detail = "the controller closed, code " +
                                              std::to_string(code == 0 ? no_code : code),
                                    .close_code = code == 0 ? no_code : code});
        } else if (error == websocket::condition::protocol_violation ||
                   error == websocket::error::message_too_big) {
            end({.what = link_end::kind::protocol, .detail = escape_for_log(error.message())});
        } else {
            end({.what = link_end::kind::lost, .detail = escape_for_log(error.message())});
        }
    }

    void close_with(std::uint16_t code) {
        closing_ = true;
        ws_.async_close(static_cast<websocket::close_code>(code), [self = shared_from_this()](error_code) {
            self->end({.what = link_end::kind::closed, .detail = "closed by us"});
        });
    }

    // The peer is told when that can be written at once.
    void flooded() {
        if (events_ != nullptr && !closing_) {
            close_with(websocket::close_code::policy_error);
            end({.what = link_end::kind::protocol, .detail = "65,536 empty fragments in a row"});
        }
    }

    void control_frame(websocket::frame_type kind, boost::beast::string_view payload) {
        if (events_ == nullptr) {
            return;
        }
        ws_.next_layer().progress();
        if (kind == websocket::frame_type::ping) {
            events_->pinged();
        } else if (kind == websocket::frame_type::pong) {
            events_->pong(std::as_bytes(std::span{payload.data(), payload.size()}));
        }
    }

    // Beast copies what it masks through this buffer: one pass, and one system call, for whatever fits.
    void size_write_buffer(std::size_t message) {
        const std::size_t wanted =
            std::clamp(std::bit_ceil(message + frame_header), smallest_write_buffer, frame_bytes);
        if (wanted > write_buffer_ || wanted * 8 <= write_buffer_) {
            write_buffer_ = wanted;
            ws_.write_buffer_bytes(wanted);
        }
    }

    void write_fragment() {
        const auto piece = to_send_.first(std::min(to_send_.size(), fragment_bytes));
        to_send_ = to_send_.subspan(piece.size());
        ws_.async_write_some(to_send_.empty(), asio::buffer(piece.data(), piece.size()),
                             then(&websocket_connection::fragment_written));
        changed();
    }

    void fragment_written(error_code error, std::size_t) {
        if (error) {
            return; // the read that is always pending tells of the end
        }
        if (!to_send_.empty() && !closing_) {
            write_fragment();
            return;
        }
        sending_ = false;
        changed();
        if (to_send_.empty()) { // else a close has cut it short
            events_->sent();
        }
    }

    void write_ping() {
        pinging_ = true;
        ws_.async_ping(*std::exchange(queued_ping_, std::nullopt), then(&websocket_connection::ping_written));
        changed();
    }

    void ping_written(error_code error) {
        pinging_ = false;
        if (!error && queued_ping_) {
            write_ping();
        }
        changed();
    }

    void drop_socket() {
        host_->remove(*this);
        error_code ignored;
        socket().close(ignored);
    }

    void end(link_end how) {
        if (events_ == nullptr) {
            return;
        }
        transport_events* const events = std::exchange(events_, nullptr);
        drop_socket();
        events->closed(std::move(how));
    }

    std::shared_ptr<io_host> host_;
    std::shared_ptr<byte_stream> bytes_;
    std::shared_ptr<const proxy_route> proxy_; // null: none
    controller_url url_;
    transport_events* events_; // null once the end is told, or nobody wants to know
    websocket::stream<websocket_layer, false> ws_;
    std::vector<char> read_buffer_;
    endpoints addresses_;
    std::size_t next_address_ = 0;
    std::span<const std::byte> to_send_;
    std::size_t write_buffer_ = 0;
    std::optional<websocket::ping_data> queued_ping_;
    bool connecting_ = false;
    bool sending_ = false;
    bool pinging_ = false;
    bool closing_ = false;
};

} // namespace

std::shared_ptr<connection> make_connection(std::shared_ptr<io_host> host, std::shared_ptr<byte_stream> bytes,
                                            std::shared_ptr<const proxy_route> proxy, controller_url url,
                                            transport_events& events) {
    return std::make_shared<websocket_connection>(std::move(host), std::move(bytes), std::move(proxy),
                                                  std::move(url), events);
}

} // namespace distworker::beast
