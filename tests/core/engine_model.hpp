// A model of the engine's session: any calls, times and bytes in any order keep the invariants.
//
// The names of the invariants, I1 to I30, are those of the project's reliability rules; each is checked after
// every output or step, by the check that names it.
#pragma once

#include "core/engine_rig.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <sstream>

namespace distworker::testing {

using bytes = std::vector<std::byte>;

/// What may happen next. `a` and `b` choose among its variants.
struct step {
    enum class kind : std::uint8_t {
        start,
        stop,
        flush,
        wait,
        wake,
        step_back,
        leap,
        open,
        respond,
        assign,
        damaged_assign,
        noise,
        text,
        part,
        ping,
        pong,
        alive,
        written,
        close,
        stale_event,
        complete,
        progress,
        stream,
        sample,
    };
    kind what{};
    std::uint32_t a = 0;
    std::uint32_t b = 0;
};

inline worker_config config_for(session_policy session) {
    worker_config config = default_config();
    config.session = session;
    if (session != session_policy::anonymous) {
        config.worker_id = "w-1";
    }
    config.outbox_bytes = 4096;
    config.stream_bytes = 1024;
    config.max_message_bytes = 8192;
    return config;
}

/// How messages reach the engine: whole, or in pieces of that many bytes.
struct chunking {
    std::size_t bytes = SIZE_MAX;
};

/// One engine and what must be true of it. Throws the first violation.
class model {
public:
    model(session_policy session, chunking parts, std::uint64_t seed)
        : session_{session}, parts_{parts},
          engine_{config_for(session).validate().value(), fake_signer(), seed} {}

    void take(const step& s) {
        perform(s);
        if ((s.a + s.b) % 5 != 0) { // now and then nobody polls between two calls
            drain();
            check_between_steps();
        }
    }
    /// Ends it whatever the state, and accounts for every outcome.
    void finish() {
        static_cast<void>(engine_.start(now_));
        drain();
        static_cast<void>(engine_.stop(end_reason::stop_requested, 5s, now_));
        for (int i = 0; i < 200 && !stopped_; ++i) {
            drain();
            for (const delivery& d : std::exchange(running_, {})) {
                answer(d);
            }
            drain();
            if (idle_.deadline != never) {
                advance_to(std::max(idle_.deadline, now_.monotonic));
            }
        }
        drain();
        require(stopped_, "I16, L4: a stopped worker ends whatever the peer does");
        require(live_ == 0, "I7: the end leaves no connection");
        const engine_counters& c = engine_.counters();
        require(engine_.outbox_bytes() == 0, "I10: the end leaves no outcome in the outbox");
        require(accepted_ + c.abandoned + c.refused == c.receipted + undeliverable_,
                "I10: each outcome is receipted or handed back");
        require(c.undeliverable == undeliverable_, "I10: what is handed back is counted");
    }

    [[nodiscard]] std::string log() const { return log_.str(); }

private:
    struct connection {
        bool opened = false;
        bool registered = false; // REGISTER is sent
        bool answered = false;
        bool closing = false;
        std::map<std::string, int> assigned; // messages that a terminal frame may answer, by task id
        std::map<std::string, int> answered_tasks;
    };

    static void require(bool held, const std::string& rule) {
        if (!held) {
            throw std::logic_error{rule};
        }
    }

    // --- Time ---

    void advance_to(monotonic_time t) {
        now_.wall += std::chrono::floor<std::chrono::milliseconds>(t - now_.monotonic);
        now_.monotonic = t;
    }

    // --- Steps ---

    void perform(const step& s) {
        using enum step::kind;
        const std::uint32_t current = engine_.generation();
        switch (s.what) {
        case start:
            static_cast<void>(engine_.start(now_, std::chrono::milliseconds{s.a % 3 * 100}));
            break;
        case stop:
            if (s.a % 4 == 0) { // or nothing else would ever happen
                const auto done =
                    engine_.stop(end_reason::stop_requested, std::chrono::seconds{s.b % 30}, now_);
                stop_accepted_ = stop_accepted_ || done.has_value();
            }
            break;
        case flush:
            engine_.flush(now_);
            break;
        case wait:
            advance_to(now_.monotonic + std::chrono::milliseconds{s.a % 4 == 0 ? s.b * 20 : s.b});
            engine_.tick(now_);
            break;
        case wake:
            if (idle_.deadline != never) {
                advance_to(std::max(idle_.deadline, now_.monotonic));
            }
            break;
        case step_back: {
            // Calls with an older time; the clock goes on from where it was.
            instant past = now_;
            past.monotonic -= std::chrono::seconds{s.a};
            past.wall -= std::chrono::hours{s.b};
            engine_.tick(past);
            break;
        }
        case leap:
            advance_to(now_.monotonic + std::chrono::seconds{s.a * 10});
            break;
        case open:
            if (live_ == current && !connections_[current].opened) {
                connections_[current].opened = true;
                engine_.opened(current, now_);
            }
            break;
        case respond:
            // A controller answers a registration; now and then one that never came.
            if (s.a % 8 == 0 || connections_[current].registered) {
                receive(response_frame(s.a % 5 == 0 ? static_cast<std::int32_t>(s.b) : 0));
            }
            break;
        case assign:
            receive(assign_frame({.id = "task-" + std::to_string(s.a % 4),
                                  .input = value{{"text", std::string(s.b % 200, 'x')}},
                                  .timeout_ms = s.b % 3 == 0 ? s.b : 0}));
            break;
        case damaged_assign: {
            bytes frame = assign_frame({.id = "task-" + std::to_string(s.a % 4)});
            frame[s.b % frame.size()] ^= static_cast<std::byte>(1 + s.a % 255);
            receive(frame);
            break;
        }
        case noise:
            receive(bytes(s.a % 20, static_cast<std::byte>(s.b)));
            break;
        case text:
            if (usable()) {
                engine_.received(current, message_kind::text, as_byte_span("hello"), true, 5, now_);
                incoming_.clear();
            }
            break;
        case part: {
            // A message that stops in the middle; the next one goes on from there, as far as the engine
            // knows.
            const bytes frame = assign_frame({.id = "task-" + std::to_string(s.a % 4)});
            receive_part(std::span{frame}.first(s.b % frame.size()), false);
            break;
        }
        case ping:
            if (usable()) {
                engine_.pinged(current, now_);
            }
            break;
        case pong:
            if (usable() && !pings_.empty()) {
                auto payload = pings_[s.a % 3 == 0 ? s.b % pings_.size() : pings_.size() - 1];
                if (s.a % 7 == 0) {
                    payload[s.b % payload.size()] ^= std::byte{1};
                }
                engine_.pong(current, payload, now_);
            }
            break;
        case alive:
            if (usable()) {
                engine_.alive(current, now_);
            }
            break;
        case written:
            write_done();
            break;
        case close:
            if (live_ == current && live_ != 0) {
                engine_.closed(current,
                               {.what = static_cast<link_end::kind>(s.a % 8),
                                .detail = "model",
                                .http_status = s.b % 2 == 0 ? 503 : 401,
                                .close_code = 1006},
                               now_);
                lose_link();
            }
            break;
        case stale_event: {
            const std::uint32_t old = current == 0 ? 7 : s.a % current;
            const auto stale = engine_.counters().stale_events;
            engine_.received(old, message_kind::binary, response_frame(), true, 0, now_);
            engine_.closed(old, {}, now_);
            engine_.sent(old, now_);
            require(engine_.counters().stale_events == stale + 3,
                    "I5: events of other connections change nothing");
            break;
        }
        case complete:
            if (!known_.empty()) {
                answer(known_[s.a % 3 == 0 ? s.b % known_.size() : known_.size() - 1]);
            }
            break;
        case progress:
            if (!known_.empty()) {
                static_cast<void>(
                    engine_.progress(known_.back(), (s.a % 1500) / 1000.0 - 0.2, "on it", now_));
            }
            break;
        case stream:
            if (!tasks_.empty()) {
                const assigned_task& task = tasks_[s.a % tasks_.size()];
                stream_item_writer item{task, 0.5F};
                item.data().member("text", std::string(s.b % 300, 's'));
                static_cast<void>(engine_.stream(task.name(), *std::move(item).finish(), now_));
            }
            break;
        case sample:
            engine_.set_usage({.cpu_percent = 50, .memory_used_mb = s.a, .gpu_utilization = 0});
            break;
        }
    }

    [[nodiscard]] bool usable() const {
        return live_ != 0 && live_ == engine_.generation() && connections_.at(live_).opened;
    }

    void receive(const bytes& message) {
        if (message.size() <= parts_.bytes) {
            receive_part(message, true);
            return;
        }
        for (std::size_t at = 0; at < message.size(); at += parts_.bytes) {
            const std::size_t size = std::min(parts_.bytes, message.size() - at);
            receive_part(std::span{message}.subspan(at, size), at + size == message.size());
        }
    }

    void receive_part(std::span<const std::byte> part, bool last) {
        if (!usable()) {
            return;
        }
        incoming_.insert(incoming_.end(), part.begin(), part.end());
        engine_.received(live_, message_kind::binary, part, last, 0, now_);
        if (last) {
            const auto frame = read_frame(incoming_);
            const auto* task = frame ? std::get_if<task_assign_view>(&*frame) : nullptr;
            const std::string_view id = task != nullptr ? task->task_id : salvage_task_id(incoming_);
            if (!id.empty()) {
                ++connections_[live_].assigned[std::string{id}];
                ++assigned_[std::string{id}];
            }
            if (frame && std::holds_alternative<register_response_view>(*frame) &&
                connections_[live_].registered) {
                connections_[live_].answered = true;
            }
            incoming_.clear();
        }
    }

    void write_done() {
        if (sending_ && live_ != 0) {
            sending_ = false;
            engine_.sent(live_, now_);
        }
    }

    outcome outcome_for(const delivery& d) {
        const auto task = std::ranges::find_if(tasks_, [&](const assigned_task& t) { return t.name() == d; });
        outcome_writer answer{*task};
        answer.result().member("serial", d.serial);
        return std::move(answer).complete();
    }

    void answer(const delivery& d) {
        const bool first = !answered_.contains(d.serial);
        const auto done = engine_.complete(d, outcome_for(d), now_);
        require(first || (!done && done.error() == misuse::stale_delivery),
                "I8, I11: a second answer to a delivery is stale");
        answered_.insert(d.serial);
        accepted_ += done ? 1U : 0U;
        std::erase(running_, d);
    }

    // --- Outputs ---

    void drain() {
        for (int outputs = 0;; ++outputs) {
            require(outputs < 500, "I20: a step has bounded work");
            engine_output out = engine_.poll(now_);
            if (const auto* idle = std::get_if<output::idle>(&out)) {
                idle_ = *idle;
                return;
            }
            require(!stopped_, "I6: nothing comes after the end");
            std::visit([this](auto& o) { check(o); }, out);
        }
    }

    connection& live(std::uint32_t generation, const char* what) {
        require(generation == live_ && live_ != 0,
                std::string{"I5, I6: no "} + what + " without its connection");
        connection& c = connections_[generation];
        require(!c.closing, std::string{"I6: no "} + what + " after a close");
        return c;
    }

    void check(output::idle&) {}
    void check(output::connect& o) {
        require(live_ == 0, "I7: one connection at a time");
        require(o.generation > last_generation_, "I5: generations only grow");
        live_ = last_generation_ = o.generation;
        connections_[live_] = {};
        incoming_.clear();
        sending_ = false;
        log_ << "connect " << o.generation << '\n';
    }
    void check(output::send& o) {
        connection& c = live(o.generation, "send");
        require(!sending_, "one send at a time");
        sending_ = true;
        require(c.opened, "I1: nothing before the upgrade");
        const auto frame = read_frame(o.bytes);
        require(frame.has_value(), "I14: what is sent can be read");
        log_ << "send " << as_text(o.bytes) << '\n';
        std::visit([&](const auto& view) { check_frame(c, view); }, *frame);
        if (!hold_writes()) {
            write_done();
        }
    }
    // Every third write takes until the next `written`.
    [[nodiscard]] bool hold_writes() { return ++writes_ % 3 == 0; }

    void check_frame(connection& c, const worker_register_view&) {
        require(!c.registered, "I1: REGISTER goes out once");
        c.registered = true;
    }
    void check_frame(connection& c, const heartbeat_view&) { check_registered(c); }
    void check_frame(connection& c, const task_progress_view& p) {
        check_registered(c);
        require(p.progress >= 0 && p.progress <= 1, "I18: progress is 0 to 1");
        const std::string id{p.task_id};
        require(c.answered_tasks[id] < c.assigned[id] || session_ == session_policy::stable,
                "I9: no progress after the end of its delivery");
    }
    void check_frame(connection& c, const task_complete_view& o) { check_end(c, o.task_id); }
    void check_frame(connection& c, const task_failed_view& o) { check_end(c, o.task_id); }
    template <typename Other>
    void check_frame(connection&, const Other&) {
        require(false, "I9: a worker sends no such frame");
    }
    void check_end(connection& c, std::string_view task_id) {
        check_registered(c);
        const std::string id{task_id};
        // A stable session may send again what an older connection was assigned.
        const int may = session_ == session_policy::stable ? assigned_[id] : c.assigned[id];
        require(++c.answered_tasks[id] <= may, "I8: at most one end for each assignment");
    }
    void check_registered(connection& c) {
        require(c.registered, "I1: REGISTER goes first");
        // The answer, or an assignment in its place when the answer never comes.
        require(c.answered || engine_.counters().unanswered_starts > 0, "I2: nothing before the answer");
    }

    void check(output::ping& o) {
        connection& c = live(o.generation, "ping");
        require(c.opened, "I1: no ping before the upgrade");
        require(!sending_, "I10: a ping does not overtake what it asks for");
        pings_.push_back(o.payload);
        log_ << "ping " << as_text(o.payload) << '\n';
    }
    void check(output::close& o) {
        live(o.generation, "second close").closing = true;
        require(o.code == 1000 || o.code == 1001 || o.code == 1002 || o.code == 1003 || o.code == 1008,
                "only codes that may be sent");
        log_ << "close " << o.code << '\n';
    }
    void check(output::abort& o) {
        require(o.generation == last_generation_, "I5: an abort is for the last connection");
        if (live_ == o.generation) {
            lose_link();
        }
        log_ << "abort " << o.generation << '\n';
    }
    void check(output::assigned& o) {
        require(!stop_accepted_, "I12: nothing begins after a stop");
        // The task of a stable session is still ours when its connection ends before we could begin.
        require(session_ == session_policy::stable || (live_ != 0 && connections_[live_].registered),
                "I12: nothing begins before the registration");
        tasks_.push_back(o.task);
        known_.push_back(o.task.name());
        require(serials_.insert(o.task.name().serial).second, "I12: a delivery begins once");
        require(unfinished_ == 0 || answered_.contains(unfinished_) || given_up_.contains(unfinished_) ||
                    engine_.counters().abandoned > 0,
                "I11: one running delivery");
        unfinished_ = o.task.name().serial;
        running_.push_back(o.task.name());
        log_ << "assigned " << o.task.id() << '\n';
    }
    void check(output::stop_task& o) {
        require(serials_.contains(o.task.serial), "I12: only what began is asked to stop");
        if (o.reason == stop_reason::connection_lost) {
            given_up_.insert(o.task.serial);
        }
        log_ << "stop " << o.task.serial << ' ' << to_string(o.reason) << '\n';
    }
    void check(output::writable& o) { log_ << "writable " << o.task.serial << '\n'; }
    void check(output::undeliverable& o) {
        require(!o.answer.empty(), "I10: what comes back is whole");
        ++undeliverable_;
        log_ << "undeliverable " << as_text(o.answer.frame()) << ' ' << to_string(o.how_sure) << '\n';
    }
    void check(output::sample_wanted&) { log_ << "sample\n"; }
    void check(output::state_changed& o) { log_ << "state " << to_string(o.state) << '\n'; }
    void check(output::disconnected& o) {
        require(o.generation == last_generation_ && told_ends_.insert(o.generation).second,
                "one end is told for each connection");
        live_ = 0;
        sending_ = false;
        log_ << "disconnected " << o.end.detail << ' ' << to_string(o.end.cause) << '\n';
    }
    void check(output::stopped& o) {
        stopped_ = true;
        log_ << "stopped " << to_string(o.reason) << '\n';
    }

    void lose_link() {
        live_ = 0;
        sending_ = false;
    }

    void check_between_steps() {
        require(idle_.deadline > now_.monotonic, "I20: a deadline that fired makes progress");
        require(engine_.outbox_bytes() <= 3 * 4096 + 64 * 512, "I19: the outbox is bounded");
        const engine_counters& c = engine_.counters();
        require(c.receipted + c.undeliverable <= accepted_ + c.abandoned + c.refused,
                "I10: no outcome leaves twice");
    }

    session_policy session_;
    chunking parts_;
    worker_engine engine_;
    instant now_{monotonic_time{1h}, wall_time{std::chrono::milliseconds{1'790'000'000'000}}};
    output::idle idle_;
    std::ostringstream log_;

    std::map<std::uint32_t, connection> connections_;
    std::set<std::uint32_t> told_ends_;
    std::uint32_t live_ = 0;
    std::uint32_t last_generation_ = 0;
    bool sending_ = false;
    int writes_ = 0;
    bytes incoming_;
    std::vector<std::array<std::byte, 16>> pings_;

    std::map<std::string, int> assigned_;
    std::vector<assigned_task> tasks_;
    std::vector<delivery> known_;
    std::vector<delivery> running_;
    std::set<std::uint64_t> serials_;
    std::set<std::uint64_t> answered_;
    std::set<std::uint64_t> given_up_;
    std::uint64_t unfinished_ = 0;
    std::uint64_t accepted_ = 0;
    std::uint64_t undeliverable_ = 0;
    bool stop_accepted_ = false;
    bool stopped_ = false;
};

} // namespace distworker::testing
