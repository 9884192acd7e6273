// What an HTTP answer to a WebSocket upgrade means when it is not 101: for those who write a transport.
#pragma once

#include <distworker/connection_end.hpp>

#include <string>
#include <string_view>

namespace distworker {

/// The answer's status line and those of its header fields that matter; empty where there was none. The views
/// are only read during the call.
struct upgrade_answer {
    int status = 0;                 ///< 0: no answer came.
    std::string_view reason{};      ///< The words behind the status.
    std::string_view location{};    ///< Where a redirect leads.
    std::string_view retry_after{}; ///< Seconds, or a date of HTTP's.
    std::string_view date{};        ///< By the server's clock, in HTTP's form.
};

/// Status, Retry-After and the clock's skew, in words a person can act on. A redirect's target is named by
/// its host alone; it is never followed.
[[nodiscard]] link_end describe_answer(const upgrade_answer& answer);

} // namespace distworker
