// One call of a slot, as the watches look at it: the slot after it, and what it was before.
#pragma once

#include <distworker/worker_engine.hpp>

namespace distworker::testing {

struct moment {
    const worker_engine& slot;
    const valid_worker_config& config;
    instant now;                    ///< As the slot takes it: it never goes back.
    engine_state was;               ///< Before the call.
    const engine_counters& counted; ///< Before the call.

    [[nodiscard]] engine_state is() const noexcept { return slot.state(); }
    /// How often something was counted in this call.
    [[nodiscard]] std::uint64_t more(std::uint64_t engine_counters::* counter) const noexcept {
        return slot.counters().*counter - counted.*counter;
    }
    [[nodiscard]] bool link_was_up() const noexcept { return has_link(was); }
    [[nodiscard]] bool ended() const noexcept { return has_connection(was) && !has_connection(is()); }

    [[nodiscard]] static bool has_link(engine_state state) noexcept {
        return state == engine_state::registering || state == engine_state::ready ||
               state == engine_state::busy || state == engine_state::draining;
    }
    [[nodiscard]] static bool has_connection(engine_state state) noexcept {
        return has_link(state) || state == engine_state::connecting || state == engine_state::closing;
    }
};

} // namespace distworker::testing
