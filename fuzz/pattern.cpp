// Queue patterns against the plainest matcher there is. The input's first line is a queue, the others are
// patterns.
#include "target.hpp"

#include <distworker/byte_buffer.hpp>
#include <distworker/queue_pattern.hpp>
#include <distworker/utf8.hpp>

#include <compare>
#include <optional>
#include <ranges>
#include <string>
#include <vector>

namespace distworker::fuzz {
namespace {

std::vector<std::string_view> split(std::string_view text, char at) {
    std::vector<std::string_view> parts;
    for (const auto part : text | std::views::split(at)) {
        parts.emplace_back(part.begin(), part.end());
    }
    if (parts.empty()) {
        parts.emplace_back(); // one empty part
    }
    return parts;
}

using segments = std::span<const std::string_view>;

// Protocol, section 7, a segment at a time.
bool matches(segments pattern, segments queue) {
    if (pattern.empty() || queue.empty()) {
        return pattern.empty() && queue.empty();
    }
    if (pattern.front() == "#") {
        return pattern.size() == 1;
    }
    return (pattern.front() == "*" || pattern.front() == queue.front()) &&
           matches(pattern.subspan(1), queue.subspan(1));
}

// Literal before `*` before `#`, from the left; then the shorter one.
std::strong_ordering order(segments a, segments b) {
    const auto rank = [](std::string_view s) { return s == "#" ? 2 : s == "*" ? 1 : 0; };
    if (a.empty() || b.empty()) {
        return a.size() <=> b.size();
    }
    const auto here = rank(a.front()) <=> rank(b.front());
    return here != std::strong_ordering::equal ? here : order(a.subspan(1), b.subspan(1));
}

void check_pattern(std::string_view pattern, std::string_view queue) {
    const auto parts = split(pattern, '.');
    require(queue_matches(pattern, queue) == matches(parts, split(queue, '.')),
            "a pattern matches as the rules say");
    const auto fault = validate_pattern(pattern);
    const bool early_hash = std::ranges::find(parts | std::views::reverse | std::views::drop(1), "#") !=
                            (parts | std::views::reverse | std::views::drop(1)).end();
    require(fault.has_value() == (pattern.size() > 1024 || !is_valid_utf8(pattern) || early_hash),
            "a pattern is refused for its length, its text or an early '#', and for nothing else");
    require(!fault || is_valid_utf8(fault->to_string()), "a refusal can be logged");
}

void check_table(const std::vector<std::string_view>& patterns, std::string_view queue) {
    pattern_table<std::size_t> table;
    std::optional<std::size_t> best;
    for (std::size_t i = 0; i < patterns.size(); ++i) {
        const bool stood_before =
            std::ranges::find(patterns.begin(), patterns.begin() + static_cast<std::ptrdiff_t>(i),
                              patterns[i]) != patterns.begin() + static_cast<std::ptrdiff_t>(i);
        require(table.add(patterns[i], i) != stood_before, "the same pattern is bound once");
        if (queue_matches(patterns[i], queue) &&
            (!best || patterns[*best] == patterns[i] ||
             order(split(patterns[i], '.'), split(patterns[*best], '.')) < 0)) {
            best = i;
        }
    }
    const std::size_t* const found = table.find(queue);
    require((found != nullptr) == best.has_value(), "a queue has a handler when a pattern matches");
    require(found == nullptr || *found == *best, "the most specific pattern wins, bound last");
    for (std::size_t i = 1; i < patterns.size(); ++i) {
        const auto expected = order(split(patterns[i - 1], '.'), split(patterns[i], '.'));
        require(more_specific(patterns[i - 1], patterns[i]) == (expected < 0) &&
                    more_specific(patterns[i], patterns[i - 1]) == (expected > 0),
                "which of two is more specific is as the rules say");
    }
}

void check_patterns(std::span<const std::byte> input) {
    std::vector<std::string_view> lines = split(as_text(input), '\n');
    const std::string_view queue = lines.front();
    lines.erase(lines.begin());
    for (const std::string_view pattern : lines) {
        check_pattern(pattern, queue);
    }
    check_table(lines, queue);
}

const registration pattern_target{{"pattern", check_patterns}};

} // namespace
} // namespace distworker::fuzz
