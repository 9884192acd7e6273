// Where a script plays: an engine or a group on virtual time, with a peer and an application that do what
// the script says, and nothing else.
//
// Inputs. What says nothing else is given to the engine as it is called. `SLOT: ` in front of one names the
// slot of a group; #N is the delivery with that serial.
//
//     start [DELAY]   stop WHY DRAIN [close=TIME]   pause   resume   flush   hold_connects
//     release_connects [DELAY]   set_slots N   health up|down|warn   usage cpu=N memory=N
//     opened   alive [early=TIME]   pinged   sent
//     closed KIND [status=N] [code=N] [retry_after=TIME] [skew=TIME]
//     events_of_another                     each event, of a connection that is not the current one
//     respond [idle_time=N]                 the answer to REGISTER
//     assign ID [queue=NAME] [timeout=TIME] [INPUT]
//                                           also: text=N (bytes of input), deep=N (levels of it),
//                                           announced=N, bad_utf8 (in the queue's name), id_last
//     begin ID BYTES   go_on                an assignment's first bytes, and the rest of it
//     empty_part                            of a message that goes on
//     noise BYTES   text                    a message of so many zeros; a text message
//     pong [N]                              to ping N, or to the last one; `pong wrong`: to nobody's
//     complete #N [RESULT]                  also: text=N, deep=N, nan, bad_utf8, bad_key, empty (no outcome)
//     fail #N CODE [MESSAGE]   progress #N FRACTION [MESSAGE]   stream #N DATA|empty [text=N]
//     pass TIME                             time passes in which nothing is due
//     wait                                  until the deadline that the engine gave
//     leap TIME                             time passes, and nobody wakes the engine
//     back TIME                             one call with a time so much earlier
//     live TIME                             so long, with a ping of the peer's every 3 s
//     wall DATE|+TIME|-TIME                 sets the time of day
//     writes held|free                      whether `sent` follows each send by itself
//     signer fails|works
//
// Outputs. One line each, as their names in `engine_output.hpp` with what they hold; a call that is refused
// is a line as well: `refused stale_delivery`.
#pragma once

#include "script.hpp"
#include "shown.hpp"
#include "watch.hpp"

#include <distworker/group_input.hpp>
#include <distworker/worker_engine.hpp>
#include <distworker/worker_group.hpp>

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <variant>
#include <vector>

namespace distworker::testing {

class stage {
public:
    struct options {
        bool strict = true;                ///< What cannot be done is an error, not left out.
        std::size_t part_bytes = SIZE_MAX; ///< Messages arrive in parts of that many.
    };

    explicit stage(const script& plays) : stage{plays, {}} {}
    stage(const script& plays, options how);

    /// Does what the input says. False, when not strict: there is nothing that it could be done to.
    bool give(const script_input& input);
    /// Takes what the engine says until it has no more, and does it; the lines, when strict.
    std::vector<std::string> take();

    [[nodiscard]] shown_state shown() const;
    [[nodiscard]] instant now() const noexcept { return now_; }
    [[nodiscard]] const output::idle& idle() const noexcept { return idle_; }
    [[nodiscard]] const watch& watched() const noexcept { return watch_; }
    [[nodiscard]] engine_counters counters() const;
    [[nodiscard]] std::size_t outbox_bytes() const;
    [[nodiscard]] std::size_t slots() const;
    [[nodiscard]] const worker_engine& engine(std::uint32_t slot) const;
    [[nodiscard]] bool is_group() const noexcept { return std::holds_alternative<worker_group>(plays_); }
    void set_signer_failures(int count) noexcept { *signer_failures_ = count; }

    /// The peer's view of a slot's connection.
    struct peer {
        std::uint32_t generation = 0; // 0: none
        bool opened = false;
        bool registering = false; // REGISTER came, and has no answer
        bool write_held = false;
        std::uint64_t pings = 0; // the last one's serial
        std::uint64_t pongs = 0; // the last one answered
        std::array<std::byte, 16> payload{};
        std::vector<std::byte> begun; // the rest of an assignment whose first bytes have come
    };
    [[nodiscard]] const peer& peer_of(std::uint32_t slot) { return peers_[slot]; }
    /// Calls whatever plays: `act` takes an engine as well as a group.
    template <typename Act>
    auto both(Act&& act) {
        return std::visit(std::forward<Act>(act), plays_);
    }
    /// Calls the engine of a slot.
    template <typename Act>
    auto on(std::uint32_t slot, Act&& act) {
        if (auto* const group = std::get_if<worker_group>(&plays_)) {
            return group->with(slot, std::forward<Act>(act));
        }
        return act(std::get<worker_engine>(plays_));
    }

private:
    using deed = std::function<bool(stage&, std::uint32_t, const script_input&)>;
    static const std::map<std::string, deed, std::less<>>& deeds();

    bool do_once(const script_input& input);
    void answer(const std::expected<void, misuse>& done);
    void receive(std::uint32_t slot, std::span<const std::byte> message, message_kind kind, bool last,
                 std::uint64_t announced);
    void assign(std::uint32_t slot, const script_input& input);
    void begin(std::uint32_t slot, const script_input& input);
    bool go_on(std::uint32_t slot);
    void events_of_another(std::uint32_t slot);
    bool close(std::uint32_t slot, const script_input& input);
    bool pong(std::uint32_t slot, const script_input& input);
    bool complete(std::uint32_t slot, const script_input& input);
    bool fail(std::uint32_t slot, const script_input& input);
    bool progress(std::uint32_t slot, const script_input& input);
    bool stream(std::uint32_t slot, const script_input& input);
    bool give_outcome(const delivery& task, outcome answer);
    bool pass(std::chrono::nanoseconds time);
    bool wait();
    void live(std::chrono::nanoseconds time);
    void wall(std::string_view to);
    void take_into(std::vector<std::string>& lines, bool with_idle);
    void perform(const group_output& out);
    void advance(std::chrono::nanoseconds time);
    void wake_until(monotonic_time end);
    [[nodiscard]] const assigned_task* task_of(std::uint32_t slot, const script_input& input) const;
    [[nodiscard]] bool connected(std::uint32_t slot) { return peers_[slot].opened; }

    options how_;
    std::shared_ptr<int> signer_failures_ = std::make_shared<int>(0);
    std::variant<worker_engine, worker_group> plays_;
    watch watch_;
    instant now_{monotonic_time{std::chrono::hours{1}},
                 wall_time{std::chrono::milliseconds{1'790'000'000'000}}};
    output::idle idle_;
    std::vector<std::string> lines_; // to be taken first
    bool hold_writes_ = false;
    std::map<std::uint32_t, peer> peers_;
    std::map<std::pair<std::uint32_t, std::uint64_t>, assigned_task> tasks_; // by slot and serial
};

/// An output as a line of a script.
[[nodiscard]] std::string line_of(const group_output& out, monotonic_time now, bool with_slot);

} // namespace distworker::testing
