// What a loop implements when Asio drives it: transports on Asio then use its executor directly.
#pragma once

#include <boost/asio/any_io_executor.hpp>

namespace distworker {

/// A side interface of `loop`, found by `dynamic_cast`. Saves a transport on Asio a private io_context and
/// the extra wake-ups that come with it.
class asio_executor_source {
public:
    virtual ~asio_executor_source() = default;
    /// The executor that the loop's callbacks run on; work on it must not run in parallel (one thread, or a
    /// strand).
    [[nodiscard]] virtual boost::asio::any_io_executor executor() const = 0;
};

} // namespace distworker
