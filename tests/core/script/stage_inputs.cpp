// What each input of a script does.
#include "core/engine_rig.hpp"
#include "payload.hpp"
#include "stage.hpp"
#include "words.hpp"

#include <distworker/overloaded.hpp>

namespace distworker::testing {
namespace {

using std::chrono::nanoseconds;

nanoseconds time_or_zero(std::string_view word) {
    return word.empty() ? nanoseconds::zero() : time_of(word);
}

std::string_view unquoted(std::string_view text) {
    return text.size() >= 2 && text.front() == '"' ? text.substr(1, text.size() - 2) : text;
}

worker_health health_of(std::string_view word) {
    return word == "up" ? worker_health::up : word == "down" ? worker_health::down : worker_health::warn;
}

} // namespace

const std::map<std::string, stage::deed, std::less<>>& stage::deeds() {
    using in = const script_input&;
    using slot = std::uint32_t;
    // A call that may be refused; an event of a connection that is up.
    static const auto call = [](auto act) {
        return [act](stage& s, slot, in i) {
            s.answer(s.both([&](auto& plays) { return act(s, plays, i); }));
            return true;
        };
    };
    static const auto event = [](auto act) {
        return [act](stage& s, slot at, in i) {
            if (s.connected(at)) {
                act(s, at, i);
            }
            return s.connected(at);
        };
    };
    static const auto change = [](auto act) {
        return [act](stage& s, slot at, in i) {
            act(s, at, i);
            return true;
        };
    };
    static const std::map<std::string, deed, std::less<>> all{
        {"start",
         [](stage& s, slot, in i) {
             s.answer(s.both(overloaded{
                 [&](worker_engine& e) { return e.start(s.now_, time_or_zero(i.at(0))); },
                 [&](worker_group& g) { return g.start(s.now_); },
             }));
             return true;
         }},
        {"stop", call([](stage& s, auto& plays, in i) {
             stop_limits limits{time_of(i.at(1))};
             if (const auto close = i.named("close")) {
                 limits.close = time_of(*close);
             }
             const auto done = plays.stop(value_named<end_reason>(i.at(0)), limits, s.now_);
             if (done) {
                 s.watch_.stopping();
             }
             return done;
         })},
        {"pause", call([](stage& s, auto& plays, in) { return plays.pause(s.now_); })},
        {"resume", call([](stage& s, auto& plays, in) { return plays.resume(s.now_); })},
        {"set_slots",
         [](stage& s, slot, in i) {
             s.answer(std::get<worker_group>(s.plays_).set_slots(number_of<slot>(i.at(0)), s.now_));
             return true;
         }},
        {"flush", change([](stage& s, slot, in) { s.both([&](auto& plays) { plays.flush(s.now_); }); })},
        {"hold_connects",
         change([](stage& s, slot at, in) { s.on(at, [&](worker_engine& e) { e.hold_connects(s.now_); }); })},
        {"release_connects", change([](stage& s, slot at, in i) {
             s.on(at, [&](worker_engine& e) { e.release_connects(time_or_zero(i.at(0)), s.now_); });
         })},
        {"health", change([](stage& s, slot, in i) {
             s.both([&](auto& plays) { plays.set_health(health_of(i.at(0))); });
         })},
        {"usage", change([](stage& s, slot, in i) {
             const resource_usage usage{
                 .cpu_percent = number_of<std::int16_t>(i.named("cpu").value_or("0")) * 1.0F,
                 .memory_used_mb = number_of<std::int64_t>(i.named("memory").value_or("0"))};
             s.both([&](auto& plays) { plays.set_usage(usage); });
         })},

        {"opened",
         [](stage& s, slot at, in) {
             peer& link = s.peers_[at];
             if (link.generation == 0 || std::exchange(link.opened, true)) {
                 return false;
             }
             s.watch_.opened(at);
             s.on(at, [&](worker_engine& e) { e.opened(link.generation, s.now_); });
             return true;
         }},
        {"alive", event([](stage& s, slot at, in i) {
             instant when = s.now_;
             when.monotonic -= time_or_zero(i.named("early").value_or(""));
             s.on(at, [&](worker_engine& e) { e.alive(s.peers_[at].generation, when); });
         })},
        {"pinged", event([](stage& s, slot at, in) {
             s.on(at, [&](worker_engine& e) { e.pinged(s.peers_[at].generation, s.now_); });
         })},
        {"sent",
         [](stage& s, slot at, in) {
             peer& link = s.peers_[at];
             if (!std::exchange(link.write_held, false)) {
                 return false;
             }
             s.watch_.written(at);
             s.on(at, [&](worker_engine& e) { e.sent(link.generation, s.now_); });
             return true;
         }},
        {"events_of_another", change([](stage& s, slot at, in) { s.events_of_another(at); })},
        {"closed", [](stage& s, slot at, in i) { return s.close(at, i); }},
        {"respond", event([](stage& s, slot at, in i) {
             byte_buffer frame;
             write_register_response(frame, number_of<std::int32_t>(i.named("idle_time").value_or("0")));
             if (std::exchange(s.peers_[at].registering, false)) {
                 s.watch_.answered(at);
             }
             s.receive(at, frame.bytes(), message_kind::binary, true, 0);
         })},
        {"assign", event([](stage& s, slot at, in i) { s.assign(at, i); })},
        {"begin", event([](stage& s, slot at, in i) { s.begin(at, i); })},
        {"go_on", [](stage& s, slot at, in) { return s.go_on(at); }},
        {"empty_part",
         event([](stage& s, slot at, in) { s.receive(at, {}, message_kind::binary, false, 0); })},
        {"noise", event([](stage& s, slot at, in i) {
             s.receive(at, std::vector<std::byte>(number_of<std::size_t>(i.at(0))), message_kind::binary,
                       true, 0);
         })},
        {"text", event([](stage& s, slot at, in) {
             s.receive(at, as_byte_span("hello"), message_kind::text, true, 0);
         })},
        {"pong", [](stage& s, slot at, in i) { return s.pong(at, i); }},

        {"complete", [](stage& s, slot at, in i) { return s.complete(at, i); }},
        {"fail", [](stage& s, slot at, in i) { return s.fail(at, i); }},
        {"progress", [](stage& s, slot at, in i) { return s.progress(at, i); }},
        {"stream", [](stage& s, slot at, in i) { return s.stream(at, i); }},

        {"pass", [](stage& s, slot, in i) { return s.pass(time_of(i.at(0))); }},
        {"wait", [](stage& s, slot, in) { return s.wait(); }},
        {"leap", change([](stage& s, slot, in i) { s.advance(time_of(i.at(0))); })},
        {"back", change([](stage& s, slot, in i) {
             const instant past{s.now_.monotonic - time_of(i.at(0)),
                                s.now_.wall -
                                    std::chrono::floor<std::chrono::milliseconds>(time_of(i.at(0)))};
             s.both([&](auto& plays) { plays.tick(past); });
         })},
        {"live", change([](stage& s, slot, in i) { s.live(time_of(i.at(0))); })},
        {"wall", change([](stage& s, slot, in i) { s.wall(i.at(0)); })},
        {"writes", change([](stage& s, slot, in i) { s.hold_writes_ = i.at(0) == "held"; })},
        {"signer",
         change([](stage& s, slot, in i) { *s.signer_failures_ = i.at(0) == "fails" ? 1'000 : 0; })},
    };
    return all;
}

void stage::answer(const std::expected<void, misuse>& done) {
    if (!done) {
        lines_.push_back(std::string{"refused "} + to_string(done.error()));
    }
}

void stage::receive(std::uint32_t slot, std::span<const std::byte> message, message_kind kind, bool last,
                    std::uint64_t announced) {
    const std::uint32_t generation = peers_[slot].generation;
    do {
        const auto part = message.first(std::min(how_.part_bytes, message.size()));
        message = message.subspan(part.size());
        on(slot, [&](worker_engine& e) {
            e.received(generation, kind, part, last && message.empty(), announced, now_);
        });
    } while (!message.empty());
}

void stage::assign(std::uint32_t slot, const script_input& input) {
    watch_.assigning(slot, input.at(0));
    receive(slot, assignment_of(input), message_kind::binary, true,
            number_of<std::uint64_t>(input.named("announced").value_or("0")));
}

void stage::begin(std::uint32_t slot, const script_input& input) {
    watch_.assigning(slot, input.at(0));
    std::vector<std::byte>& rest = peers_[slot].begun;
    rest = assignment_of(input);
    const auto size = static_cast<std::ptrdiff_t>(number_of<std::size_t>(input.at(1)));
    const std::vector<std::byte> first(rest.begin(), rest.begin() + size);
    rest.erase(rest.begin(), rest.begin() + size);
    receive(slot, first, message_kind::binary, false, 0);
}

void stage::events_of_another(std::uint32_t slot) {
    on(slot, [&](worker_engine& e) {
        const std::uint32_t other = e.generation() + 7;
        e.opened(other, now_);
        e.received(other, message_kind::binary, response_frame(), true, 0, now_);
        e.pinged(other, now_);
        e.pong(other, {}, now_);
        e.alive(other, now_);
        e.sent(other, now_);
        e.closed(other, {}, now_);
    });
}

bool stage::go_on(std::uint32_t slot) {
    const auto rest = std::exchange(peers_[slot].begun, {});
    if (!connected(slot) || rest.empty()) {
        return false;
    }
    receive(slot, rest, message_kind::binary, true, 0);
    return true;
}

bool stage::close(std::uint32_t slot, const script_input& input) {
    const std::uint32_t generation = std::exchange(peers_[slot], {}).generation;
    if (generation == 0) {
        return false;
    }
    watch_.lost(slot);
    on(slot, [&](worker_engine& e) { e.closed(generation, end_of(input), now_); });
    return true;
}

bool stage::pong(std::uint32_t slot, const script_input& input) {
    peer& at = peers_[slot];
    if (!at.opened || at.pings == 0) {
        return false;
    }
    auto payload = at.payload;
    if (input.at(0) == "wrong") {
        payload[0] ^= std::byte{1};
    } else {
        at.pongs = input.at(0).empty() ? at.pings : number_of<std::uint64_t>(input.at(0));
        std::memcpy(payload.data() + sizeof at.pongs, &at.pongs, sizeof at.pongs);
    }
    on(slot, [&](worker_engine& e) { e.pong(at.generation, payload, now_); });
    return true;
}

const assigned_task* stage::task_of(std::uint32_t slot, const script_input& input) const {
    if (!input.at(0).starts_with('#')) {
        throw script_error{"a delivery is named by # and its serial"};
    }
    const auto found = tasks_.find({slot, number_of<std::uint64_t>(input.at(0).substr(1))});
    return found == tasks_.end() ? nullptr : &found->second;
}

bool stage::give_outcome(const delivery& task, outcome answer_given) {
    const bool whole = !answer_given.empty();
    const auto done = both([&](auto& plays) { return plays.complete(task, std::move(answer_given), now_); });
    if (whole) {
        watch_.completed(task, done.has_value());
    }
    answer(done);
    return true;
}

bool stage::complete(std::uint32_t slot, const script_input& input) {
    const assigned_task* const task = task_of(slot, input);
    return task != nullptr && give_outcome(task->name(), outcome_of(*task, input));
}

bool stage::fail(std::uint32_t slot, const script_input& input) {
    const assigned_task* const task = task_of(slot, input);
    return task != nullptr &&
           give_outcome(task->name(), outcome_writer{*task}.fail(input.at(1), unquoted(input.at(2))));
}

bool stage::progress(std::uint32_t slot, const script_input& input) {
    const assigned_task* const task = task_of(slot, input);
    if (task == nullptr) {
        return false;
    }
    const double fraction = std::stod(std::string{input.at(1)});
    answer(both(
        [&](auto& plays) { return plays.progress(task->name(), fraction, unquoted(input.at(2)), now_); }));
    return true;
}

bool stage::stream(std::uint32_t slot, const script_input& input) {
    const assigned_task* const task = task_of(slot, input);
    if (task == nullptr) {
        return false;
    }
    answer(both([&](auto& plays) { return plays.stream(task->name(), item_of(*task, input), now_); }));
    return true;
}

void stage::wall(std::string_view to) {
    if (to.starts_with('+') || to.starts_with('-')) {
        const auto by = std::chrono::floor<std::chrono::milliseconds>(time_of(to.substr(1)));
        now_.wall += to.front() == '+' ? by : -by;
    } else {
        const auto date = parse_signing_date(to);
        if (!date) {
            throw script_error{"'" + std::string{to} + "' is no date"};
        }
        now_.wall = *date;
    }
}

} // namespace distworker::testing
