// A connector on Beast with one TLS library. Each is made in a file of its own, for their compilers' sake.
#pragma once

#include "connection.hpp"
#include "tls_none.hpp"

#include <distworker/asio_executor_source.hpp>

#include <boost/version.hpp>

#include <expected>
#include <memory>
#include <optional>

namespace distworker::beast {

extern template class connection<tls_none>; // connection_plain.cpp

/// What the driver holds: it ends the connection, whose operations may still be under way.
template <typename Tls>
class beast_transport final : public transport {
public:
    explicit beast_transport(std::shared_ptr<connection<Tls>> connection) : connection_{std::move(connection)} {}
    beast_transport(const beast_transport&) = delete;
    beast_transport& operator=(const beast_transport&) = delete;
    ~beast_transport() override { connection_->abort(); }

    void send(std::span<const std::byte> message) override { connection_->send(message); }
    void ping(std::span<const std::byte> payload) override { connection_->ping(payload); }
    void close(std::uint16_t code) override { connection_->close(code); }
    void abort() override { connection_->abort(); }

private:
    std::shared_ptr<connection<Tls>> connection_;
};

template <typename Tls>
class beast_connector final : public connector {
public:
    beast_connector(loop& loop, std::optional<typename Tls::context> tls)
        : host_{host_on(loop)}, names_{loop}, tls_{std::move(tls)} {}

    beast_connector(const beast_connector&) = delete;
    beast_connector& operator=(const beast_connector&) = delete;
    ~beast_connector() override { host_->finish(); }

    std::unique_ptr<transport> open(const controller_url& url, transport_events& events) override {
        return url.secure ? start<Tls>(url, events, Tls::argument(tls())) : start<tls_none>(url, events);
    }

    [[nodiscard]] std::string description() const override {
        return "beast (Boost " + std::to_string(BOOST_VERSION / 100'000) + "." +
               std::to_string(BOOST_VERSION / 100 % 1000) + ", " + Tls::description() + ")";
    }

private:
    static std::shared_ptr<io_host> host_on(loop& loop) {
        const auto* const source = dynamic_cast<const asio_executor_source*>(&loop);
        return source != nullptr ? make_direct_host(source->executor()) : make_private_host(loop);
    }

    // The system's authorities are read when they are needed first: that takes longer than all else at a
    // start. Reading them reports no fault.
    typename Tls::context& tls() {
        if (!tls_) {
            tls_.emplace(*Tls::load({}));
        }
        return *tls_;
    }

    template <typename Security, typename... Arguments>
    std::unique_ptr<transport> start(const controller_url& url, transport_events& events,
                                     Arguments&... stream) {
        auto made = std::make_shared<connection<Security>>(host_, url, events, stream...);
        made->start(names_);
        return std::make_unique<beast_transport<Security>>(std::move(made));
    }

    std::shared_ptr<io_host> host_;
    name_resolver names_;
    std::optional<typename Tls::context> tls_;
};

/// Reads the files that `options` name now, and the system's authorities only when they are needed.
template <typename Tls>
std::expected<std::unique_ptr<connector>, config_fault> make_connector(loop& loop, const tls_options& options) {
    std::optional<typename Tls::context> loaded;
    if (options != tls_options{}) {
        auto made = Tls::load(options);
        if (!made) {
            return std::unexpected{std::move(made.error())};
        }
        loaded.emplace(*std::move(made));
    }
    return std::make_unique<beast_connector<Tls>>(loop, std::move(loaded));
}

} // namespace distworker::beast
