// Looks inside an engine, as nobody else may: to copy it, and to tell two states apart.
//
// For the exhaustive exploration, which has to try every event in a state, and to know a state again.
#pragma once

#include "core/invariants/fingerprint.hpp"

#include <distworker/worker_engine.hpp>

namespace distworker {

struct engine_anatomy {
    /// An engine in the same state; they share nothing that changes.
    [[nodiscard]] static worker_engine copy(const worker_engine& from, signer sign);
    /// Everything that the engine's future depends on, times counted from its own. What is left out:
    /// configuration and signer, which are the same in a whole exploration; counters, which are only counted;
    /// the wall clock, which is only shown; and the bytes of a frame that is handed out already.
    static void add_to(testing::fingerprint& all, const worker_engine& engine);
    [[nodiscard]] static std::uint64_t fingerprint_of(const worker_engine& engine);
};

} // namespace distworker
