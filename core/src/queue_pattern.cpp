#include <distworker/queue_pattern.hpp>
#include <distworker/utf8.hpp>

namespace distworker {
namespace {

constexpr std::size_t max_pattern_bytes = 1024;

// Walks the segments of a dotted name; there is always at least one.
class segments {
public:
    explicit segments(std::string_view text) noexcept : rest_{text} {}

    [[nodiscard]] bool done() const noexcept { return done_; }

    std::string_view take() noexcept {
        const auto dot = rest_.find('.');
        const std::string_view segment = rest_.substr(0, dot);
        if (dot == std::string_view::npos) {
            done_ = true;
        } else {
            rest_.remove_prefix(dot + 1);
        }
        return segment;
    }

private:
    std::string_view rest_;
    bool done_ = false;
};

int rank(std::string_view segment) noexcept {
    return segment == "#" ? 2 : segment == "*" ? 1 : 0;
}

config_fault pattern_fault(std::string problem, std::string remedy) {
    return {"queue pattern", std::move(problem), std::move(remedy)};
}

} // namespace

bool queue_matches(std::string_view pattern, std::string_view queue) noexcept {
    segments wanted{pattern};
    segments given{queue};
    while (!wanted.done()) {
        const std::string_view segment = wanted.take();
        if (given.done()) {
            return false;
        }
        if (segment == "#") {
            return wanted.done();
        }
        const std::string_view actual = given.take();
        if (segment != "*" && segment != actual) {
            return false;
        }
    }
    return given.done();
}

bool more_specific(std::string_view a, std::string_view b) noexcept {
    segments left{a};
    segments right{b};
    while (!left.done() && !right.done()) {
        const int left_rank = rank(left.take());
        const int right_rank = rank(right.take());
        if (left_rank != right_rank) {
            return left_rank < right_rank;
        }
    }
    return left.done() && !right.done(); // without a queue in common: only a total order is needed
}

std::optional<config_fault> validate_pattern(std::string_view pattern) {
    if (pattern.size() > max_pattern_bytes) {
        return pattern_fault("is longer than 1 KiB", "use a shorter pattern");
    }
    if (!is_valid_utf8(pattern)) {
        return pattern_fault("is not valid UTF-8", "write it in UTF-8");
    }
    segments parts{pattern};
    while (!parts.done()) {
        const std::string_view segment = parts.take();
        if (segment == "#" && !parts.done()) {
            return pattern_fault("'" + escape_for_log(pattern) +
                                     "' has a '#' before its last segment and would match no queue",
                                 "use '*' for one segment, '#' only at the end");
        }
    }
    return std::nullopt;
}

} // namespace distworker
