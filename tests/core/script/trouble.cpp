#include "trouble.hpp"

#include "core/engine_rig.hpp"

#include <array>

namespace distworker::testing {
namespace {

using namespace std::chrono_literals;

script_input input(std::string_view line) {
    return script_input{line};
}

// --- What makes no difference ---

std::vector<std::string> misuse_of_all_kinds(stage& s) {
    const delivery nobodys{.slot = 0, .generation = 77, .serial = 7'777};
    const assigned_task task{{}, {}, nobodys, never, buffer_pool::none()};
    stream_item_writer item{task, 0};
    stream_item taken = *std::move(item).finish();
    const instant now = s.now();
    bool refused = true;
    s.both([&](auto& plays) {
        refused = refused && !plays.complete(nobodys, outcome{}, now) &&
                  !plays.complete(nobodys, engine_rig::result_for(task), now) &&
                  !plays.progress(nobodys, 0.5, "", now) && !plays.stream(nobodys, std::move(taken), now) &&
                  (!s.engine(0).snapshot().started || !plays.start(now));
    });
    if (!refused) {
        throw broken_rule{"misuse is refused"};
    }
    return {s.is_group() ? "0.stale +1" : "stale +1"};
}

std::vector<std::string> events_of_other_connections(stage& s) {
    s.give(input("events_of_another"));
    return {s.is_group() ? "0.stale_events +7" : "stale_events +7"};
}

std::vector<std::string> a_time_that_steps_back(stage& s) {
    const bool began = s.engine(0).snapshot().at != monotonic_time{};
    if (began) {
        s.give(input("back 1h"));
    }
    return began && !s.is_group() ? std::vector<std::string>{"clock_steps_back +1"}
                                  : std::vector<std::string>{};
}

std::vector<std::string> a_time_of_day_that_steps(stage& s) {
    s.give(input("wall -1h"));
    return {};
}

std::vector<std::string> a_call_without_need(stage& s) {
    if (s.engine(0).snapshot().at == s.now().monotonic) { // else it would be the first to tell the time
        s.both([&](auto& plays) { plays.tick(s.now()); });
    }
    return {};
}

constexpr std::array<harmless, 5> all_harmless{{
    {"misuse", misuse_of_all_kinds},
    {"events of other connections", events_of_other_connections},
    {"a time that steps back", a_time_that_steps_back},
    {"a time of day that steps back", a_time_of_day_that_steps},
    {"a call without need", a_call_without_need},
}};

// --- What does ---

template <const char* const& Line>
bool give(stage& s) {
    static const script_input what{Line};
    return s.give(what);
}

constexpr const char* name_resolution = "closed name_resolution";
constexpr const char* connect_refused = "closed connect";
constexpr const char* tls = "closed tls";
constexpr const char* unauthorized = "closed upgrade status=401";
constexpr const char* unavailable = "closed upgrade status=503 retry_after=120s";
constexpr const char* broken_framing = "closed protocol";
constexpr const char* peer_close = "closed peer_close code=1001";
constexpr const char* cut = "closed lost";
constexpr const char* signer_fails = "signer fails";
constexpr const char* stop = "stop stop_requested 10s";
constexpr const char* stop_now = "stop signal 0s";
constexpr const char* pause = "pause";
constexpr const char* leap = "leap 1h";
constexpr const char* short_leap = "leap 6s";
constexpr const char* flood = "repeat 100 text";
constexpr const char* stuck_writes = "writes held";

bool cut_and_unsigned(stage& s) {
    s.set_signer_failures(1);
    return give<cut>(s) || true;
}

// The peer says nothing any more, until the engine has had enough of it.
bool silence(stage& s) {
    const std::uint32_t generation = s.peer_of(0).generation;
    static const script_input wait{"wait"};
    for (int i = 0; i < 1'000 && generation != 0 && s.peer_of(0).generation == generation; ++i) {
        s.give(wait);
        s.take();
    }
    return generation != 0;
}

constexpr std::array<trouble, 18> all_troubles{{
    {"the name cannot be resolved", give<name_resolution>},
    {"the connection is refused", give<connect_refused>},
    {"TLS fails", give<tls>},
    {"the upgrade is answered 401", give<unauthorized>},
    {"the upgrade is answered 503", give<unavailable>},
    {"the peer breaks the framing", give<broken_framing>},
    {"the peer closes", give<peer_close>},
    {"the connection is cut", give<cut>},
    {"the signer fails once", cut_and_unsigned},
    {"stop", give<stop>},
    {"stop at once", give<stop_now>},
    {"pause", give<pause>},
    {"an hour passes unseen", give<leap>},
    {"six seconds pass unseen", give<short_leap>},
    {"a hundred text messages", give<flood>},
    {"writes take for ever", give<stuck_writes>},
    {"silence", silence},
    {"nothing", [](stage&) { return true; }},
}};

// --- And then ---

// A controller and an application that mean well.
class well_meaning {
public:
    explicit well_meaning(stage& on) : stage_{&on} {}

    void settle() {
        stage_->set_signer_failures(0);
        until([this] { return stage_->watched().over() || at_rest(); });
    }
    void run_one_more_task() {
        if (stage_->watched().over()) {
            return;
        }
        const std::uint64_t before = stage_->counters().receipted;
        script_input task{"assign one-more"};
        for (task.slot = 0; stage_->engine(*task.slot).state() != engine_state::ready;) {
            ++*task.slot; // there is one, for all are at rest and it is not over
        }
        stage_->give(task);
        settle();
        if (!stage_->watched().over() && stage_->counters().receipted != before + 1) {
            throw broken_rule{"L2: one more task runs to its receipt"};
        }
    }
    void end() {
        if (!stage_->watched().over()) {
            stage_->give(input("stop stop_requested 5s"));
        }
        until([this] { return stage_->watched().over(); });
        stage_->watched().check_end(stage_->counters(), stage_->outbox_bytes());
    }

private:
    template <typename Reached>
    void until(Reached reached) {
        for (int i = 0; i < 1'000; ++i) {
            stage_->take();
            if (reached()) {
                return;
            }
            help();
        }
        throw broken_rule{"L1, L4: it never gets any further, from " +
                          std::string{to_string(stage_->engine(0).state())}};
    }

    [[nodiscard]] bool at_rest() const {
        bool rests = stage_->watched().unanswered().empty();
        for (std::uint32_t slot = 0; slot < stage_->slots(); ++slot) {
            const engine_snapshot now = stage_->engine(slot).snapshot();
            rests = rests && (now.state == engine_state::stopped || now.state == engine_state::ready) &&
                    now.queued == 0 && now.written == 0;
        }
        return rests;
    }

    // One thing that is due, of whoever owes it; if nobody owes anything, time passes.
    void help() {
        bool done = false;
        for (std::uint32_t slot = 0; slot < stage_->slots(); ++slot) {
            done = help(slot) || done;
        }
        static const script_input wait{"wait"};
        if (!done && !stage_->give(wait)) {
            throw broken_rule{"L1, L4: nothing is due, and it waits for nothing"};
        }
    }

    bool help(std::uint32_t slot) {
        const stage::peer& peer = stage_->peer_of(slot);
        return (stage_->engine(slot).state() == engine_state::paused && give(slot, "resume")) ||
               (peer.generation != 0 && !peer.opened && give(slot, "opened")) ||
               (peer.write_held && give(slot, "sent")) || (peer.registering && give(slot, "respond")) ||
               (peer.opened && peer.pings != peer.pongs && give(slot, "pong")) || answer_one(slot);
    }

    bool answer_one(std::uint32_t slot) {
        for (const delivery& task : stage_->watched().unanswered()) {
            if (task.slot == slot) {
                return give(slot, "complete #" + std::to_string(task.serial));
            }
        }
        return false;
    }

    bool give(std::uint32_t slot, const std::string& line) {
        script_input what{line};
        what.slot = slot;
        return stage_->give(what);
    }

    stage* stage_;
};

} // namespace

std::span<const harmless> everything_harmless() noexcept {
    return all_harmless;
}

std::span<const trouble> every_trouble() noexcept {
    return all_troubles;
}

std::string survive(const script& plays, std::size_t at, const trouble& what, bool with_the_rest) {
    stage s{plays, {.strict = false}};
    const auto give = [&s](const script_step& step) {
        s.give(step.input);
        if (step.input.polled) {
            s.take();
        }
    };
    try {
        for (std::size_t i = 0; i < at; ++i) {
            give(plays.steps[i]);
        }
        if (!what.happens(s)) {
            return {};
        }
        s.take();
        for (std::size_t i = at; with_the_rest && i < plays.steps.size(); ++i) {
            give(plays.steps[i]);
        }
        static const script_input start{"start"};
        s.give(start); // if nothing has begun
        static const script_input writes{"writes free"};
        s.give(writes);
        static const script_input clock{"wall 20260102T030405Z"};
        s.give(clock);
        static const script_input release{"release_connects"};
        if (!s.is_group()) { // a group does so itself
            s.give(release);
        }
        well_meaning peer{s};
        peer.settle();
        peer.run_one_more_task();
        peer.end();
    } catch (const broken_rule& broken) {
        return plays.steps[at].place + ": " + plays.title + "\n" + std::string{what.name} + " at '" +
               plays.steps[at].input.line + "'" + (with_the_rest ? ", then the rest" : "") + ": " +
               broken.what();
    }
    return {};
}

} // namespace distworker::testing
