// An enumeration as a setting: its names, in a sentence and back again.
//
// For enumerations that count from 0 to `last` and have a `to_string`.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace distworker {

/// "jitter or fixed", "debug, info, warning, error or off".
template <typename Choice>
[[nodiscard]] std::string choice_names(Choice last) {
    std::string all;
    for (std::underlying_type_t<Choice> i = 0; i <= std::to_underlying(last); ++i) {
        const std::string_view separator = i == 0 ? "" : i == std::to_underlying(last) ? " or " : ", ";
        all.append(separator).append(to_string(Choice{i}));
    }
    return all;
}

/// The one of that name, or nothing.
template <typename Choice>
[[nodiscard]] std::optional<Choice> parse_choice(std::string_view name, Choice last) noexcept {
    for (std::underlying_type_t<Choice> i = 0; i <= std::to_underlying(last); ++i) {
        if (name == to_string(Choice{i})) {
            return Choice{i};
        }
    }
    return std::nullopt;
}

} // namespace distworker
