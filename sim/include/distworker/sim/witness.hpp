// The witness: sees every input and output of one worker group, and accuses when an invariant is broken.
//
// It knows the protocol, not the engine: what it checks is what a controller and an application could check
// from the outside, after every event. It hangs beside any driver, as a `trace_writer` does:
//
//     witness sees{config, seen};
//     worker_group group{config, sees.noting(sign), seed};
//     sees.gave(what, now);                     // before the group gets an input
//     sees.answered(what, give(group, what, now));
//     sees.took(group.poll(now), now);          // each output; at `idle` then:
//     sees.settled(group, now);
//
// The names of the invariants (I1, L5 ...) and their numbers are those of docs/reliability.md.
#pragma once

#include <distworker/group_input.hpp>
#include <distworker/signing.hpp>
#include <distworker/sim/probes.hpp>
#include <distworker/time.hpp>
#include <distworker/worker_config.hpp>
#include <distworker/worker_group.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace distworker::sim {

class witness {
public:
    /// What it tells of a task: for those who keep accounts of their own.
    struct report {
        /// What has become of it.
        enum class kind : std::uint8_t {
            accepted,    ///< Its handler is to run.
            answered,    ///< The application gave an outcome, and the engine took it.
            receipted,   ///< The controller has processed its outcome.
            undelivered, ///< Its outcome was handed back.
            cut_off,     ///< Its connection is gone, and its handler is told so.
            unseen,      ///< Lost with its connection before its handler was to run; the engine counts it.
        };
        kind what{};            ///< Which of them.
        std::uint32_t slot = 0; ///< Counted from 0.
        delivery task;          ///< Serial 0: a refusal.
        std::string_view id;    ///< The controller's name for the task; valid during the call.
        std::size_t answer = 0; ///< Of its outcome, see `hash_of`.
    };

    /// `seen` outlives the witness; it gets the probes of what the engine did.
    witness(valid_worker_config config, probes& seen) : config_{std::move(config)}, seen_{&seen} {}

    /// A signer that is watched. It must not outlive the witness.
    [[nodiscard]] signer noting(signer sign);
    /// Who wants to know what becomes of tasks.
    void tell(std::function<void(const report&)> listener) { tell_ = std::move(listener); }

    /// What goes in and comes out; when to call each is on top.
    void gave(const group_input& what, instant now);
    void answered(const group_input& what, const std::expected<void, misuse>& result);
    void took(const group_output& output, instant now);
    /// When the group is idle.
    void settled(const worker_group& group, instant now);
    /// At the end of a group that ended in order.
    void finish();

    /// What was broken, in words; empty while nothing is.
    [[nodiscard]] const std::vector<std::string>& accusations() const noexcept { return accusations_; }
    /// The same, and forgets them.
    [[nodiscard]] std::vector<std::string> take_accusations() { return std::exchange(accusations_, {}); }
    /// Deliveries that were accepted and whose outcome has neither a receipt nor was handed back.
    [[nodiscard]] std::size_t open_deliveries() const;
    /// The latest connection of a slot is registered.
    [[nodiscard]] bool registered(std::uint32_t slot) const;

    /// Identifies a frame.
    [[nodiscard]] static std::size_t hash_of(std::span<const std::byte> frame) noexcept;

private:
    enum class link : std::uint8_t { none, connecting, open, closing };
    enum class writing : std::uint8_t { nothing, own, item, terminal };

    // A delivery, or a refusal (serial 0), until its receipt or its return.
    struct work {
        delivery name;
        std::string id;
        monotonic_time deadline = never;
        std::optional<stop_reason> stop;
        monotonic_time timed_out_at = never;
        std::deque<std::size_t> items;   // hashes of stream items, not yet sent
        std::uint64_t plain_updates = 0; // progress frames without data
        std::uint64_t flushes = 0;       // what may send one out of its turn
        monotonic_time first_update = never;
        bool answered = false;
        std::size_t answer = 0; // the hash of its outcome; 0: the engine's own words, not sent yet
        std::size_t size = 0;
        bool sent = false; // on this connection
        bool written = false;
        bool ever_sent = false;
        std::uint64_t covered_by = 0;
        monotonic_time written_at = never;
        bool never_began = false; // its time was over before; the application never saw it
    };
    // An assignment that has arrived and neither runs nor is refused yet.
    struct debt {
        std::string id;
        bool to_be_refused;
        monotonic_time over_at = never; // its timeout, which may come before it begins
    };
    struct message {
        std::vector<std::byte> bytes;
        std::uint64_t size = 0;
        std::uint64_t announced = 0;
        bool open = false;
        monotonic_time last_part = never;
    };
    struct connection {
        link state = link::none;
        std::uint32_t generation = 0;
        monotonic_time since{};       // of `state`
        monotonic_time lived_until{}; // closing: when the slot rested last before
        bool register_sent = false;
        bool registered = false;
        monotonic_time register_at{};
        monotonic_time registered_at{};
        writing busy = writing::nothing;
        monotonic_time heard_at{};
        bool peer_pings = false;
        monotonic_time peer_sign_at{};
        bool heartbeat_sent = false;
        monotonic_time heartbeat_at{};
        std::uint64_t pings = 0;
        std::uint64_t pongs = 0;
        monotonic_time waits_for_pong = never; // since
        std::array<std::byte, 8> nonce{};
        message incoming;
        bool excused = false;   // a peer that broke the rules may be left without an answer
        bool loose_end = false; // closed with something open
        std::optional<std::chrono::seconds> retry_after{};
        monotonic_time ended_at = never;
        std::chrono::nanoseconds end_slack{}; // it may be that much later for the slot
    };
    struct slot_life {
        connection now;
        engine_state told = engine_state::stopped;
        std::deque<work> works;
        std::vector<debt> owed;
        std::multiset<std::string> forgotten; // stable: refusals may come on a later connection
        std::deque<delivery> orphans;         // whose handlers run although their connection is gone
        std::set<delivery> returning;         // late answers of orphans, to be handed back

        std::uint64_t last_serial = 0; // of its deliveries
        std::uint32_t attempts = 0;
        std::uint32_t refusals = 0;
        std::uint32_t unanswered = 0; // ends in a row between REGISTER and its answer
        bool was_registered = false;
        monotonic_time retry_at = monotonic_time::min();
        bool leaving = false;
        std::optional<monotonic_time> stop_at; // when it was told to stop, or left by itself
        monotonic_time drain_end = never;
        monotonic_time earliest_drain_end = never; // by a clock that had stepped back
        std::chrono::nanoseconds close_limit{};
    };

    void accuse(std::string_view invariant, const std::string& what);
    void report_on(report::kind what, std::uint32_t slot, const work& of);
    void report_on(report::kind what, const delivery& task, std::string_view id, std::size_t answer = 0);
    [[nodiscard]] slot_life& life(std::uint32_t slot);
    // The slot's life, if this is its live connection.
    [[nodiscard]] slot_life* current(std::uint32_t slot, std::uint32_t generation);

    // The session (witness.cpp)
    void enter(instant now);
    void opened(slot_life& of);
    void closed(slot_life& of, const input::closed& what);
    void connecting(std::uint32_t slot, const output::connect& out);
    void sending(std::uint32_t slot, const output::send& out);
    void registering(slot_life& of, std::span<const std::byte> frame);
    void pinging(std::uint32_t slot, const output::ping& out);
    void closing(std::uint32_t slot, const output::close& out);
    void disconnected(std::uint32_t slot, const output::disconnected& out);
    void check_retry(const slot_life& of, const connection_end& end);
    void check_fatal(const slot_life& of, const connection_end& end);
    void state_changed(std::uint32_t slot, engine_state state);
    void stop(slot_life& of, const stop_limits& limits);
    void may_leave(slot_life& of);
    void resized(std::uint32_t count);
    [[nodiscard]] bool keeps_session(const slot_life& of) const;

    // Messages and tasks (witness_tasks.cpp)
    void received(slot_life& of, const input::received& part);
    void message_arrived(slot_life& of, std::span<const std::byte> bytes, bool oversized);
    void assignment_arrived(slot_life& of, std::string_view id, bool usable, std::int64_t timeout_ms = 0);
    [[nodiscard]] bool counts_as_registered(const slot_life& of) const;
    void expect_registered(slot_life& of, std::string_view what);
    void ponged(std::uint32_t slot, slot_life& of, std::span<const std::byte> payload);
    void written(slot_life& of);
    void assigned(const assigned_task& task);
    void stop_asked(const output::stop_task& out);
    void outcome_sent(slot_life& of, std::string_view id, std::string_view code,
                      std::span<const std::byte> frame);
    void engine_answers(const slot_life& of, const work& task, std::string_view code);
    void progress_sent(slot_life& of, const task_progress_view& what, std::span<const std::byte> frame);
    void completed(const delivery& task, const std::expected<void, misuse>& result);
    void undeliverable(const output::undeliverable& lost);
    [[nodiscard]] static std::vector<debt>::iterator find_debt(std::vector<debt>& owed, std::string_view id,
                                                               bool to_be_refused);
    [[nodiscard]] static work* running(slot_life& of);
    [[nodiscard]] bool may_be_answered(const slot_life& of, const work& task) const;

    // What is due (witness_deadlines.cpp)
    void check_link(const slot_life& of);
    void check_registered(const slot_life& of);
    void lose_debts(std::uint32_t slot, slot_life& of);
    void check_tasks(std::uint32_t slot, slot_life& of);
    void check_counters(const engine_counters& counters);
    [[nodiscard]] bool overdue(monotonic_time since, std::chrono::nanoseconds limit) const noexcept;

    valid_worker_config config_;
    probes* seen_;
    std::function<void(const report&)> tell_;
    std::map<std::uint32_t, slot_life> slots_;
    instant now_{monotonic_time::min(), {}};
    monotonic_time deadline_ = never;                      // that the group asked to be woken at
    monotonic_time settled_at_ = monotonic_time::min();    // when it was idle last
    monotonic_time excused_until_ = monotonic_time::min(); // after a suspension the peer has its time anew
    std::chrono::nanoseconds step_back_{};                 // of the clock, at the last input
    std::uint32_t slot_ = 0;                               // that is being looked at, for accusations

    // What the signer was asked since the last REGISTER.
    struct signature {
        std::string date;
        std::vector<std::byte> data;
        bool given;
    };
    std::vector<signature> signatures_;

    // Of the input that is being given.
    std::size_t answer_hash_ = 0;
    std::size_t answer_size_ = 0;
    std::size_t item_hash_ = 0;

    std::uint64_t receipted_ = 0;
    std::uint64_t handed_back_ = 0;
    std::uint64_t lost_unseen_ = 0;
    std::uint64_t broken_rules_ = 0; // connections that ended by a violation of the peer's
    bool paused_ = false;
    bool leaves_ = false; // the whole group, by itself
    bool stopped_ = false;
    std::vector<std::string> accusations_;
};

} // namespace distworker::sim
