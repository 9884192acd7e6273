#include "connection.hpp"

#include <distworker/asio_executor_source.hpp>
#include <distworker/beast_connector.hpp>

#include <boost/version.hpp>
#include <openssl/crypto.h>

#include <optional>

namespace distworker {
namespace beast {
namespace {

// What the driver holds: it ends the connection, whose operations may still be under way.
template <typename Stream>
class beast_transport final : public transport {
public:
    explicit beast_transport(std::shared_ptr<connection<Stream>> connection)
        : connection_{std::move(connection)} {}
    beast_transport(const beast_transport&) = delete;
    beast_transport& operator=(const beast_transport&) = delete;
    ~beast_transport() override { connection_->abort(); }

    void send(std::span<const std::byte> message) override { connection_->send(message); }
    void ping(std::span<const std::byte> payload) override { connection_->ping(payload); }
    void close(std::uint16_t code) override { connection_->close(code); }
    void abort() override { connection_->abort(); }

private:
    std::shared_ptr<connection<Stream>> connection_;
};

class beast_connector final : public connector {
public:
    beast_connector(loop& loop, std::optional<asio::ssl::context> tls)
        : host_{host_on(loop)}, names_{loop}, tls_{std::move(tls)} {}

    beast_connector(const beast_connector&) = delete;
    beast_connector& operator=(const beast_connector&) = delete;
    ~beast_connector() override { host_->finish(); }

    std::unique_ptr<transport> open(const controller_url& url, transport_events& events) override {
        return url.secure ? start<tls_stream>(url, events, tls()) : start<plain_stream>(url, events);
    }

    [[nodiscard]] std::string description() const override {
        return "beast (Boost " + std::to_string(BOOST_VERSION / 100'000) + "." +
               std::to_string(BOOST_VERSION / 100 % 1000) + ", " + OpenSSL_version(OPENSSL_VERSION) + ")";
    }

private:
    static std::shared_ptr<io_host> host_on(loop& loop) {
        const auto* const source = dynamic_cast<const asio_executor_source*>(&loop);
        return source != nullptr ? make_direct_host(source->executor()) : make_private_host(loop);
    }

    // The system's authorities are read when they are needed first: that takes longer than all else at a
    // start.
    asio::ssl::context& tls() {
        if (!tls_) {
            auto made = make_tls_context({});
            // Without any authority no certificate is accepted, which the connection's end then tells.
            tls_.emplace(made ? std::move(*made) : asio::ssl::context{asio::ssl::context::tls_client});
            tls_->set_verify_mode(asio::ssl::verify_peer);
        }
        return *tls_;
    }

    template <typename Stream, typename... Arguments>
    std::unique_ptr<transport> start(const controller_url& url, transport_events& events,
                                     Arguments&... stream) {
        auto made = std::make_shared<connection<Stream>>(host_, url, events, stream...);
        made->start(names_);
        return std::make_unique<beast_transport<Stream>>(std::move(made));
    }

    std::shared_ptr<io_host> host_;
    name_resolver names_;
    std::optional<asio::ssl::context> tls_;
};

} // namespace
} // namespace beast

std::expected<std::unique_ptr<connector>, config_fault> make_beast_connector(loop& loop,
                                                                             const tls_options& tls) {
    if (tls.ca_file.empty()) {
        return std::make_unique<beast::beast_connector>(loop, std::nullopt);
    }
    auto context = beast::make_tls_context(tls);
    if (!context) {
        return std::unexpected{context.error()};
    }
    return std::make_unique<beast::beast_connector>(loop, std::move(*context));
}

} // namespace distworker
