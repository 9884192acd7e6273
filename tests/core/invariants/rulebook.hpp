// The invariants by their numbers, I1 to I30: which are enforced, and how often each was put to the test.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>

namespace distworker::testing {

/// A broken invariant.
class violation : public std::logic_error {
public:
    violation(int invariant, const std::string& what)
        : std::logic_error{"I" + std::to_string(invariant) + ": " + what}, invariant_{invariant} {}
    [[nodiscard]] int invariant() const noexcept { return invariant_; }

private:
    int invariant_;
};

class rulebook {
public:
    static constexpr int all = 0;

    /// Enforces one invariant, or all. Checks of the others are made and forgiven, so that a property fails
    /// for the invariant that it names and for no other.
    explicit rulebook(int enforced = all) noexcept : enforced_{enforced} {}

    /// Throws `violation` when an enforced invariant does not hold.
    void check(int invariant, bool holds, const char* what) {
        ++checks_[static_cast<std::size_t>(invariant)];
        if (!holds && (enforced_ == all || enforced_ == invariant)) {
            throw violation{invariant, what};
        }
    }
    [[nodiscard]] std::uint64_t checks(int invariant) const noexcept {
        return checks_[static_cast<std::size_t>(invariant)];
    }

private:
    int enforced_;
    std::array<std::uint64_t, 31> checks_{};
};

} // namespace distworker::testing
