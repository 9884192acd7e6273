// Bytes as calls: how the targets that are more than a parser read their input, and how seeds write it.
//
// Numbers are little-endian; whatever lies behind the input's end is zero, so any bytes are an input.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

namespace distworker::fuzz {

class input_reader {
public:
    explicit input_reader(std::span<const std::byte> input) noexcept : rest_{input} {}

    [[nodiscard]] bool done() const noexcept { return rest_.empty(); }

    template <typename Number>
        requires(std::is_arithmetic_v<Number> && !std::same_as<Number, bool>)
    [[nodiscard]] Number number() noexcept {
        std::array<std::byte, sizeof(Number)> bytes{};
        const auto taken = take(bytes.size());
        std::ranges::copy(taken, bytes.begin());
        return std::bit_cast<Number>(bytes);
    }
    /// One of the values of an enumeration, up to the last.
    template <typename Enum>
        requires std::is_enum_v<Enum>
    [[nodiscard]] Enum one_of(Enum last) noexcept {
        return static_cast<Enum>(number<std::uint8_t>() % (static_cast<unsigned>(last) + 1U));
    }
    /// At most 255 bytes, their number before them.
    [[nodiscard]] std::string_view text() noexcept {
        const auto taken = take(number<std::uint8_t>());
        return {reinterpret_cast<const char*>(taken.data()), taken.size()};
    }

private:
    std::span<const std::byte> take(std::size_t size) noexcept {
        const auto taken = rest_.first(std::min(size, rest_.size()));
        rest_ = rest_.subspan(taken.size());
        return taken;
    }
    std::span<const std::byte> rest_;
};

/// The other way round; what is written is read back.
class input_writer {
public:
    template <typename Number>
        requires(std::is_arithmetic_v<Number> && !std::same_as<Number, bool>)
    input_writer& number(Number n) {
        const auto bytes = std::bit_cast<std::array<char, sizeof(Number)>>(n);
        bytes_.append(bytes.data(), bytes.size());
        return *this;
    }
    input_writer& text(std::string_view text) {
        text = text.substr(0, 255);
        number(static_cast<std::uint8_t>(text.size()));
        bytes_.append(text);
        return *this;
    }
    [[nodiscard]] const std::string& bytes() const noexcept { return bytes_; }

private:
    std::string bytes_;
};

} // namespace distworker::fuzz
