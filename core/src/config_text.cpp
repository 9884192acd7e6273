// Values of the configuration as people read them: durations, sizes, defaults and ranges.
#include <distworker/config_choice.hpp>
#include <distworker/overloaded.hpp>
#include <distworker/worker_config.hpp>

#include <array>
#include <string>
#include <utility>

namespace distworker {
namespace {

template <std::size_t Count>
std::string in_largest_unit(std::uint64_t value,
                            const std::array<std::pair<std::uint64_t, std::string_view>, Count>& units) {
    for (const auto& [size, name] : units) {
        if (value % size == 0 && (value != 0 || size == 1)) {
            return std::to_string(value / size).append(" ").append(name);
        }
    }
    return std::to_string(value);
}

std::string format(number_unit unit, std::uint64_t value) {
    switch (unit) {
    case number_unit::bytes:
        return format_bytes(value);
    case number_unit::mebibytes:
        return std::to_string(value) + " MiB";
    case number_unit::count:
        break;
    }
    return std::to_string(value);
}

std::string format(number_unit unit, std::int64_t value) {
    return value < 0 ? std::to_string(value) : format(unit, static_cast<std::uint64_t>(value));
}

} // namespace

std::string format_duration(std::chrono::milliseconds value) {
    static constexpr std::array<std::pair<std::uint64_t, std::string_view>, 4> units{
        {{3'600'000, "h"}, {60'000, "min"}, {1'000, "s"}, {1, "ms"}}};
    if (value.count() < 0) {
        return std::to_string(value.count()) + " ms";
    }
    return in_largest_unit(static_cast<std::uint64_t>(value.count()), units);
}

std::string format_bytes(std::uint64_t value) {
    static constexpr std::array<std::pair<std::uint64_t, std::string_view>, 4> units{
        {{1ULL << 30U, "GiB"}, {1ULL << 20U, "MiB"}, {1ULL << 10U, "KiB"}, {1, "B"}}};
    return in_largest_unit(value, units);
}

const char* to_string(session_policy policy) noexcept {
    switch (policy) {
    case session_policy::automatic:
        return "automatic";
    case session_policy::anonymous:
        return "anonymous";
    case session_policy::one_shot:
        return "one_shot";
    case session_policy::stable:
        return "stable";
    }
    return "unknown";
}

std::string config_field::default_text() const {
    static const worker_config defaults{};
    return std::visit(
        overloaded{
            [](const text_rule& r) { return defaults.*r.member; },
            [](const flag_rule& r) { return std::string{defaults.*r.member ? "true" : "false"}; },
            [](const count_rule& r) { return format(r.unit, defaults.*r.member); },
            [](const integer_rule& r) { return format(r.unit, defaults.*r.member); },
            [](const time_rule& r) { return format_duration(defaults.*r.member); },
            [](const object_rule&) { return std::string{}; },
            [](const auto& r) { return std::string{to_string(defaults.*r.member)}; },
        },
        rule);
}

std::string config_field::range_text() const {
    static const auto range = [](const std::string& min, const std::string& max) {
        return min + " to " + max;
    };
    return std::visit(
        overloaded{
            [](const text_rule& r) {
                return range(std::to_string(r.min_bytes), std::to_string(r.max_bytes)) + " bytes of UTF-8";
            },
            [](const flag_rule&) { return std::string{"true or false"}; },
            [](const count_rule& r) { return range(format(r.unit, r.min), format(r.unit, r.max)); },
            [](const integer_rule& r) { return range(format(r.unit, r.min), format(r.unit, r.max)); },
            [](const time_rule& r) { return range(format_duration(r.min), format_duration(r.max)); },
            [](const object_rule& r) { return "an object of at most " + format_bytes(r.max_document_bytes); },
            [](const auto& r) { return choice_names(r.last); },
        },
        rule);
}

} // namespace distworker
