#include "tls_botan.hpp"

namespace distworker::beast {

std::optional<link_end> tls_botan::blame(stream& tls, const error_code& error) {
    if (const auto& failure = tls.failure()) {
        return link_end{.what = link_end::kind::tls, .detail = describe(failure->fault, failure->words)};
    }
    if (!tls.established()) {
        return link_end{.what = link_end::kind::tls, .detail = describe(tls_fault::handshake, error.message())};
    }
    return std::nullopt;
}

} // namespace distworker::beast
