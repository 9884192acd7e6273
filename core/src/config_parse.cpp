// Values of the configuration as people write them: the way back from config_text.cpp.
#include "shortest_number.hpp"

#include <distworker/config_choice.hpp>
#include <distworker/overloaded.hpp>
#include <distworker/worker_config.hpp>

#include <array>
#include <charconv>
#include <cmath>

namespace distworker {
namespace {

using named_unit = std::pair<std::string_view, double>;

// Takes "1.5" from the front of a text that begins with a digit.
std::optional<double> take_decimal(std::string_view& text) noexcept {
    const std::string_view number = text.substr(0, text.find_first_not_of("0123456789."));
    if (number.empty() || number.front() == '.') {
        return std::nullopt;
    }
    text.remove_prefix(number.size());
    return detail::read_shortest<double>(number);
}

// "1.5 MiB": a number, perhaps a blank, and a unit or none.
std::optional<double> parse_amount(std::string_view text, std::span<const named_unit> units) noexcept {
    constexpr double largest = 1e15; // whole numbers up to there are exact
    const auto number = take_decimal(text);
    if (!number) {
        return std::nullopt;
    }
    text.remove_prefix(text.starts_with(' ') ? 1 : 0);
    for (const auto& [known, size] : units) {
        if (text == known && *number * size <= largest) {
            return std::round(*number * size);
        }
    }
    return std::nullopt;
}

template <typename Number>
std::optional<Number> parse_number(std::string_view text) noexcept {
    Number number = 0;
    const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    const bool whole = error == std::errc{} && rest == text.data() + text.size();
    return whole ? std::optional{number} : std::nullopt;
}

template <typename Number>
std::optional<Number> parse_in_unit(std::string_view text, number_unit unit) noexcept {
    if (const auto bare = parse_number<Number>(text)) {
        return bare;
    }
    const std::uint64_t size = unit == number_unit::bytes ? 1 : std::uint64_t{1} << 20U;
    const auto bytes = unit == number_unit::count ? std::nullopt : parse_bytes(text);
    return bytes && *bytes % size == 0 ? std::optional{static_cast<Number>(*bytes / size)} : std::nullopt;
}

std::optional<bool> parse_flag(std::string_view text) noexcept {
    return text == "true" ? std::optional{true} : text == "false" ? std::optional{false} : std::nullopt;
}

} // namespace

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) noexcept {
    static constexpr std::array<named_unit, 5> units{
        {{"", 1e3}, {"ms", 1}, {"s", 1e3}, {"min", 6e4}, {"h", 3.6e6}}};
    const auto amount = parse_amount(text, units);
    return amount ? std::optional{std::chrono::milliseconds{static_cast<std::int64_t>(*amount)}}
                  : std::nullopt;
}

std::optional<std::uint64_t> parse_bytes(std::string_view text) noexcept {
    static constexpr std::array<named_unit, 5> units{
        {{"", 1}, {"B", 1}, {"KiB", 0x1p10}, {"MiB", 0x1p20}, {"GiB", 0x1p30}}};
    const auto amount = parse_amount(text, units);
    return amount ? std::optional{static_cast<std::uint64_t>(*amount)} : std::nullopt;
}

std::expected<void, config_fault> config_field::set(worker_config& config, std::string_view text) const {
    using result = std::expected<void, config_fault>;
    const auto wrong = [&](std::string problem, std::string remedy) -> result {
        return std::unexpected{config_fault{std::string{name}, std::move(problem), std::move(remedy)}};
    };
    const auto take = [&](auto& into, const auto& read, const char* problem) -> result {
        if (!read) {
            return wrong(problem, "give " + range_text());
        }
        into = *read;
        return {};
    };
    return std::visit(
        overloaded{
            [&](const text_rule& r) -> result {
                config.*r.member = text;
                return {};
            },
            [&](const flag_rule& r) {
                return take(config.*r.member, parse_flag(text), "is none of its values");
            },
            [&](const count_rule& r) {
                return take(config.*r.member, parse_in_unit<std::uint64_t>(text, r.unit),
                            "is no whole number");
            },
            [&](const integer_rule& r) {
                return take(config.*r.member, parse_in_unit<std::int64_t>(text, r.unit),
                            "is no whole number");
            },
            [&](const time_rule& r) { return take(config.*r.member, parse_duration(text), "is no time"); },
            [&](const object_rule&) { return wrong("is an object", "set it in code"); },
            [&](const auto& r) {
                return take(config.*r.member, parse_choice(text, r.last), "is none of its values");
            },
        },
        rule);
}

} // namespace distworker
