// What the SDK says about its doings, and where that goes.
//
// Standard error by default. Give `config::log_sink` to put the lines into a log of yours. Lines hold no
// secret, and text from outside is escaped.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

namespace distworker {

/// How much a line of the log matters; `off` is above them all.
enum class log_level : std::uint8_t {
    debug,   ///< Each step, for whoever looks for a fault.
    info,    ///< What a worker in order has to tell.
    warning, ///< Something went wrong, and it goes on.
    error,   ///< It cannot go on, or something is lost.
    off      ///< No line has it: nothing is logged.
};

/// "debug", "info", "warning", "error", "off"; empty for anything else.
[[nodiscard]] std::optional<log_level> parse_log_level(std::string_view name) noexcept;
[[nodiscard]] const char* to_string(log_level level) noexcept;

/// Takes one line, without its end. Called from the loop's thread and from handlers' threads, one at a time.
using log_sink = std::function<void(log_level level, std::string_view line)>;

/// Lines on standard error: `2026-01-31T12:00:00.123Z info  registered slot=0`.
[[nodiscard]] log_sink stderr_sink();

} // namespace distworker
