// I25: when a slot may connect again, by its policies and by what it went through.
#pragma once

#include "core/invariants/fingerprint.hpp"
#include "core/invariants/link_watch.hpp"
#include "core/invariants/moment.hpp"
#include "core/invariants/rulebook.hpp"

#include <chrono>
#include <cstdint>
#include <optional>

namespace distworker::testing {

class retry_watch {
public:
    explicit retry_watch(rulebook& book) noexcept : book_{&book} {}

    /// The registration was answered.
    void answered(const moment& m) noexcept;
    /// Polls and ticks, after what they ended.
    void timers_fired(const moment& m);
    /// The connection ended: as a transport told (`end`), or by our own doing. `link` as it was.
    void ended(const link_end* end, const link_watch& link, const moment& m);
    void pausing(bool pausing) noexcept { pausing_ = pausing; }

    void took(const output::connect& out, const moment& m);
    void rests(const engine_snapshot& now, const moment& m) const;

    void add_to(fingerprint& all) const;

private:
    struct range {
        std::chrono::nanoseconds least;
        std::chrono::nanoseconds most;
    };
    [[nodiscard]] range delay(std::optional<std::chrono::seconds> retry_after, bool was_registered,
                              bool by_us, const moment& m) const;

    rulebook* book_;
    monotonic_time stable_at_ = never; // when the registration will have lasted
    std::uint32_t attempts_ = 0;       // since the last one that had
    std::uint32_t unanswered_ = 0;     // ends in a row between REGISTER and its answer
    std::uint32_t refusals_ = 0;       // in a row
    monotonic_time not_before_ = monotonic_time::min();
    bool pausing_ = false;
};

} // namespace distworker::testing
