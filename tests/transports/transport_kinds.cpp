// Each combination of transport, crypto library and loop that was built, for the conformance suite.
#include "guides/recording_transport.hpp"
#include "support/loop_kinds.hpp"

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

/// The transport of docs/write_a_transport.md.
std::expected<std::unique_ptr<connector>, config_fault> recorded(loop& loop, const tls_options& tls,
                                                                 const proxy_options& proxy) {
    auto through = make_beast_connector(loop, tls, proxy);
    if (!through) {
        return std::unexpected{std::move(through.error())};
    }
    return std::make_unique<recording_connector>(*std::move(through));
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
        {"beast_on_epoll", make_epoll_kind, make_beast_connector, rows_over::tcp},
        {"beast_on_asio", make_asio_user_kind, make_beast_connector, rows_over::tls},
        {"recorded_on_epoll", make_epoll_kind, recorded, rows_over::nothing},
#ifdef DISTWORKER_WITH_LIBUV
        {"beast_on_libuv", make_libuv_kind, make_beast_connector, rows_over::nothing},
#endif
#ifdef DISTWORKER_WITH_GLIB
        {"beast_on_glib", make_glib_kind, make_beast_connector, rows_over::nothing},
#endif
#ifdef DISTWORKER_WITH_QT
        {"beast_on_qt", make_qt_kind, make_beast_connector, rows_over::nothing},
#endif
#ifdef DISTWORKER_WITH_BOTAN
        {"beast_botan_on_asio", make_asio_user_kind, make_beast_botan_connector, rows_over::tls, true, true,
         false}, // Botan 2 has no TLS 1.3
        {"beast_botan_on_epoll", make_epoll_kind, make_beast_botan_connector, rows_over::nothing},
#ifdef DISTWORKER_WITH_LIBUV
        {"beast_botan_on_libuv", make_libuv_kind, make_beast_botan_connector, rows_over::nothing, true, true,
         false},
#endif
#ifdef DISTWORKER_WITH_GLIB
        {"beast_botan_on_glib", make_glib_kind, make_beast_botan_connector, rows_over::nothing, true, true,
         false},
#endif
#ifdef DISTWORKER_WITH_QT
        {"beast_botan_on_qt", make_qt_kind, make_beast_botan_connector, rows_over::nothing, true, true,
         false},
#endif
#endif
#ifdef DISTWORKER_WITH_CURL
        {"curl_on_epoll", make_epoll_kind, curl, rows_over::tcp, true, false},
        {"curl_on_asio", make_asio_user_kind, curl, rows_over::tls, true, false},
#ifdef DISTWORKER_WITH_LIBUV
        {"curl_on_libuv", make_libuv_kind, curl, rows_over::nothing, true, false},
#endif
#ifdef DISTWORKER_WITH_GLIB
        {"curl_on_glib", make_glib_kind, curl, rows_over::nothing, true, false},
#endif
#ifdef DISTWORKER_WITH_QT
        {"curl_on_qt", make_qt_kind, curl, rows_over::nothing, true, false},
#endif
#endif
    };
    return all;
}

} // namespace distworker::testing
