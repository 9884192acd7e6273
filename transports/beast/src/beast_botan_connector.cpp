#include "connector.hpp"
#include "tls_botan.hpp"

#include <distworker/beast_botan_connector.hpp>

namespace distworker {

std::expected<std::unique_ptr<connector>, config_fault> make_beast_botan_connector(loop& loop,
                                                                                   const tls_options& tls) {
    return beast::make_connector<beast::tls_botan>(loop, tls);
}

} // namespace distworker
