// Watches one slot from outside, an engine's or a group's, and knows after every call what must be true of
// it.
//
// Hand it each input before and after the slot gets it, and each output; it throws `violation` for the first
// thing that is not as the invariants say. It models the slot from the calls alone: a second, slower account
// of what is due, kept in other words than the engine's.
//
//     watch.giving(what, engine);
//     watch.gave(what, give(engine, what, now), engine, now);
//     watch.took(engine.poll(now), desk.take(), engine, now);
#pragma once

#include "core/invariants/link_watch.hpp"
#include "core/invariants/moment.hpp"
#include "core/invariants/outbox_watch.hpp"
#include "core/invariants/progress_watch.hpp"
#include "core/invariants/retry_watch.hpp"
#include "core/invariants/rulebook.hpp"
#include "core/invariants/signing_desk.hpp"
#include "core/invariants/task_watch.hpp"

#include <distworker/group_input.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>

namespace distworker::testing {

class slot_watch {
public:
    slot_watch(valid_worker_config config, rulebook& book)
        : config_{std::move(config)}, book_{&book}, link_{book}, outbox_{book}, progress_{book}, retry_{book},
          tasks_{book} {}

    void giving(const group_input& what, const worker_engine& slot);
    void gave(const group_input& what, const call_result& result, const worker_engine& slot, instant now);
    /// `signed_now`: what was signed in this very poll.
    void took(const engine_output& out, const std::optional<signing>& signed_now, const worker_engine& slot,
              instant now);
    /// Something was done to the slot that it had nothing to say about: a group polled it.
    void looked_at(const worker_engine& slot, instant now);

    /// Everything that the watch remembers.
    void add_to(fingerprint& all) const;

private:
    [[nodiscard]] moment now_at(const worker_engine& slot, instant now);
    void remember(const moment& m) noexcept;

    void note(const group_input& what, const call_result& result, const moment& m);
    void take_send(const output::send& out, const std::optional<signing>& signed_now, const moment& m);
    void take_idle(const output::idle& out, const moment& m);
    /// What the timers did in a poll or a tick.
    void time_passed(const moment& m);
    void ending_may_have_begun(const moment& m);
    /// A connection begins, or ends: what it leaves behind. `end` is what a transport told of that.
    void settle_link(const link_end* end, const moment& m);

    valid_worker_config config_;
    rulebook* book_;
    link_watch link_;
    outbox_watch outbox_;
    progress_watch progress_;
    retry_watch retry_;
    task_watch tasks_;

    monotonic_time clock_ = monotonic_time::min();
    engine_state was_ = engine_state::stopped;
    engine_counters counted_;
    std::size_t largest_ = 0; // answer or item so far
    std::size_t budget_ = 0;  // outputs that may follow before it rests
    bool started_ = false;
    bool told_end_ = false;
};

} // namespace distworker::testing
