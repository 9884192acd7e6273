// What the targets of frames and payloads compare by.
#pragma once

#include <distworker/value.hpp>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>

namespace distworker::fuzz {

/// Numbers bit for bit: a NaN is itself.
[[nodiscard]] inline bool same(double a, double b) noexcept {
    return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b);
}

/// The same tree: kinds, order of members, numbers bit for bit.
[[nodiscard]] inline bool same(const value& a, const value& b) {
    if (a.kind() != b.kind()) {
        return false;
    }
    if (a.number() != nullptr) {
        return same(*a.number(), *b.number());
    }
    if (a.items() != nullptr) {
        return std::ranges::equal(*a.items(), *b.items(),
                                  [](const value& x, const value& y) { return same(x, y); });
    }
    if (a.members() != nullptr) {
        return std::ranges::equal(*a.members(), *b.members(),
                                  [](const value::member& x, const value::member& y) {
                                      return x.key == y.key && same(x.content, y.content);
                                  });
    }
    return a == b;
}

} // namespace distworker::fuzz
