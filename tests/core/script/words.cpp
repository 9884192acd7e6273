#include "words.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

namespace distworker::testing {
namespace {

using std::chrono::nanoseconds;

constexpr std::array<std::pair<std::string_view, std::int64_t>, 5> units{
    {{"h", 3'600'000'000'000}, {"s", 1'000'000'000}, {"ms", 1'000'000}, {"us", 1'000}, {"ns", 1}}};

// `*` in the pattern stands for any characters.
bool glob(std::string_view pattern, std::string_view text) {
    const std::size_t star = pattern.find('*');
    if (star == std::string_view::npos) {
        return pattern == text;
    }
    if (!text.starts_with(pattern.substr(0, star))) {
        return false;
    }
    const std::string_view rest = pattern.substr(star + 1);
    for (std::size_t at = star; at <= text.size(); ++at) {
        if (glob(rest, text.substr(at))) {
            return true;
        }
    }
    return false;
}

} // namespace

std::vector<std::string> words_of(std::string_view line) {
    std::vector<std::string> words;
    std::string word;
    bool quoted = false;
    int depth = 0;
    for (const char c : line) {
        if (c == ' ' && !quoted && depth == 0) {
            if (!word.empty()) {
                words.push_back(std::exchange(word, {}));
            }
            continue;
        }
        quoted = quoted != (c == '"');
        if (!quoted) {
            depth += (c == '{' || c == '[') ? 1 : (c == '}' || c == ']') ? -1 : 0;
        }
        word.push_back(c);
    }
    if (!word.empty()) {
        words.push_back(std::move(word));
    }
    return words;
}

std::optional<nanoseconds> duration_of(std::string_view word) {
    const std::size_t digits = word.find_first_not_of("0123456789");
    if (digits == 0 || digits == std::string_view::npos || digits > 12) {
        return std::nullopt;
    }
    const auto unit = std::ranges::find(units, word.substr(digits), &decltype(units)::value_type::first);
    if (unit == units.end()) {
        return std::nullopt;
    }
    return nanoseconds{number_of<std::int64_t>(word.substr(0, digits)) * unit->second};
}

std::string in_words(nanoseconds time) {
    const auto unit =
        std::ranges::find_if(units, [&](const auto& u) { return time.count() % u.second == 0; });
    return std::to_string(time.count() / unit->second).append(time.count() == 0 ? "s" : unit->first);
}

std::string in_words(monotonic_time at, monotonic_time now) {
    return at == never ? "never" : at < now ? "-" + in_words(now - at) : in_words(at - now);
}

nanoseconds time_of(std::string_view word) {
    const auto time = duration_of(word);
    if (!time) {
        throw script_error{"'" + std::string{word} + "' is no time"};
    }
    return *time;
}

bool word_fits(std::string_view expected, std::string_view actual) {
    if (glob(expected, actual)) {
        return true;
    }
    const auto time = duration_of(actual);
    const std::size_t dots = expected.find("..");
    if (!time || dots == std::string_view::npos) {
        return time && duration_of(expected) == time;
    }
    const auto from = duration_of(expected.substr(0, dots));
    const auto to = duration_of(expected.substr(dots + 2));
    return from && to && *from <= *time && *time <= *to;
}

bool line_fits(std::string_view expected, std::string_view actual) {
    const auto wanted = words_of(expected);
    const auto came = words_of(actual);
    return std::ranges::equal(wanted, came, word_fits);
}

} // namespace distworker::testing
