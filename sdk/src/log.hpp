// The SDK's own log: levels, one line at a time, to whatever sink the configuration names.
#pragma once

#include <distworker/logging.hpp>

#include <fmt/format.h>

#include <mutex>
#include <string>

namespace distworker::detail {

class logger {
public:
    logger(log_level level, log_sink sink) : level_{level}, sink_{std::move(sink)} {}

    /// Whether a line of that level goes anywhere: asked before what is costly to say.
    [[nodiscard]] bool wants(log_level level) const noexcept { return level >= level_ && sink_; }

    template <typename... Arguments>
    void operator()(log_level level, fmt::format_string<Arguments...> format,
                    Arguments&&... arguments) const {
        if (wants(level)) {
            const std::string line = fmt::format(format, std::forward<Arguments>(arguments)...);
            const std::lock_guard lock{mutex_};
            sink_(level, line);
        }
    }

private:
    log_level level_;
    log_sink sink_;
    mutable std::mutex mutex_;
};

} // namespace distworker::detail
