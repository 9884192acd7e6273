// Which transport the suite is to hold to its rules, and on which loop.
#include "recording_transport.hpp"

#include <distworker/beast_connector.hpp>
#include <distworker/epoll_loop.hpp>
#include <distworker/testing/transport_conformance.hpp>

namespace distworker::testing {
namespace {

class epoll_runner final : public loop_runner {
public:
    loop& get() override { return own_; }
    void run() override { own_.run(); }
    void stop() override { own_.stop(); }

private:
    epoll_loop own_;
};

std::unique_ptr<loop_runner> make_epoll() {
    return std::make_unique<epoll_runner>();
}

std::expected<std::unique_ptr<connector>, config_fault> connect(loop& on, const tls_options& tls,
                                                                const proxy_options& proxy) {
    auto through = make_beast_connector(on, tls, proxy);
    if (!through) {
        return std::unexpected{std::move(through.error())};
    }
    return std::make_unique<recording_connector>(*std::move(through));
}

} // namespace

std::span<const transport_kind> transport_kinds() {
    static const transport_kind mine[] = {{.name = "mine", .make_loop = make_epoll, .connect = connect}};
    return mine;
}

} // namespace distworker::testing
