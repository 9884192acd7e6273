// A 64-bit digest of many values, to tell states apart.
//
// With a million states the chance that any two different ones look alike is about one in 40 million.
#pragma once

#include <array>
#include <bit>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <ranges>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>

namespace distworker::testing {

class fingerprint {
public:
    template <typename... Values>
        requires(sizeof...(Values) > 1)
    void add(const Values&... values) {
        (add(values), ...);
    }
    template <typename Value>
    void add(const Value& value) {
        if constexpr (std::is_enum_v<Value>) {
            mix(static_cast<std::uint64_t>(value));
        } else if constexpr (std::integral<Value>) {
            mix(static_cast<std::uint64_t>(value));
        } else if constexpr (std::same_as<Value, double>) {
            mix(std::bit_cast<std::uint64_t>(value));
        } else if constexpr (std::same_as<Value, float>) {
            mix(std::bit_cast<std::uint32_t>(value));
        } else if constexpr (requires { value.time_since_epoch(); }) {
            mix(static_cast<std::uint64_t>(value.time_since_epoch().count()));
        } else if constexpr (requires { std::chrono::nanoseconds{value}; }) {
            mix(static_cast<std::uint64_t>(std::chrono::nanoseconds{value}.count()));
        } else if constexpr (std::convertible_to<Value, std::string_view>) {
            add_bytes(std::as_bytes(std::span{std::string_view{value}}));
        } else if constexpr (std::ranges::range<Value>) {
            mix(std::ranges::size(value));
            for (const auto& each : value) {
                add(each);
            }
        } else if constexpr (requires { value.has_value(); }) {
            mix(value.has_value() ? 1 : 0);
            if (value.has_value()) {
                add(*value);
            }
        } else {
            value.add_to(*this);
        }
    }
    void add_bytes(std::span<const std::byte> bytes) {
        mix(bytes.size());
        for (; bytes.size() >= 8; bytes = bytes.subspan(8)) {
            std::uint64_t word = 0;
            for (std::size_t i = 0; i < 8; ++i) {
                word |= std::to_integer<std::uint64_t>(bytes[i]) << (8U * i);
            }
            mix(word);
        }
        for (const std::byte b : bytes) {
            mix(std::to_integer<std::uint64_t>(b));
        }
    }
    [[nodiscard]] std::uint64_t value() const noexcept { return hash_; }

private:
    // One round of SplitMix64 over the sum: each bit of the word changes half of the digest's.
    void mix(std::uint64_t word) noexcept {
        std::uint64_t z = (hash_ ^ word) + 0x9E3779B97F4A7C15U;
        z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9U;
        z = (z ^ (z >> 27U)) * 0x94D049BB133111EBU;
        hash_ = z ^ (z >> 31U);
    }

    std::uint64_t hash_ = 0x243F6A8885A308D3U;
};

} // namespace distworker::testing
