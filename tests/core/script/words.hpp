// The words of a script's lines: how a line falls into them, and when what came is what was expected.
#pragma once

#include <distworker/time.hpp>

#include <chrono>
#include <concepts>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace distworker::testing {

/// Something is wrong with a script itself.
struct script_error : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// Words are separated by blanks, but for those inside quotes, braces and brackets.
[[nodiscard]] std::vector<std::string> words_of(std::string_view line);

/// "250ms", "30s", "1h"; empty when it is none.
[[nodiscard]] std::optional<std::chrono::nanoseconds> duration_of(std::string_view word);
/// In the largest of hours, seconds, milliseconds and nanoseconds that divides it.
[[nodiscard]] std::string in_words(std::chrono::nanoseconds time);
/// How long until `at`, or "never".
[[nodiscard]] std::string in_words(monotonic_time at, monotonic_time now);

/// Whether `actual` is what `expected` says, word by word: the same word, the same time in another unit, a
/// time within `a..b`, or a word that fits where `*` stands for any characters.
[[nodiscard]] bool word_fits(std::string_view expected, std::string_view actual);
[[nodiscard]] bool line_fits(std::string_view expected, std::string_view actual);

/// The value of an enumeration whose `to_string` is `word`.
template <typename Enum>
[[nodiscard]] Enum value_named(std::string_view word) {
    for (std::uint8_t i = 0; i < 64; ++i) {
        const char* const name = to_string(static_cast<Enum>(i));
        if (name == word) {
            return static_cast<Enum>(i);
        }
        if (name == std::string_view{"unknown"}) {
            break;
        }
    }
    throw script_error{"no value is called '" + std::string{word} + "'"};
}

/// A whole number.
template <std::integral Number>
[[nodiscard]] Number number_of(std::string_view word) {
    try {
        return static_cast<Number>(std::stoll(std::string{word}));
    } catch (const std::logic_error&) {
        throw script_error{"'" + std::string{word} + "' is no number"};
    }
}

/// A time; a script that has none where one must be is wrong.
[[nodiscard]] std::chrono::nanoseconds time_of(std::string_view word);

} // namespace distworker::testing
