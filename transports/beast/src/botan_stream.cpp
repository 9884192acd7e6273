#include "byte_stream.hpp"
#include "connector.hpp"

#include <distworker/beast_botan_connector.hpp>
#include <distworker/botan_tls_client.hpp>

#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>
#include <utility>
#include <vector>

namespace distworker {
namespace beast {
namespace {

namespace asio = boost::asio;
using tcp = asio::ip::tcp;

class botan_stream final : public byte_stream, public std::enable_shared_from_this<botan_stream> {
public:
    botan_stream(const asio::any_io_executor& executor, std::shared_ptr<const botan_tls_settings> settings)
        : socket_{executor}, settings_{std::move(settings)} {}

    tcp::socket& socket() noexcept override { return socket_; }

    void secure(const controller_url& url, completed done) override {
        error_code failed;
        socket_.non_blocking(true, failed);
        tls_.emplace(settings_, url.tls_name());
        secured_ = std::move(done);
        flush();
        wait();
    }

    void read_some(asio::mutable_buffer into, transferred done) override {
        const std::size_t size = take(into);
        if (size > 0 || into.size() == 0 || tls_->closed_by_peer()) {
            const error_code end = size > 0 || into.size() == 0 ? error_code{} : asio::error::eof;
            asio::post(socket_.get_executor(),
                       [done = std::move(done), end, size]() mutable { done(end, size); });
            return;
        }
        read_into_ = into;
        read_ = std::move(done);
        wait();
    }

    // A record for each write: small pieces are put together.
    void write_some(const pieces& from, transferred done) override {
        std::vector<std::byte> record(std::min(asio::buffer_size(from), largest_record));
        asio::buffer_copy(asio::buffer(record), from);
        if (auto sent = tls_->send(record); !sent) {
            failure_ = std::move(sent.error());
            asio::post(socket_.get_executor(),
                       [done = std::move(done)]() mutable { done(asio::error::connection_aborted, 0); });
            return;
        }
        write_size_ = record.size();
        written_ = std::move(done);
        flush();
    }

    void say_goodbye() override {
        if (tls_) {
            tls_->close();
            flush();
        }
        error_code ignored;
        socket_.shutdown(tcp::socket::shutdown_send, ignored);
    }

    std::optional<link_end> blame(const error_code& error) const override {
        if (failure_) {
            return link_end{.what = link_end::kind::tls,
                            .detail = describe(failure_->fault, failure_->words)};
        }
        if (tls_ && !tls_->established()) {
            return link_end{.what = link_end::kind::tls,
                            .detail = describe(tls_fault::handshake, error.message())};
        }
        return std::nullopt;
    }

private:
    static constexpr std::size_t largest_record = 16 * 1024;

    // Something in Asio's hands. When that goes without having done it, so does what waits for it here: that
    // holds the connection, which holds this stream.
    class operation {
    public:
        explicit operation(std::shared_ptr<botan_stream> stream) noexcept : stream_{std::move(stream)} {}
        operation(operation&&) noexcept = default;
        operation& operator=(operation&&) noexcept = delete;
        ~operation() {
            if (stream_ != nullptr) {
                stream_->forget();
            }
        }
        [[nodiscard]] std::shared_ptr<botan_stream> done() noexcept { return std::move(stream_); }

    private:
        std::shared_ptr<botan_stream> stream_;
    };

    void forget() noexcept {
        const auto secured = std::exchange(secured_, nullptr);
        const auto read = std::exchange(read_, nullptr);
        const auto written = std::exchange(written_, nullptr);
    }

    // Writes what TLS has to say, whoever made it say so.
    void flush() {
        if (writing_ || !tls_->has_outgoing()) {
            return;
        }
        in_flight_ = tls_->take_outgoing();
        writing_ = true;
        asio::async_write(socket_, asio::buffer(in_flight_),
                          [mine = operation{shared_from_this()}](error_code error, std::size_t) mutable {
                              mine.done()->flushed(error);
                          });
    }

    void flushed(error_code error) {
        writing_ = false;
        in_flight_ = std::vector<std::byte>{};
        if (!error && tls_->has_outgoing()) {
            flush();
        } else if (auto done = std::exchange(written_, nullptr)) {
            done(error, error ? 0 : write_size_);
        }
    }

    void wait() {
        if (std::exchange(waiting_, true)) {
            return;
        }
        socket_.async_wait(tcp::socket::wait_read,
                           [mine = operation{shared_from_this()}](error_code error) mutable {
                               const auto self = mine.done();
                               self->waiting_ = false;
                               self->readable(error);
                           });
    }

    // The bytes pass through the stack: an idle connection keeps no buffer.
    void readable(error_code error) {
        if (!error) {
            std::array<std::byte, 16 * 1024> buffer; // NOLINT(cppcoreguidelines-pro-type-member-init)
            const std::size_t size = socket_.read_some(asio::buffer(buffer), error);
            if (error == asio::error::would_block || error == asio::error::try_again) {
                wait();
                return;
            }
            if (auto fed = tls_->received(std::span{buffer}.first(size)); !fed) {
                failure_ = std::move(fed.error());
                error = asio::error::connection_aborted;
            }
            flush();
        }
        if (!settle(error)) {
            wait();
        }
    }

    // Whether what was waited for has happened; it is told then.
    bool settle(error_code error) {
        if (secured_) {
            if (!error && !tls_->established()) {
                return false;
            }
            std::exchange(secured_, nullptr)(error);
            return true;
        }
        if (!read_) {
            return true;
        }
        const std::size_t size = take(read_into_);
        if (size == 0 && !error && !tls_->closed_by_peer()) {
            return false;
        }
        std::exchange(read_, nullptr)(size != 0 ? error_code{} : error ? error : asio::error::eof, size);
        return true;
    }

    std::size_t take(asio::mutable_buffer into) {
        const std::size_t size = tls_->read({static_cast<std::byte*>(into.data()), into.size()});
        count(size);
        return size;
    }

    tcp::socket socket_;
    std::shared_ptr<const botan_tls_settings> settings_;
    std::optional<botan_tls_client> tls_;
    std::optional<botan_tls_client::failure> failure_;

    completed secured_;
    asio::mutable_buffer read_into_;
    transferred read_;
    bool waiting_ = false; // for the socket to become readable
    std::vector<std::byte> in_flight_;
    bool writing_ = false;
    std::size_t write_size_ = 0;
    transferred written_;
};

class botan_source final : public stream_source {
public:
    explicit botan_source(std::shared_ptr<const botan_tls_settings> loaded) noexcept
        : settings_{std::move(loaded)} {}

    std::shared_ptr<byte_stream> make(const asio::any_io_executor& executor) override {
        if (settings_ == nullptr) {
            settings_ = *botan_tls_settings::load({}); // which reports no fault
        }
        return std::make_shared<botan_stream>(executor, settings_);
    }
    [[nodiscard]] std::string description() const override { return botan_tls_description(); }

private:
    std::shared_ptr<const botan_tls_settings> settings_;
};

} // namespace

} // namespace beast

std::expected<std::unique_ptr<connector>, config_fault>
make_beast_botan_connector(loop& loop, const tls_options& options, const proxy_options& proxy) {
    std::shared_ptr<const botan_tls_settings> loaded;
    if (options != tls_options{}) {
        auto made = botan_tls_settings::load(options);
        if (!made) {
            return std::unexpected{std::move(made.error())};
        }
        loaded = *std::move(made);
    }
    return beast::make_connector(loop, std::make_unique<beast::botan_source>(std::move(loaded)), proxy);
}

} // namespace distworker
