// The path and the query of a request's target, decoded (RFC 3986).
#pragma once

#include <cstdint>
#include <expected>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace distworker::controller {

struct api_target {
    std::string path; ///< As it was sent.
    std::map<std::string, std::string, std::less<>> query;
};

/// Fails with a problem in words: a bad percent sequence, or text that is not UTF-8.
[[nodiscard]] std::expected<api_target, std::string> parse_target(std::string_view target);

/// A whole decimal number within [min, max].
[[nodiscard]] std::optional<std::int64_t> parse_integer(std::string_view text, std::int64_t min,
                                                        std::int64_t max);

} // namespace distworker::controller
