// A 64-bit digest of many values, to tell states apart.
//
// With a million states the chance that any two different ones look alike is about one in 40 million.
#pragma once

#include <distworker/time.hpp>

#include <bit>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <ranges>
#include <span>
#include <string_view>
#include <type_traits>

namespace distworker::testing {

class fingerprint {
public:
    /// From now on monotonic times are digested as distances from `origin`: states that differ by nothing but
    /// the time of day look alike.
    void count_times_from(monotonic_time origin) noexcept { origin_ = origin; }

    template <typename... Values>
        requires(sizeof...(Values) > 1)
    void add(const Values&... values) {
        (add(values), ...);
    }
    template <typename Value>
    void add(const Value& value) {
        if constexpr (std::is_enum_v<Value> || std::integral<Value>) {
            mix(static_cast<std::uint64_t>(value));
        } else if constexpr (std::same_as<Value, double>) {
            mix(std::bit_cast<std::uint64_t>(value));
        } else if constexpr (std::same_as<Value, float>) {
            mix(std::bit_cast<std::uint32_t>(value));
        } else if constexpr (std::same_as<Value, monotonic_time>) {
            const bool endless = value == never || value == monotonic_time::min();
            mix(static_cast<std::uint64_t>(endless ? value.time_since_epoch().count()
                                                   : (value - origin_).count()));
        } else if constexpr (std::same_as<Value, std::chrono::nanoseconds>) {
            mix(static_cast<std::uint64_t>(value.count()));
        } else if constexpr (std::convertible_to<Value, std::string_view>) {
            add_bytes(std::as_bytes(std::span{std::string_view{value}}));
        } else if constexpr (requires { std::span<const std::byte>{value}; }) {
            add_bytes(value);
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
    [[nodiscard]] std::uint64_t value() const noexcept { return hash_; }

private:
    void add_bytes(std::span<const std::byte> bytes) {
        mix(bytes.size());
        for (std::size_t at = 0; at < bytes.size(); at += 8) {
            std::uint64_t word = 0;
            for (std::size_t i = at; i < bytes.size() && i < at + 8; ++i) {
                word = word << 8U | std::to_integer<std::uint64_t>(bytes[i]);
            }
            mix(word);
        }
    }
    // SplitMix64's mixing: each bit of a word changes half of the digest's.
    void mix(std::uint64_t word) noexcept {
        std::uint64_t z = (hash_ ^ word) + 0x9E3779B97F4A7C15U;
        z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9U;
        z = (z ^ (z >> 27U)) * 0x94D049BB133111EBU;
        hash_ = z ^ (z >> 31U);
    }

    std::uint64_t hash_ = 0x243F6A8885A308D3U;
    monotonic_time origin_{};
};

} // namespace distworker::testing
