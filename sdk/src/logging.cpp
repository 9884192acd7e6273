#include <distworker/config_choice.hpp>
#include <distworker/logging.hpp>

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <array>
#include <memory>

namespace distworker {
namespace {

constexpr std::array<const char*, 5> names{"debug", "info", "warning", "error", "off"};

spdlog::level::level_enum to_spdlog(log_level level) noexcept {
    switch (level) {
    case log_level::debug:
        return spdlog::level::debug;
    case log_level::info:
        return spdlog::level::info;
    case log_level::warning:
        return spdlog::level::warn;
    case log_level::error:
        return spdlog::level::err;
    case log_level::off:
        break;
    }
    return spdlog::level::off;
}

} // namespace

const char* to_string(log_level level) noexcept {
    return names[static_cast<std::size_t>(level)];
}

std::optional<log_level> parse_log_level(std::string_view name) noexcept {
    return parse_choice(name, log_level::off);
}

log_sink stderr_sink() {
    auto log =
        std::make_shared<spdlog::logger>("distworker", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    log->set_level(spdlog::level::debug);
    log->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %-7l %v", spdlog::pattern_time_type::utc);
    log->flush_on(spdlog::level::debug);
    return [log = std::move(log)](log_level level, std::string_view line) {
        log->log(to_spdlog(level), "{}", line);
    };
}

} // namespace distworker
