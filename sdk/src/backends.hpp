// What this build chose: the loop, the transport and the crypto library of a worker. The one place that names
// them.
#pragma once

#include <distworker/loop.hpp>
#include <distworker/transport.hpp>

#ifdef DISTWORKER_USE_BOTAN
#include <distworker/botan_crypto.hpp>
#else
#include <distworker/openssl_crypto.hpp>
#endif

#ifdef DISTWORKER_USE_CURL
#include <distworker/curl_connector.hpp>
#include <distworker/epoll_loop.hpp>
#else
#include <distworker/asio_context_loop.hpp>
#ifdef DISTWORKER_USE_BOTAN
#include <distworker/beast_botan_connector.hpp>
#else
#include <distworker/beast_connector.hpp>
#endif
#endif

namespace distworker::detail {

#ifdef DISTWORKER_USE_CURL
class own_loop {
public:
    [[nodiscard]] loop& get() noexcept { return loop_; }
    void run() { loop_.run(); }
    void stop() { loop_.stop(); }

private:
    epoll_loop loop_;
};
#else
/// Beast works on Asio: with this loop nothing lies between the two.
using own_loop = asio_context_loop;
#endif

[[nodiscard]] inline auto make_crypto() {
#ifdef DISTWORKER_USE_BOTAN
    return try_make_botan_crypto();
#else
    return try_make_openssl_crypto();
#endif
}

[[nodiscard]] inline std::expected<std::unique_ptr<connector>, config_fault>
make_connector(loop& loop, const tls_options& tls, const proxy_options& proxy,
               [[maybe_unused]] const std::shared_ptr<const crypto>& crypto) {
#if defined(DISTWORKER_USE_CURL)
    return make_curl_connector(loop, tls, crypto, proxy);
#elif defined(DISTWORKER_USE_BOTAN)
    return make_beast_botan_connector(loop, tls, proxy);
#else
    return make_beast_connector(loop, tls, proxy);
#endif
}

} // namespace distworker::detail
