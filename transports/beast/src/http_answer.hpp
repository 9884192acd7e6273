// What an HTTP answer to the upgrade means when it is not 101.
#pragma once

#include <distworker/connection_end.hpp>

#include <boost/beast/websocket/rfc6455.hpp>

namespace distworker::beast {

/// Status, Retry-After and the clock's skew, in words a person can act on.
[[nodiscard]] link_end describe_answer(const boost::beast::websocket::response_type& answer);

} // namespace distworker::beast
