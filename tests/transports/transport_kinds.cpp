// Each combination of transport, crypto library and loop that was built, for the conformance suite.
#include "loop_kinds.hpp"

#include <distworker/beast_botan_connector.hpp>
#include <distworker/beast_connector.hpp>
#include <distworker/curl_connector.hpp>
#include <distworker/openssl_crypto.hpp>
#include <distworker/testing/transport_conformance.hpp>

#include <vector>

namespace distworker::testing {
namespace {

template <typename Kind>
class runner final : public loop_runner {
public:
    loop& get() override { return kind_.get(); }
    void run() override { kind_.run(); }
    void stop() override { kind_.stop(); }

private:
    Kind kind_;
};
template <typename Kind>
std::unique_ptr<loop_runner> make() {
    return std::make_unique<runner<Kind>>();
}

auto curl(loop& loop, const tls_options& tls) {
    return make_curl_connector(loop, tls, make_openssl_crypto());
}

} // namespace

// Beast uses an Asio loop directly, and needs a private io_context beside any other.
std::span<const transport_kind> transport_kinds() {
    static const std::vector<transport_kind> all{
        {"beast_on_asio", make<asio_user_kind>, make_beast_connector},
        {"beast_on_epoll", make<epoll_kind>, make_beast_connector, false},
        {"beast_botan_on_asio", make<asio_user_kind>, make_beast_botan_connector, false},
        {"beast_botan_on_epoll", make<epoll_kind>, make_beast_botan_connector, false},
        {"curl_on_epoll", make<epoll_kind>, curl, true, false},
        {"curl_on_asio", make<asio_user_kind>, curl, false, false},
    };
    return all;
}

} // namespace distworker::testing
