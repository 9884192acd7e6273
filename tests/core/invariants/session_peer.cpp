// What may happen to the model's worker: its application, its clocks and its connections.
#include "core/engine_rig.hpp"
#include "core/invariants/engine_anatomy.hpp"
#include "core/invariants/session_model.hpp"
#include "core/invariants/wild_bytes.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace distworker::testing {
namespace {

template <typename List>
auto pick(const List& from, std::uint32_t by) {
    return from[by % from.size()];
}

std::string id_of(std::uint32_t by) {
    return by % 97 == 96 ? std::string(max_task_id_bytes, 'x') : "task-" + std::to_string(by % 4);
}

std::int64_t timeout_of(std::uint32_t by) {
    constexpr std::array<std::int64_t, 8> rare{
        1, -1, INT64_MIN, INT64_MAX, INT64_MAX / 1'000'000, INT64_MAX / 1'000'000 + 1, 3'600'000, 5};
    return by % 3 != 0 ? 0 : by % 5 == 0 ? pick(rare, by / 15) : by;
}

std::int32_t idle_time_of(std::uint32_t by) {
    constexpr std::array<std::int32_t, 6> rare{INT32_MIN, -1, 1, INT32_MAX, 60, 3};
    return by % 4 != 0 ? 0 : pick(rare, by / 4);
}

std::vector<std::byte> assignment(std::uint32_t a, std::uint32_t b) {
    return assign_frame(
        {.id = id_of(a), .input = value{{"text", std::string(b % 200, 'x')}}, .timeout_ms = timeout_of(b)});
}

} // namespace

void session_model::perform(const step& s, std::uint32_t slot) {
    using enum step::kind;
    if (peers_.empty()) { // nothing but a start can come first
        give(input::start{});
    } else if (s.what <= refuse_signing) {
        perform_call(s, slot);
    } else if (s.what <= step_wall) {
        perform_time(s);
    } else if (s.what == stale) {
        perform_stale(s, slot);
    } else {
        perform_event(s, slot);
    }
}

// --- The application ---

void session_model::perform_call(const step& s, std::uint32_t slot) {
    using enum step::kind;
    const std::deque<assigned_task>& tasks = peers_[slot].tasks;
    // Mostly the latest task.
    const auto task = [&] { return tasks[s.a % 3 == 0 ? s.b % tasks.size() : tasks.size() - 1]; };
    switch (s.what) {
    case start:
        give(input::start{});
        break;
    case stop:
        if (s.a % 4 == 0) { // or nothing else would ever happen
            give(input::stop{s.b % 2 == 0 ? end_reason::stop_requested : end_reason::signal,
                             std::chrono::seconds{s.b % 30}});
        }
        break;
    case pause:
        give(input::pause{});
        break;
    case resume:
        give(input::resume{});
        break;
    case flush:
        give(input::flush{});
        break;
    case set_slots:
        give(input::set_slots{s.a % 50 == 0 ? 0 : 1 + s.b % 4});
        break;
    case health:
        give(input::set_health{static_cast<worker_health>(s.b % 4)});
        give(input::set_usage{
            slot,
            {.cpu_percent = static_cast<float>(s.b % 100), .memory_used_mb = s.a, .gpu_utilization = 0}});
        break;
    case complete:
        if (!tasks.empty()) {
            answer(task(), s);
        }
        break;
    case progress:
        if (!tasks.empty()) {
            update(task(), s);
        }
        break;
    case stream:
        if (!tasks.empty()) {
            stream_item_writer item{task(), 0.5F};
            item.data().member("text", std::string(s.b % 300, 's')).member("n", ++texts_);
            stream_item made = s.b % 40 == 0 ? stream_item{} : *std::move(item).finish();
            give(input::stream{task().name(), &made});
        }
        break;
    case refuse_signing:
        desk_.refuse_next();
        break;
    default:
        break;
    }
}

void session_model::answer(const assigned_task& task, const step& s) {
    outcome_writer writer{task};
    writer.result().member("n", ++texts_).member("text", std::string(s.b % 17 == 0 ? s.a * 3 : 0, 'r'));
    outcome made = s.b % 40 == 1  ? outcome{}
                   : s.b % 5 == 2 ? std::move(writer).fail("CODE-" + std::to_string(texts_), "went wrong")
                                  : std::move(writer).complete();
    delivery name = task.name();
    name.serial += s.a % 50 == 49 ? 1'000'000 : 0; // a name that was never given
    give(input::complete{name, &made});
}

void session_model::update(const assigned_task& task, const step& s) {
    constexpr std::array rare{std::numeric_limits<double>::quiet_NaN(),
                              std::numeric_limits<double>::infinity(), -0.0, 1e300};
    const double fraction = s.b % 10 == 0 ? pick(rare, s.b / 10) : (s.b % 1500) / 1000.0 - 0.2;
    const std::string text = "update " + std::to_string(++texts_) + (s.b % 7 == 0 ? " \xC3" : "");
    give(input::progress{task.name(), fraction, text});
}

// --- Time ---

void session_model::perform_time(const step& s) {
    using enum step::kind;
    switch (s.what) {
    case wait:
        advance_to(saturating_add(now_.monotonic, std::chrono::milliseconds{s.a % 4 == 0 ? s.b * 20 : s.b}));
        if (s.a % 3 == 0) {
            give(input::tick{});
        }
        break;
    case wake:
        if (idle_.deadline != never) {
            advance_to(std::max(idle_.deadline, now_.monotonic));
        }
        break;
    case step_back: {
        // Calls with an older time; the clock goes on from where it was.
        const instant ahead = now_;
        now_.monotonic = saturating_add(now_.monotonic, -std::chrono::seconds{s.a});
        give(input::tick{});
        now_ = ahead;
        break;
    }
    case leap:
        advance_to(saturating_add(now_.monotonic,
                                  s.b % 20 == 0 ? std::chrono::hours{s.a} : std::chrono::seconds{s.a * 10}));
        break;
    case step_wall:
        now_.wall = s.b % 10 == 0 ? wall_time{} // a clock that is not set
                                  : wall_time{1'790'000'000s + std::chrono::hours{s.a}};
        break;
    default:
        break;
    }
}

// --- The connection ---

void session_model::receive(std::uint32_t slot, std::span<const std::byte> content, bool whole,
                            message_kind kind, std::uint64_t announced) {
    if (!peers_[slot].opened) {
        return;
    }
    for (std::size_t at = 0; at < content.size() || at == 0; at += chunk_) {
        const std::size_t size = std::min(chunk_, content.size() - at);
        const bool last = at + size == content.size();
        give(input::received{slot, peers_[slot].generation, kind, content.subspan(at, size), whole && last,
                             announced});
        if (last) {
            break;
        }
    }
}

void session_model::write_done(std::uint32_t slot) {
    if (std::exchange(peers_[slot].writing, false)) {
        give(input::sent{slot, peers_[slot].generation});
    }
}

void session_model::lose(std::uint32_t slot, const step& s) {
    constexpr std::array statuses{503, 401, 403, 0, 429};
    link_end end{.what = static_cast<link_end::kind>(s.a % 8),
                 .detail = "model",
                 .http_status = pick(statuses, s.b),
                 .close_code = 1006};
    if (s.b % 5 == 0) {
        constexpr std::array<std::int64_t, 5> waits{0, -1, 7, 1'000'000'000'000, INT64_MIN};
        end.retry_after = std::chrono::seconds{pick(waits, s.b / 5)};
        end.clock_skew = end.retry_after;
    }
    give(input::closed{slot, peers_[slot].generation, end});
    peers_[slot].asked = peers_[slot].opened = peers_[slot].writing = false;
}

void session_model::perform_event(const step& s, std::uint32_t slot) {
    using enum step::kind;
    peer& p = peers_[slot];
    switch (s.what) {
    case open:
        if (p.asked && (!p.opened || s.a % 16 == 0)) {
            p.opened = true;
            give(input::opened{slot, p.generation});
        }
        break;
    case respond:
        receive(slot, response_frame(idle_time_of(s.b)));
        break;
    case assign:
        receive(slot, assignment(s.a, s.b));
        break;
    case damaged_assign: {
        bytes frame = assignment(s.a, s.b);
        frame[s.b % frame.size()] ^= static_cast<std::byte>(1 + s.a % 255);
        receive(slot, frame);
        break;
    }
    case wild:
        receive(slot, wild_bytes(s.a * 1000ULL + s.b));
        break;
    case noise:
        receive(slot, bytes(s.a % 20, static_cast<std::byte>(s.b)));
        break;
    case burst:
        for (std::uint32_t i = 0; i < 110 && s.a % 4 == 0; ++i) {
            receive(slot, s.b % 3 == 0   ? bytes(3, std::byte{0xFF})
                          : s.b % 3 == 1 ? assign_frame({.id = "burst-" + std::to_string(i)})
                                         : assign_frame({.id = "task-1"}));
        }
        break;
    case text:
        receive(slot, as_byte_span("hello"), true, message_kind::text);
        break;
    case part: {
        const bytes frame = assignment(s.a, s.b);
        receive(slot, std::span{frame}.first(s.b % frame.size()), false);
        break;
    }
    case large: {
        const std::uint64_t limit = config_->max_message_bytes;
        const bool announced_only = s.b % 2 == 0 || limit > 10'000;
        const bytes frame = assign_frame(
            {.id = id_of(s.a),
             .input =
                 value{{"text", std::string(announced_only ? 10 : static_cast<std::size_t>(limit), 'x')}}});
        receive(slot, frame, true, message_kind::binary,
                announced_only ? (s.b % 4 == 0 ? limit + 1 : UINT64_MAX) : 0);
        break;
    }
    case ping:
        if (p.opened) {
            give(input::pinged{slot, p.generation});
        }
        break;
    case pong:
        if (p.opened && !p.pings.empty()) {
            auto payload = p.pings[s.a % 3 == 0 ? s.b % p.pings.size() : p.pings.size() - 1];
            if (s.a % 7 == 0) {
                payload[s.b % payload.size()] ^= std::byte{1};
            }
            give(input::pong{slot, p.generation, std::span{payload}.first(s.a % 50 == 1 ? 15 : 16)});
        }
        break;
    case old_pong:
        if (p.opened && !p.old_pings.empty()) {
            give(input::pong{slot, p.generation, p.old_pings[s.a % p.old_pings.size()]});
        }
        break;
    case alive:
        if (p.opened) {
            give(input::alive{slot, p.generation});
        }
        break;
    case written:
        write_done(slot);
        break;
    case close:
        if (p.asked) {
            lose(slot, s);
        }
        break;
    default:
        break;
    }
}

void session_model::perform_stale(const step& s, std::uint32_t slot) {
    const std::uint32_t generation = peers_[slot].generation;
    const std::uint32_t old = s.a % 3 == 0 || generation == 0 ? generation + 1 + s.b % 5 : s.b % generation;
    const bytes message = assignment(s.a, s.b);
    give(input::alive{slot, old}); // the time may be new, and somebody is to look
    const std::uint64_t before = engine_anatomy::fingerprint_of(worker_->slot(slot));
    give(input::opened{slot, old});
    give(input::received{slot, old, message_kind::binary, message, s.b % 2 == 0, 0});
    give(input::pinged{slot, old});
    give(input::sent{slot, old});
    if (!peers_[slot].pings.empty()) {
        give(input::pong{slot, old, peers_[slot].pings.back()});
    }
    give(input::closed{slot, old, {}});
    book_->check(5, engine_anatomy::fingerprint_of(worker_->slot(slot)) == before,
                 "events of other connections change nothing at all");
}

} // namespace distworker::testing
