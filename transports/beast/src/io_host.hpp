// Where a connection's Asio operations run: on the loop's own executor, or on a private io_context.
#pragma once

#include <distworker/loop.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <memory>

namespace distworker::beast {

/// A connection, as its host sees it.
class socket_user {
public:
    virtual ~socket_user() = default;
    /// Whether a connect or a write is pending.
    [[nodiscard]] virtual bool writing() const noexcept = 0;
};

class io_host {
public:
    virtual ~io_host() = default;
    [[nodiscard]] virtual boost::asio::any_io_executor executor() = 0;
    /// A socket was opened; forget it with `remove` before it is closed.
    virtual void add(const std::shared_ptr<socket_user>& user, int fd) = 0;
    virtual void remove(const socket_user& user) = 0;
    /// An operation was started, or a write has ended.
    virtual void operation_changed(const std::shared_ptr<socket_user>& user) = 0;
    /// All connections were dropped, and the loop may never run again: lets go of what they have under way.
    virtual void finish() = 0;
};

/// On an executor that somebody runs: nothing to do but name it.
[[nodiscard]] std::shared_ptr<io_host> make_direct_host(boost::asio::any_io_executor executor);
/// On a private io_context that is polled whenever `loop` sees one of the sockets ready.
[[nodiscard]] std::shared_ptr<io_host> make_private_host(loop& loop);

} // namespace distworker::beast
