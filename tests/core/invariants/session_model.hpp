// A worker, its connections played at random, and a watch on each of its slots: any calls, times and bytes in
// any order keep the invariants.
#pragma once

#include "core/invariants/rulebook.hpp"
#include "core/invariants/session_step.hpp"
#include "core/invariants/signing_desk.hpp"
#include "core/invariants/slot_watch.hpp"
#include "core/invariants/subject.hpp"

#include <distworker/random.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <sstream>
#include <string>
#include <vector>

namespace distworker::testing {

/// How a worker is set up, and what around it varies without mattering.
struct model_setup {
    worker_config config;
    std::uint64_t seed = 7;
    bool group = false;
    /// Messages reach it in pieces of that many bytes.
    std::size_t chunk = SIZE_MAX;
    /// Not 0: the wall clock shows any time, another one at each call.
    std::uint64_t wall_seed = 0;
    /// The log leaves out what may depend on the wall clock.
    bool undated_log = false;
    instant begin{monotonic_time{std::chrono::hours{1}},
                  wall_time{std::chrono::milliseconds{1'790'000'000'000}}};
    /// Makes the worker; empty: a plain engine or group.
    std::function<std::unique_ptr<subject>(const valid_worker_config&, signer, std::uint64_t seed)> make{};
};

class session_model {
public:
    session_model(const model_setup& setup, rulebook& book);

    void take(const step& s);
    /// Ends the worker whatever its state, and accounts for every outcome.
    void finish();

    /// Everything that it said.
    [[nodiscard]] std::string log() const { return log_.str(); }
    [[nodiscard]] const subject& worker() const noexcept { return *worker_; }

private:
    /// The other end of a slot's connection, and its handlers.
    struct peer {
        std::uint32_t generation = 0;
        bool asked = false;
        bool opened = false;
        bool writing = false;
        std::uint32_t writes = 0;
        std::vector<std::array<std::byte, 16>> pings;
        std::vector<std::array<std::byte, 16>> old_pings;
        std::deque<assigned_task> tasks; // the latest, answered or not
    };
    using bytes = std::vector<std::byte>;

    call_result give(const group_input& what);
    /// False when there is nothing to be said.
    bool poll();
    void drain(std::size_t at_most);

    void perform(const step& s, std::uint32_t slot);
    void perform_call(const step& s, std::uint32_t slot);
    void perform_time(const step& s);
    void perform_event(const step& s, std::uint32_t slot);
    void perform_stale(const step& s, std::uint32_t slot);
    void receive(std::uint32_t slot, std::span<const std::byte> content, bool whole = true,
                 message_kind kind = message_kind::binary, std::uint64_t announced = 0);
    void lose(std::uint32_t slot, const step& s);
    void answer(const assigned_task& task, const step& s);
    void update(const assigned_task& task, const step& s);
    void write_done(std::uint32_t slot);
    void advance_to(monotonic_time t);

    void react(std::uint32_t slot, engine_output& out);
    void log(std::uint32_t slot, const engine_output& out);
    void log_frame(const output::send& out);

    rulebook* book_;
    signing_desk desk_{true};
    valid_worker_config config_;
    std::unique_ptr<subject> worker_;
    bool group_;
    std::size_t chunk_;
    std::optional<seeded_random> walls_;
    bool undated_log_;
    instant now_;
    output::idle idle_;
    std::deque<slot_watch> watches_;
    std::deque<peer> peers_;
    std::uint64_t texts_ = 0; // given to updates: each is another one
    bool stopped_ = false;
    std::ostringstream log_;
};

} // namespace distworker::testing
