// Each combination of transport, crypto library and loop that was built, for the conformance suite.
#include "loop_kinds.hpp"

#include <distworker/beast_connector.hpp>
#include <distworker/testing/transport_conformance.hpp>
#ifdef DISTWORKER_WITH_BOTAN
#include <distworker/beast_botan_connector.hpp>
#endif
#ifdef DISTWORKER_WITH_CURL
#include <distworker/curl_connector.hpp>
#include <distworker/openssl_crypto.hpp>
#endif

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

#ifdef DISTWORKER_WITH_CURL
auto curl(loop& loop, const tls_options& tls, const proxy_options& proxy) {
    return make_curl_connector(loop, tls, make_openssl_crypto(), proxy);
}
#endif

} // namespace

// Beast uses an Asio loop directly, and needs a private io_context beside any other.
std::span<const transport_kind> transport_kinds() {
    static const std::vector<transport_kind> all{
        {"beast_on_epoll", make<epoll_kind>, make_beast_connector, rows_over::tcp},
        {"beast_on_asio", make<asio_user_kind>, make_beast_connector, rows_over::tls},
#ifdef DISTWORKER_WITH_BOTAN
        {"beast_botan_on_asio", make<asio_user_kind>, make_beast_botan_connector, rows_over::tls, true, true,
         false}, // Botan 2 has no TLS 1.3
        {"beast_botan_on_epoll", make<epoll_kind>, make_beast_botan_connector, rows_over::nothing},
#endif
#ifdef DISTWORKER_WITH_CURL
        {"curl_on_epoll", make<epoll_kind>, curl, rows_over::tcp, true, false},
        {"curl_on_asio", make<asio_user_kind>, curl, rows_over::tls, true, false},
#endif
    };
    return all;
}

} // namespace distworker::testing
