#include "connector.hpp"

#include "connection.hpp"
#include "io_host.hpp"
#include "name_resolver.hpp"

#include <distworker/asio_executor_source.hpp>
#include <distworker/transport_handle.hpp>

#include <boost/version.hpp>

#include <string>
#include <utility>

namespace distworker::beast {
namespace {

std::shared_ptr<io_host> host_on(loop& loop) {
    const auto* const source = dynamic_cast<const asio_executor_source*>(&loop);
    return source != nullptr ? make_direct_host(source->executor()) : make_private_host(loop);
}

class beast_connector final : public connector {
public:
    beast_connector(loop& loop, std::unique_ptr<stream_source> secured,
                    std::shared_ptr<const proxy_route> proxy)
        : host_{host_on(loop)}, names_{loop}, secured_{std::move(secured)}, proxy_{std::move(proxy)} {}
    beast_connector(const beast_connector&) = delete;
    beast_connector& operator=(const beast_connector&) = delete;
    ~beast_connector() override { host_->finish(); }

    std::unique_ptr<transport> open(const controller_url& url, transport_events& events) override {
        auto bytes = url.secure ? secured_->make(host_->executor()) : make_plain_stream(host_->executor());
        auto made = make_connection(host_, std::move(bytes), proxy_, url, events);
        made->start(names_);
        return std::make_unique<transport_handle<connection>>(std::move(made));
    }

    [[nodiscard]] std::string description() const override {
        return "beast (Boost " + std::to_string(BOOST_VERSION / 100'000) + "." +
               std::to_string(BOOST_VERSION / 100 % 1000) + ", " + secured_->description() + ")";
    }

private:
    std::shared_ptr<io_host> host_;
    name_resolver names_;
    std::unique_ptr<stream_source> secured_;
    std::shared_ptr<const proxy_route> proxy_; // null: none
};

} // namespace

std::expected<std::unique_ptr<connector>, config_fault>
make_connector(loop& loop, std::unique_ptr<stream_source> secured, const proxy_options& proxy) {
    std::shared_ptr<proxy_route> route;
    if (!proxy.address.empty()) {
        auto address = parse_proxy(proxy.address);
        if (!address) {
            return std::unexpected{std::move(address.error())};
        }
        route = std::make_shared<proxy_route>(*std::move(address));
        if (proxy.credentials != nullptr) {
            route->authorization = proxy_authorization(*proxy.credentials);
        }
    }
    return std::make_unique<beast_connector>(loop, std::move(secured), std::move(route));
}

} // namespace distworker::beast
