// Floating-point numbers as std::to_chars writes them, read back. By hand, since libc++ 19 has
// std::from_chars for whole numbers only.
#pragma once

#include <concepts>
#include <optional>
#include <string_view>

namespace distworker::detail {

/// The number whose shortest text this is, bit for bit (NaNs apart); of a longer text one next to its value.
/// Nothing for what is no number. Takes what std::to_chars writes without a format: "12.5", "-1e-05", "inf",
/// "nan".
template <std::floating_point T>
[[nodiscard]] std::optional<T> read_shortest(std::string_view text) noexcept;

extern template std::optional<float> read_shortest(std::string_view text) noexcept;
extern template std::optional<double> read_shortest(std::string_view text) noexcept;

} // namespace distworker::detail
