// Where Beast's masks come from: the system's random generator.
//
// Beast's own (Boost 1.81) repeats each sixteen masks sixteen times, since it counts the blocks of ChaCha20
// by sixteenths (RFC 6455, section 10.3 asks for unpredictable ones). asio_impl.cpp leaves it out.
#include <boost/beast/websocket/detail/prng.hpp>
#include <sys/random.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

namespace {

// A system call each would take longer than all else that a small frame takes of a processor.
std::uint32_t draw() noexcept {
    thread_local std::array<std::uint32_t, 64> drawn{};
    thread_local std::size_t used = drawn.size();
    if (used == drawn.size()) {
        // No signal interrupts so few bytes.
        if (::getrandom(drawn.data(), sizeof drawn, 0) != static_cast<ssize_t>(sizeof drawn)) {
            std::fputs("distworker: the system has no random bytes for WebSocket masks\n", stderr);
            std::abort();
        }
        used = 0;
    }
    return drawn[used++];
}

} // namespace

namespace boost::beast::websocket::detail {

generator make_prng(bool) {
    return &draw;
}

} // namespace boost::beast::websocket::detail
