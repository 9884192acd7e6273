// The worker's side of the protocol as a pure state machine: one engine is one slot, across connections.
//
// Use it to put a worker into any event loop: events go in by calls, everything it wants done comes out of
// `poll`. It never asks for anything: no clock, no socket, no thread, no randomness of its own. Most programs
// want `worker` (the SDK) instead; several slots want `worker_group`.
//
// The run loop, which is the whole contract; `examples/bare_engine` is one that runs:
//
//     auto config = worker_config{.controller = "http://…", .provisioner = "…"}.validate();
//     worker_engine engine{config.value(), make_signer(crypto, std::move(token)), seed};
//     engine.start(now());
//     for (;;) {
//         engine_output out = engine.poll(now());         // 1. drain: perform outputs until `idle`
//         if (auto* idle = std::get_if<output::idle>(&out)) {
//             wait_for_event_until(idle->deadline);       // 2. sleep: socket, timer, or an answer
//             feed_it_to(engine);                         // 3. opened/received/…/complete, or tick(now())
//         } else {
//             perform(out);
//         }
//     }
//
// What it is given. `now()` is `instant::of(steady_clock::now(), system_clock::now())`, read for each call.
// `crypto` is `make_openssl_crypto()` or a `crypto` of yours, and the signer may be a function of yours too
// (signing.hpp). `seed` is 64 random bits, for each engine its own.
//
// What it wants, and what it is to be told of it:
//
//     connect        Open a WebSocket to `url`. Then `opened`, or `closed` with what went wrong.
//     send           One binary message. `sent` once the last byte is written; no other comes before.
//     ping           Behind what was sent before. Its pong comes back by `pong`, payload and all.
//     close          A Close frame. `closed` once the peer has answered it or hung up.
//     abort          Drop the connection at once. Nothing: its end is known.
//     assigned       Run the task, on any thread. `complete`, with what an `outcome_writer` made.
//     stop_task      Ask its handler to stop. `complete` all the same, or `stale_delivery` later on.
//     writable       `stream` takes items again.
//     undeliverable  Nobody else has this outcome any more: log it, keep it, or let it go.
//     sample_wanted  `set_usage`, for the heartbeat that is next.
//     disconnected   Show it; a socket that is still open is yours to free.
//     state_changed  Show it.
//     stopped        Leave the loop: nothing more comes.
//     idle           Sleep until `deadline`, or the next event (`poll_timeout` is the sleep for poll(2)).
//
// A connection goes by its generation. Each event carries the one that its socket was opened for, and one of
// a connection that is over is ignored, so a late word of an old socket does no harm. One is alive at a time:
// before the next `connect` the last one was closed or aborted.
//
// Whatever comes in is told as it comes: each piece of a message (a text one too) by `received`, a ping of
// the peer's, once answered, by `pinged`, a pong by `pong`, any other bytes by `alive`. A link that stays
// silent is given up, and an outcome is proven by a pong, so none of these may be left out.
//
// Rules. One thread: no call may overlap another. Any order of calls is safe; input of an older generation is
// ignored and counted. `now` may misbehave: a step back is clamped and counted, a leap does not kill the
// link. Same inputs give the same outputs, byte for byte. Outputs wait inside, bounded by the configuration,
// until they are polled. Frames and rules: protocol, sections 2 to 4.
//
// Memory may run out. What is `noexcept` here needs none: what was accepted can always be answered, and every
// end is told. `received` ends the connection (`local`, "out of memory"), since its bytes are lost;
// `progress` and `stream` say `would_block`; `poll` does what else there is to do and tries again a second
// later. Only the constructors and `snapshot` may throw, and a signer through `poll`, but for bad_alloc.
#pragma once

#include <distworker/byte_buffer.hpp>
#include <distworker/connection_end.hpp>
#include <distworker/deadline_table.hpp>
#include <distworker/engine_output.hpp>
#include <distworker/engine_snapshot.hpp>
#include <distworker/engine_state.hpp>
#include <distworker/frame.hpp>
#include <distworker/message_kind.hpp>
#include <distworker/random.hpp>
#include <distworker/signing.hpp>
#include <distworker/time.hpp>
#include <distworker/worker_config.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace distworker {

struct engine_anatomy; // of the tests

class worker_engine {
public:
    /// Settings that a `worker_group` gives its slots.
    struct slot_options {
        std::uint32_t slot = 0; ///< Counted from 0; goes into the names of deliveries.
        /// End by itself after the controller's `idle_time`; a group decides for all.
        bool exit_when_idle = true;
        buffer_pool pool{}; ///< Where its messages and frames get their memory from.
        /// The last delivery of the engine that had this slot before: names are never used twice.
        delivery last_delivery{};
    };

    /// `sign` is called once per registration, from `poll`; when it fails, so does that connection, and the
    /// next one asks it again. `seed` drives jitter and nonces: give each engine another one, from a good
    /// source.
    worker_engine(valid_worker_config config, signer sign, std::uint64_t seed);
    /// One of several: `sign` may be shared with others of the same thread.
    worker_engine(valid_worker_config config, std::shared_ptr<signer> sign, std::uint64_t seed,
                  slot_options options) noexcept;
    worker_engine(worker_engine&&) noexcept = default;
    worker_engine& operator=(worker_engine&&) noexcept = default;
    ~worker_engine() = default;

    // --- Life ---

    /// Begins to connect. `delay` puts the first attempt off (groups stagger theirs).
    std::expected<void, misuse> start(instant now, std::chrono::nanoseconds delay = {}) noexcept;
    /// Ends in order: finishes what runs, gets receipts, closes; within `limits`. A running task is asked to
    /// stop `stop_grace` before the drain's end, and answered for with WORKER_SHUTDOWN 1 s before it. A
    /// second call may only shorten.
    std::expected<void, misuse> stop(end_reason why, stop_limits limits, instant now) noexcept;
    /// Finishes the task that runs, however long it takes, closes with 1000 and stays away until `resume`.
    /// What is assigned meanwhile is refused with WORKER_SHUTDOWN. `not_in_state`: not started, ending, or
    /// the session would not survive (`one_shot`).
    std::expected<void, misuse> pause(instant now) noexcept;
    /// Ends a pause: goes on, or connects again as soon as the last end allows. `not_in_state`: not started,
    /// or ending.
    std::expected<void, misuse> resume(instant now) noexcept;
    /// Keeps the engine from connecting, without touching a connection that it has: while a controller
    /// refuses one slot, the others need not ask. Any number of calls count as one.
    void hold_connects(instant now) noexcept;
    /// Lets it connect again; what became due meanwhile happens after `delay`.
    void release_connects(std::chrono::nanoseconds delay, instant now) noexcept;
    /// Asks at once for the receipts of all outcomes that are written.
    void flush(instant now) noexcept;

    // --- The connection's events; those of another generation than the current one are ignored ---

    /// The upgrade is done: messages can be sent.
    void opened(std::uint32_t generation, instant now) noexcept;
    /// A piece of a message. `part` is copied. `announced_size`: what the frame's header claims, 0 if
    /// unknown.
    void received(std::uint32_t generation, message_kind kind, std::span<const std::byte> part,
                  bool end_of_message, std::uint64_t announced_size, instant now) noexcept;
    /// The peer sent a ping of its own (the transport answers it).
    void pinged(std::uint32_t generation, instant now) noexcept;
    /// A pong came; one that answers no ping of this engine counts as a sign of life only.
    void pong(std::uint32_t generation, std::span<const std::byte> payload, instant now) noexcept;
    /// Bytes came that are none of the above.
    void alive(std::uint32_t generation, instant now) noexcept;
    /// The last `output::send` is written out.
    void sent(std::uint32_t generation, instant now) noexcept;
    /// The connection is over, whoever ended it: one that never opened too. Only after `abort` nothing is
    /// reported.
    void closed(std::uint32_t generation, const link_end& end, instant now) noexcept;
    /// Time passed. `poll` does this by itself; call it when there is nothing to poll for.
    void tick(instant now) noexcept;

    // --- Answers ---

    /// Ends a delivery. O(1). `stale_delivery`: it has its answer already (the outcome is discarded). An
    /// answer whose connection is gone is accepted and comes back as `output::undeliverable`.
    std::expected<void, misuse> complete(const delivery& task, outcome&& answer, instant now) noexcept;
    /// Updates the progress: 0 to 1, clamped; the latest wins, sent at most every `progress_interval`, and
    /// before the outcome. `message` is text for people. `would_block`: there is no memory for it, and the
    /// update before it stays.
    std::expected<void, misuse> progress(const delivery& task, double fraction, std::string_view message,
                                         instant now) noexcept;
    /// Queues one item of the task's data stream: in order, lossless, before the outcome. `would_block`
    /// leaves `item` as it is; `output::writable` follows.
    std::expected<void, misuse> stream(const delivery& task, stream_item&& item, instant now) noexcept;

    /// What the next heartbeats say.
    void set_usage(const resource_usage& usage) noexcept { usage_ = usage; }
    void set_health(worker_health health) noexcept { health_ = health; }

    // --- Out ---

    /// The next thing to do, or `output::idle`. O(1) and free of allocations when there is nothing to do.
    [[nodiscard]] engine_output poll(instant now);

    // --- Views ---

    /// Where it is in its life; `output::state_changed` tells of each move.
    [[nodiscard]] engine_state state() const noexcept { return state_; }
    /// Of the latest connection that it asked for; 0 before the first.
    [[nodiscard]] std::uint32_t generation() const noexcept { return generation_; }
    /// The latest name that it gave, for the next engine of the slot.
    [[nodiscard]] delivery last_delivery() const noexcept { return {slot_, generation_, serial_}; }
    /// What has happened since it was made.
    [[nodiscard]] const engine_counters& counters() const noexcept { return counters_; }
    /// Since when no task has run, and how long that may last; `never` while a task runs, outcomes wait for
    /// receipts, or the controller set no idle time.
    [[nodiscard]] monotonic_time idle_exit_at() const noexcept;
    /// The whole state, to be shown, compared or asked `why_not_ready`. Allocates; for people and tests.
    [[nodiscard]] engine_snapshot snapshot() const;
    /// Handlers that were given up and have not returned yet.
    [[nodiscard]] std::size_t stuck() const noexcept { return stuck_.size(); }
    /// Bytes of outcomes without receipt and of queued progress and stream items.
    [[nodiscard]] std::size_t outbox_bytes() const noexcept { return outbox_bytes_ + stream_bytes_; }

private:
    friend struct engine_anatomy; // copies engines and tells their states apart, to explore them all

    // A frame that waits for its turn, for its receipt, or to be handed back. An outcome's is made when its
    // delivery is accepted, and goes from list to list with it: none of that takes memory.
    struct outgoing {
        byte_buffer frame; // of progress and stream items
        outcome answer;    // of an outcome
        delivery task;
        std::uint64_t covered_by = 0; // the first ping that can prove its processing
        bool was_sent = false;        // at least partly, on this connection or an earlier one of the session

        [[nodiscard]] bool is_outcome() const noexcept { return !answer.empty(); }
        // Of an outcome.
        [[nodiscard]] bool is_refusal() const noexcept { return task.serial == 0; }
        [[nodiscard]] std::span<const std::byte> bytes() const noexcept {
            return is_outcome() ? answer.frame() : frame.bytes();
        }
    };
    using outgoing_list = std::list<outgoing>;
    // A received assignment that has not begun.
    struct assignment {
        shared_bytes message;
        task_assign_view content;
        outgoing_list room{}; // for its outcome
    };
    struct running_task {
        assigned_task task;
        outgoing_list room; // for its outcome
        outcome verdict{};  // set when its timeout has passed: the only answer that still counts
        bool stop_asked = false;

        [[nodiscard]] bool timed_out() const noexcept { return !verdict.empty(); }
    };
    enum class in_flight : std::uint8_t { none, own_frame, queued };
    enum class proof : std::uint8_t { response, assignment };

    // Time (engine_time.cpp)
    void enter(instant now) noexcept;
    void advance(instant now) noexcept;
    void fire_timers() noexcept;
    void lack_memory() noexcept;
    void fire(deadline_reason timer);
    void set_timer(deadline_reason timer, std::chrono::nanoseconds from_now) noexcept;
    void clear_timer(deadline_reason timer) noexcept { timers_.clear(timer); }
    [[nodiscard]] monotonic_time timer(deadline_reason t) const noexcept { return timers_[t]; }

    // The session and its life (engine_session.cpp, engine_life.cpp)
    bool dispatch(engine_event event) noexcept;
    void perform(engine_action action) noexcept;
    [[nodiscard]] bool link_up() const noexcept;
    [[nodiscard]] bool current(std::uint32_t generation, instant now) noexcept;
    void dial() noexcept;
    void introduce() noexcept;
    void join() noexcept;
    void hang_up() noexcept;
    void connect_when_due() noexcept;
    void forget_connection() noexcept;
    void heard() noexcept;
    void registered(std::int32_t idle_time, proof by) noexcept;
    void close_link(end_cause cause, std::string_view why, std::uint16_t code) noexcept;
    void end_connection(connection_end end, std::optional<std::chrono::seconds> retry_after) noexcept;
    void abort_connection(end_cause cause, std::string_view why) noexcept;
    void drop_connection(connection_end end) noexcept;
    [[nodiscard]] connection_end judge(const link_end& end) const noexcept;
    void plan_retry(connection_end& end, std::optional<std::chrono::seconds> retry_after) noexcept;
    [[nodiscard]] std::optional<end_reason> fatal(const connection_end& end) const noexcept;
    [[nodiscard]] std::chrono::nanoseconds
    retry_delay(const connection_end& end, std::optional<std::chrono::seconds> retry_after) noexcept;
    void finish(end_reason reason) noexcept;
    void shorten(deadline_reason which, std::chrono::nanoseconds from_now) noexcept;
    void limit_drain(std::chrono::nanoseconds drain) noexcept;
    void settle() noexcept;
    void continue_drain() noexcept;
    [[nodiscard]] bool nothing_outstanding() const noexcept;
    [[nodiscard]] std::uint16_t close_code() const noexcept;

    // Messages (engine_messages.cpp)
    void take_part(message_kind kind, std::span<const std::byte> part, bool end_of_message,
                   std::uint64_t announced_size);
    void take_message(message_kind kind);
    void take_assignment(assignment next);
    void refuse_unusable(std::string_view task_id, std::string_view reason);
    void refuse(std::string_view task_id, std::string_view code, std::string_view reason);
    void begin_task(assignment next) noexcept;
    void begin_held_task() noexcept;
    [[nodiscard]] bool has_unwritten_answer(std::string_view task_id) const noexcept;
    [[nodiscard]] std::string_view leaving_words() const noexcept;
    void refuse_unseen() noexcept;
    void strike(message_kind kind) noexcept;
    void frame_arrived(const frame_view& frame, shared_bytes message);

    // Outcomes and progress (engine_outbox.cpp)
    [[nodiscard]] outgoing_list make_room();
    void clear_away(outgoing_list& from) noexcept;
    void end_task(outcome answer) noexcept;
    void answer_for_running();
    [[nodiscard]] outcome failure_of_running(std::string_view code, std::string_view message) const;
    void queue_progress() noexcept;
    void queue_outcome(outgoing_list room, outcome answer, const delivery& task) noexcept;
    void offer_stream() noexcept;
    void release_receipted() noexcept;
    void arm_receipt() noexcept;
    void forget_running() noexcept;
    void lose_running() noexcept;
    void hand_back_outbox() noexcept;
    void keep_outbox() noexcept;

    // Output (engine_poll.cpp)
    [[nodiscard]] std::optional<engine_output> next_wire_output();
    [[nodiscard]] engine_output send_register();
    [[nodiscard]] engine_output send_heartbeat();
    [[nodiscard]] engine_output send_own(byte_buffer frame) noexcept;
    [[nodiscard]] engine_output send_ping() noexcept;

    valid_worker_config config_;
    std::shared_ptr<signer> sign_;
    seeded_random random_;
    buffer_pool pool_;
    std::uint32_t slot_ = 0;
    bool exit_when_idle_ = true;

    instant now_{};
    bool has_time_ = false;
    deadline_table timers_;

    engine_state state_ = engine_state::stopped;
    engine_state told_state_ = engine_state::stopped;
    std::uint32_t generation_ = 0;
    bool dirty_ = false; // poll has something to look at
    bool started_ = false;
    bool pausing_ = false;
    std::optional<end_reason> stopping_;
    bool stopped_pending_ = false;

    // This connection
    bool connect_pending_ = false;
    bool register_sent_ = false;
    bool registered_ = false;
    bool peer_pings_ = false;
    bool deaf_ = false;
    std::uint16_t close_pending_ = 0;
    std::uint32_t abort_pending_ = 0;
    std::optional<connection_end> closing_; // why we are closing
    std::chrono::nanoseconds close_timeout_;
    std::optional<output::disconnected> last_end_;
    bool end_pending_ = false; // last_end_ is to be told
    std::int32_t idle_time_ = 0;
    std::uint64_t nonce_ = 0;
    std::uint64_t ping_serial_ = 0;
    std::uint64_t pong_serial_ = 0;
    std::uint64_t final_ping_ = 0;       // the first one of a drain with nothing left to do
    monotonic_time drain_limit_ = never; // when the drain ends at the latest
    bool ping_wanted_ = false;
    std::uint32_t strikes_ = 0;

    // The message that is coming in
    byte_buffer incoming_;
    std::uint64_t incoming_size_ = 0;
    std::uint64_t announced_size_ = 0;
    std::uint32_t empty_parts_ = 0;
    bool incoming_open_ = false;

    // Reconnecting
    std::uint32_t attempts_ = 0;   // since the last stable session
    std::uint32_t unanswered_ = 0; // ends in a row between REGISTER and its answer
    std::uint32_t refusals_ = 0;
    bool was_registered_ = false;
    bool hold_connects_ = false;
    bool connect_held_ = false;     // an attempt is due, and held
    monotonic_time next_attempt_{}; // not before

    // The task
    std::uint64_t serial_ = 0;
    std::optional<running_task> running_;
    bool assign_pending_ = false; // running_ is to be told
    monotonic_time idle_since_{};
    std::optional<stop_reason> stop_pending_;
    delivery stop_target_;
    std::optional<assignment> held_;
    outgoing_list orphans_;       // of handlers that run although their connection is gone
    std::vector<delivery> stuck_; // handlers that were answered for and have not returned

    // Progress
    outgoing_list progress_; // the update that waits for its turn, if any
    double fraction_ = 0;
    monotonic_time last_progress_ = monotonic_time::min();

    // Outbox
    outgoing_list queue_;
    outgoing_list written_;
    outgoing_list handed_back_;
    outgoing_list unused_;
    byte_buffer own_frame_;
    in_flight sending_ = in_flight::none;
    std::size_t outbox_bytes_ = 0;
    std::size_t stream_bytes_ = 0;
    std::size_t unreceipted_bytes_ = 0;
    std::uint32_t unreceipted_refusals_ = 0;
    bool writable_wanted_ = false;
    bool writable_pending_ = false;

    // Heartbeat
    bool heartbeat_due_ = false;
    bool sample_told_ = false;
    resource_usage usage_;
    worker_health health_ = worker_health::up;

    engine_counters counters_;
};

} // namespace distworker
