#include "botan_stream.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>

#include <array>
#include <utility>

namespace distworker::beast {

namespace asio = boost::asio;
using error_code = boost::system::error_code;
using tcp = asio::ip::tcp;

struct botan_stream::state : std::enable_shared_from_this<state> {
    state(const asio::any_io_executor& executor, std::shared_ptr<const botan_tls_settings> trusted)
        : socket{executor}, settings{std::move(trusted)} {}

    tcp::socket socket;
    std::shared_ptr<const botan_tls_settings> settings;
    std::optional<botan_tls_client> tls;
    std::optional<botan_tls_client::failure> failure;

    std::move_only_function<void(error_code)> handshake_done;
    asio::mutable_buffer read_into;
    transferred read_done;
    bool waiting = false; // for the socket to become readable

    std::vector<std::byte> in_flight;
    bool writing = false;
    std::size_t write_size = 0;
    transferred write_done;
    std::move_only_function<void(error_code)> goodbye_done;

    // Writes what TLS has to say, whoever made it say so; then tells who waits for that.
    void write(error_code error = {}) {
        if (writing) {
            return;
        }
        if (!error && tls && tls->has_outgoing()) {
            in_flight = tls->take_outgoing();
            writing = true;
            asio::async_write(socket, asio::buffer(in_flight), [self = shared_from_this()](error_code failed, std::size_t) {
                self->writing = false;
                self->write(failed);
            });
            return;
        }
        in_flight = {};
        if (auto done = std::exchange(write_done, nullptr)) {
            done(error, error ? 0 : write_size);
        }
        if (auto done = std::exchange(goodbye_done, nullptr)) {
            done(error);
        }
    }

    // Whether what was waited for has happened; its handler is called then.
    bool settle(error_code error) {
        if (handshake_done) {
            if (!error && !tls->established()) {
                return false;
            }
            std::exchange(handshake_done, nullptr)(error);
            return true;
        }
        if (!read_done) {
            return true;
        }
        const std::size_t count =
            tls->read({static_cast<std::byte*>(read_into.data()), read_into.size()});
        if (count == 0 && !error && !tls->closed_by_peer()) {
            return false;
        }
        std::exchange(read_done, nullptr)(count != 0 ? error_code{} : error ? error : asio::error::eof, count);
        return true;
    }

    void wait() {
        if (std::exchange(waiting, true)) {
            return;
        }
        socket.async_wait(tcp::socket::wait_read, [self = shared_from_this()](error_code error) {
            self->waiting = false;
            self->readable(error);
        });
    }

    // The bytes pass through the stack: an idle connection keeps no buffer.
    void readable(error_code error) {
        std::array<std::byte, 16 * 1024> buffer;
        if (!error) {
            const std::size_t count = socket.read_some(asio::buffer(buffer), error);
            if (error == asio::error::would_block || error == asio::error::try_again) {
                wait();
                return;
            }
            if (!error) {
                if (auto fed = tls->received(std::span{buffer}.first(count)); !fed) {
                    failure = std::move(fed.error());
                    error = asio::error::connection_aborted;
                }
                write();
            }
        }
        if (!settle(error)) {
            wait();
        }
    }
};

botan_stream::botan_stream(const asio::any_io_executor& executor, std::shared_ptr<const botan_tls_settings> settings)
    : state_{std::make_shared<state>(executor, std::move(settings))} {}

botan_stream::next_layer_type& botan_stream::next_layer() noexcept {
    return state_->socket;
}
const botan_stream::next_layer_type& botan_stream::next_layer() const noexcept {
    return state_->socket;
}
bool botan_stream::established() const noexcept {
    return state_->tls && state_->tls->established();
}
const std::optional<botan_tls_client::failure>& botan_stream::failure() const noexcept {
    return state_->failure;
}

void botan_stream::async_handshake(const std::string& host, std::move_only_function<void(error_code)> done) {
    state_->handshake_done = std::move(done);
    error_code failed;
    state_->socket.non_blocking(true, failed);
    state_->tls.emplace(state_->settings, host);
    state_->write();
    state_->wait();
}

void botan_stream::start_read(asio::mutable_buffer into, transferred done) {
    if (into.size() == 0 || state_->tls->plain_text_size() > 0) {
        const std::size_t count = state_->tls->read({static_cast<std::byte*>(into.data()), into.size()});
        asio::post(get_executor(), [done = std::move(done), count]() mutable { done({}, count); });
        return;
    }
    state_->read_into = into;
    state_->read_done = std::move(done);
    if (state_->tls->closed_by_peer()) {
        asio::post(get_executor(), [self = state_] { self->settle({}); });
        return;
    }
    state_->wait();
}

void botan_stream::start_write(const std::vector<asio::const_buffer>& pieces, transferred done) {
    std::size_t size = 0;
    for (const asio::const_buffer& piece : pieces) {
        const std::span bytes{static_cast<const std::byte*>(piece.data()), piece.size()};
        if (auto sent = state_->tls->send(bytes); !sent) {
            state_->failure = std::move(sent.error());
            asio::post(get_executor(), [done = std::move(done)]() mutable { done(asio::error::connection_aborted, 0); });
            return;
        }
        size += piece.size();
    }
    if (size == 0) {
        asio::post(get_executor(), [done = std::move(done)]() mutable { done({}, 0); });
        return;
    }
    state_->write_size = size;
    state_->write_done = std::move(done);
    state_->write();
}

void botan_stream::async_goodbye(std::move_only_function<void(error_code)> done) {
    if (state_->tls) {
        state_->tls->close();
    }
    state_->goodbye_done = std::move(done);
    if (!state_->writing && !(state_->tls && state_->tls->has_outgoing())) {
        asio::post(get_executor(), [self = state_] { self->write(); });
        return;
    }
    state_->write();
}

void teardown(boost::beast::role_type, botan_stream& stream, error_code& error) {
    stream.next_layer().shutdown(tcp::socket::shutdown_both, error);
}

} // namespace distworker::beast
