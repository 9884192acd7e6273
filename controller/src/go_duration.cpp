#include "go_duration.hpp"

#include <array>
#include <utility>

namespace distworker::controller {
namespace {

// Longer names first: "ms" is no "m".
constexpr std::array<std::pair<std::string_view, std::uint64_t>, 8> units = {{
    {"ns", 1},
    {"us", 1'000},
    {"\u00B5s", 1'000},
    {"\u03BCs", 1'000},
    {"ms", 1'000'000},
    {"s", 1'000'000'000},
    {"m", 60'000'000'000},
    {"h", 3'600'000'000'000},
}};

constexpr bool is_digit(char c) noexcept {
    return c >= '0' && c <= '9';
}

} // namespace

std::optional<std::int64_t> parse_go_duration(std::string_view text) noexcept {
    const bool negative = text.starts_with('-');
    if (negative || text.starts_with('+')) {
        text.remove_prefix(1);
    }
    if (text == "0") {
        return 0;
    }
    if (text.empty()) {
        return std::nullopt;
    }
    std::uint64_t total = 0; // nanoseconds
    while (!text.empty()) {
        std::uint64_t whole = 0;
        double fraction = 0;
        double scale = 1;
        std::size_t digits = 0;
        bool overflow = false;
        for (; !text.empty() && is_digit(text.front()); text.remove_prefix(1), ++digits) {
            overflow = overflow || __builtin_mul_overflow(whole, std::uint64_t{10}, &whole) ||
                       __builtin_add_overflow(whole, static_cast<std::uint64_t>(text.front() - '0'), &whole);
        }
        if (text.starts_with('.')) {
            text.remove_prefix(1);
            for (; !text.empty() && is_digit(text.front()); text.remove_prefix(1), ++digits) {
                if (scale < 1e15) { // finer than a nanosecond of an hour
                    scale *= 10;
                    fraction = fraction * 10 + static_cast<double>(text.front() - '0');
                }
            }
        }
        std::uint64_t unit = 0;
        for (const auto& [name, nanoseconds] : units) {
            if (digits > 0 && unit == 0 && text.starts_with(name)) {
                text.remove_prefix(name.size());
                unit = nanoseconds;
            }
        }
        const auto rest = static_cast<std::uint64_t>(fraction * (static_cast<double>(unit) / scale));
        overflow = overflow || __builtin_mul_overflow(whole, unit, &whole) ||
                   __builtin_add_overflow(total, whole, &total) ||
                   __builtin_add_overflow(total, rest, &total);
        if (unit == 0 || overflow || total > std::uint64_t{INT64_MAX}) {
            return std::nullopt;
        }
    }
    const auto milliseconds = static_cast<std::int64_t>(total / 1'000'000);
    return negative ? -milliseconds : milliseconds;
}

} // namespace distworker::controller
