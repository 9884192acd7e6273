// Which handler serves which queue: patterns over dot-separated names (protocol, section 7).
//
// `*` stands for exactly one segment, a final `#` for all the remaining ones (at least one), anything else
// for itself. Segments are compared byte by byte and may be empty; "" is one empty segment. Use
// `pattern_table` to bind values to patterns, `queue_matches` for a single question.
#pragma once

#include <distworker/config_fault.hpp>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace distworker {

/// Whether `queue` is served by `pattern`. A `#` before the last segment leaves nothing for the segments
/// after it, so such a pattern matches no queue at all; `validate_pattern` refuses it.
[[nodiscard]] bool queue_matches(std::string_view pattern, std::string_view queue) noexcept;

/// Checks a pattern before it is bound: valid UTF-8, at most 1 KiB, `#` only as the last segment. A wildcard
/// character inside a longer segment ("c#", "add*") stands for itself and is allowed.
[[nodiscard]] std::optional<config_fault> validate_pattern(std::string_view pattern);

/// Whether `a` is asked before `b`: segment by segment from the left, literal before `*` before `#`, then the
/// shorter one. Of two different patterns that match the same queue exactly one is more specific.
[[nodiscard]] bool more_specific(std::string_view a, std::string_view b) noexcept;

/// Values bound to patterns; the most specific match wins, whatever the order of registration. Looking up
/// compares against each pattern in turn and allocates nothing. Not synchronised.
template <typename T>
class pattern_table {
public:
    /// Binds `value` to `pattern`, which should have passed `validate_pattern`. True when it is new, false
    /// when it replaced the value of the same pattern.
    bool add(std::string_view pattern, T value) {
        const auto same = std::ranges::find(entries_, pattern, &entry::pattern);
        if (same != entries_.end()) {
            same->value = std::move(value);
            return false;
        }
        const auto place = std::ranges::upper_bound(
            entries_, pattern, [](std::string_view a, std::string_view b) { return more_specific(a, b); },
            &entry::pattern);
        entries_.insert(place, entry{std::string{pattern}, std::move(value)});
        return true;
    }

    /// The value for `queue`, null when no pattern matches. Valid until the next `add`.
    [[nodiscard]] T* find(std::string_view queue) noexcept {
        const auto found = std::ranges::find_if(
            entries_, [queue](const entry& e) { return queue_matches(e.pattern, queue); });
        return found == entries_.end() ? nullptr : &found->value;
    }
    [[nodiscard]] const T* find(std::string_view queue) const noexcept {
        const auto found = std::ranges::find_if(
            entries_, [queue](const entry& e) { return queue_matches(e.pattern, queue); });
        return found == entries_.end() ? nullptr : &found->value;
    }

    /// How many patterns are bound.
    [[nodiscard]] std::size_t size() const noexcept { return entries_.size(); }
    [[nodiscard]] bool empty() const noexcept { return entries_.empty(); }

    /// The bound patterns, in the order in which they are asked.
    [[nodiscard]] std::vector<std::string> patterns() const {
        std::vector<std::string> out;
        for (const entry& e : entries_) {
            out.push_back(e.pattern);
        }
        return out;
    }

private:
    struct entry {
        std::string pattern;
        T value;
    };
    std::vector<entry> entries_; // most specific first
};

} // namespace distworker
