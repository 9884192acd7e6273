// Resolves host names on a helper thread, which nobody ever waits for.
#pragma once

#include <distworker/loop.hpp>

#include <boost/asio/ip/tcp.hpp>

#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace distworker::beast {

using endpoints = std::vector<boost::asio::ip::tcp::endpoint>;

/// The answer comes on the loop's thread. Slots that ask for the same host at once share one look-up; a
/// look-up that hangs costs one thread until the system gives up. Asio's own resolver would hold up its
/// context's end.
class name_resolver {
public:
    using callback = std::move_only_function<void(std::expected<endpoints, std::string>)>;

    explicit name_resolver(loop& loop);
    ~name_resolver();
    name_resolver(const name_resolver&) = delete;
    name_resolver& operator=(const name_resolver&) = delete;

    /// Addresses need no look-up: `host` as an IPv4 or IPv6 address (a zone after `%`) is answered by `post`.
    void resolve(const std::string& host, std::uint16_t port, callback done);

private:
    struct shared;
    std::shared_ptr<shared> shared_; // with the helper threads
};

} // namespace distworker::beast
