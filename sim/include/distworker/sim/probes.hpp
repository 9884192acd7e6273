// Probes: named places of the simulated system that a campaign of seeds must have reached.
//
// A fault that never hits, or a path that no seed takes, proves nothing; a campaign ends with the probes that
// were never hit. One object for each run; add them up.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace distworker::sim {

class probes {
public:
    /// Counts a hit. `name` is one of `names()`.
    void hit(std::string_view name, std::uint64_t times = 1) {
        if (const auto found = hits_.find(name); found != hits_.end()) {
            found->second += times;
        } else if (times > 0) {
            hits_.emplace(name, times);
        }
    }
    /// Adds the hits of another run.
    void add(const probes& other) {
        for (const auto& [name, count] : other.hits_) {
            hit(name, count);
        }
    }
    /// How often that probe was hit.
    [[nodiscard]] std::uint64_t hits(std::string_view name) const {
        const auto found = hits_.find(name);
        return found == hits_.end() ? 0 : found->second;
    }
    /// Names that `names()` has and nobody hit.
    [[nodiscard]] std::vector<std::string_view> never_hit() const;
    /// Names that were hit and that `names()` does not have: a mistake in the simulator.
    [[nodiscard]] std::vector<std::string_view> unknown() const;

    /// All of them, sorted.
    [[nodiscard]] static std::span<const std::string_view> names() noexcept;

private:
    std::map<std::string, std::uint64_t, std::less<>> hits_;
};

} // namespace distworker::sim
