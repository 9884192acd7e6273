#include "connector.hpp"
#include "tls_openssl.hpp"

#include <distworker/beast_connector.hpp>

#include <boost/beast/ssl.hpp>
#include <boost/beast/websocket/ssl.hpp>

namespace distworker {

std::expected<std::unique_ptr<connector>, config_fault> make_beast_connector(loop& loop,
                                                                             const tls_options& tls) {
    return beast::make_connector<beast::tls_openssl>(loop, tls);
}

} // namespace distworker
