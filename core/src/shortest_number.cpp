#include "shortest_number.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>

namespace distworker::detail {
namespace {

constexpr int largest_exponent = 400; // beyond all that a double holds

struct decimal {
    long double digits = 0;
    int exponent = 0;
};

std::optional<decimal> parse(std::string_view text) noexcept {
    decimal out;
    bool any = false;
    bool behind_point = false;
    for (; !text.empty() && text.front() != 'e'; text.remove_prefix(1)) {
        const char c = text.front();
        if (c >= '0' && c <= '9') {
            out.digits = out.digits * 10 + static_cast<long double>(c - '0');
            out.exponent -= behind_point ? 1 : 0;
            any = true;
        } else if (c == '.' && !behind_point) {
            behind_point = true;
        } else {
            return std::nullopt;
        }
    }
    if (any && !text.empty()) {
        text.remove_prefix(text.starts_with("e+") ? 2 : 1);
        int more = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), more);
        any = error == std::errc{} && end == text.data() + text.size();
        out.exponent += std::clamp(more, -largest_exponent, largest_exponent);
    }
    return any ? std::optional{out} : std::nullopt;
}

long double value_of(const decimal& number) noexcept {
    long double scale = 1;
    long double power = 10;
    for (int left = std::abs(number.exponent); left > 0; left /= 2, power *= power) {
        scale *= left % 2 != 0 ? power : 1;
    }
    return number.exponent < 0 ? number.digits / scale : number.digits * scale;
}

template <typename T>
bool is_written(T number, std::string_view text) noexcept {
    std::array<char, 32> shortest{};
    const auto end = std::to_chars(shortest.data(), shortest.data() + shortest.size(), number).ptr;
    return std::string_view{shortest.data(), end} == text;
}

} // namespace

template <std::floating_point T>
std::optional<T> read_shortest(std::string_view text) noexcept {
    const bool negative = text.starts_with('-');
    const std::string_view amount = text.substr(negative ? 1 : 0);
    const auto with_sign = [negative](T number) { return negative ? -number : number; };
    if (amount == "inf") {
        return with_sign(std::numeric_limits<T>::infinity());
    }
    if (amount == "nan") {
        return with_sign(std::numeric_limits<T>::quiet_NaN());
    }
    const auto read = parse(amount);
    if (!read) {
        return std::nullopt;
    }
    const long double largest = std::numeric_limits<T>::max();
    const T near = static_cast<T>(std::min(value_of(*read), largest));
    // Each step of the way here was rounded: what is right may be one of the neighbours.
    for (const T number :
         {near, std::nextafter(near, std::numeric_limits<T>::max()), std::nextafter(near, T{0})}) {
        if (is_written(number, amount)) {
            return with_sign(number);
        }
    }
    return with_sign(near);
}

template std::optional<float> read_shortest(std::string_view text) noexcept;
template std::optional<double> read_shortest(std::string_view text) noexcept;

} // namespace distworker::detail
