// One thing that may happen to a worker, chosen at random or by hand.
#pragma once

#include <cstddef>
#include <cstdint>
#include <ostream>

namespace distworker::testing {

/// `slot`, `a` and `b` choose among the variants of each kind.
struct step {
    enum class kind : std::uint8_t {
        // The application
        start,
        stop,
        pause,
        resume,
        flush,
        set_slots,
        health,
        complete,
        progress,
        stream,
        refuse_signing, ///< The next signature.
        // Time
        wait,
        wake, ///< At the next deadline.
        step_back,
        leap,
        step_wall,
        // The connection
        open,
        respond,
        assign,
        damaged_assign,
        wild,  ///< A message without manners.
        noise, ///< Bytes.
        burst, ///< Many assignments, or much noise.
        text,
        part,  ///< The beginning of a message.
        large, ///< A message that is too large, or says that it is.
        ping,
        pong,
        old_pong, ///< Of an older connection.
        alive,
        written,
        close,
        stale, ///< Events of an older connection.
    };
    kind what{};
    std::uint32_t slot = 0;
    std::uint32_t a = 0;
    std::uint32_t b = 0;
};
inline constexpr std::size_t step_kinds = static_cast<std::size_t>(step::kind::stale) + 1;

inline std::ostream& operator<<(std::ostream& out, const step& s) {
    return out << '{' << static_cast<int>(s.what) << ", " << s.slot << ", " << s.a << ", " << s.b << '}';
}

} // namespace distworker::testing
