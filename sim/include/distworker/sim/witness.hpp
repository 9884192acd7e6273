// The witness: sees every frame, call and output of one worker process, and accuses when an invariant is
// broken.
//
// It knows the protocol, not the engine: what it checks is what a controller and an application could check
// from the outside, after every event. The numbers are those of docs/reliability.md.
#pragma once

#include <distworker/engine_output.hpp>
#include <distworker/sim/probes.hpp>
#include <distworker/time.hpp>
#include <distworker/worker_engine.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

namespace distworker::sim {

class witness {
public:
    explicit witness(probes& seen) noexcept : seen_{&seen} {}

    // What the engine asked for, by slot
    void connecting(std::uint32_t slot, std::uint32_t generation, monotonic_time now, bool jitter);
    void sending(std::uint32_t slot, std::span<const std::byte> frame, bool still_writing);
    void pinging(std::uint32_t slot, bool still_writing);
    void closing(std::uint32_t slot);
    void assigned(const assigned_task& task);
    void stop_asked(const delivery& task, stop_reason why);
    void disconnected(std::uint32_t slot, std::uint32_t generation);
    void undeliverable(const output::undeliverable& lost);
    void stopped();
    void idle(monotonic_time deadline, monotonic_time now);

    // What was done to it
    void answered(const delivery& task);
    void received_response(std::uint32_t slot);

    /// At the end of a process that ended in order: every delivery has its end.
    void finish(const engine_counters& counters, std::size_t still_running);

    /// What was broken, in words; empty while nothing is.
    [[nodiscard]] const std::vector<std::string>& accusations() const noexcept { return accusations_; }

private:
    struct connection {
        std::uint32_t generation = 0;
        bool live = false;
        bool register_sent = false;
        bool answered = false;
        bool close_sent = false;
        std::optional<delivery> running;
        std::string running_id;
        std::map<std::string, int> running_ids; // accepted, not yet ended on this connection
    };

    void accuse(const char* invariant, std::string what);

    probes* seen_;
    std::map<std::uint32_t, connection> connections_;
    std::map<std::uint32_t, monotonic_time> last_attempt_;
    std::set<delivery> deliveries_; // ever assigned
    bool stopped_ = false;
    std::vector<std::string> accusations_;
};

} // namespace distworker::sim
