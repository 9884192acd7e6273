#include "core/invariants/explored_slot.hpp"

#include "core/engine_rig.hpp"
#include "core/invariants/engine_anatomy.hpp"
#include "core/invariants/subject.hpp"

#include <distworker/overloaded.hpp>

#include <algorithm>
#include <string>

namespace distworker::testing {
namespace {

constexpr std::uint64_t engine_seed = 11;

valid_worker_config config_of(session_policy session) {
    worker_config config = default_config();
    config.session = session;
    if (session != session_policy::anonymous) {
        config.worker_id = "w-1";
    }
    return config.validate().value();
}

} // namespace

std::string_view to_string(slot_event event) noexcept {
    constexpr std::array<std::string_view, slot_events_and_polls> names{
        "start",    "opened", "answered", "assign_a", "assign_b", "damaged", "complete", "late",
        "progress", "stream", "pong",     "hold",     "written",  "closed",  "refused",  "pinged",
        "wake",     "stop",   "pause",    "resume",   "flush",    "stale",   "poll",     "rest"};
    return names[static_cast<std::size_t>(event)];
}

explored_slot::explored_slot(session_policy session, rulebook& book)
    : config_{config_of(session)}, desk_{false}, engine_{config_, desk_.sign(), engine_seed},
      watch_{config_, book}, book_{&book},
      now_{monotonic_time{std::chrono::hours{1}}, wall_time{std::chrono::milliseconds{1'790'000'000'000}}} {}

// The desk is shared: it is looked at after each poll, and nothing of it stays.
explored_slot::explored_slot(const explored_slot& other)
    : config_{other.config_}, desk_{other.desk_}, engine_{engine_anatomy::copy(other.engine_, desk_.sign())},
      watch_{other.watch_}, book_{other.book_}, now_{other.now_}, deadline_{other.deadline_},
      generation_{other.generation_}, asked_{other.asked_}, opened_{other.opened_}, writing_{other.writing_},
      hold_{other.hold_}, ping_{other.ping_}, old_ping_{other.old_ping_}, first_{other.first_},
      latest_{other.latest_}, updates_{other.updates_} {}

std::uint64_t explored_slot::state() const {
    fingerprint all;
    engine_anatomy::add_to(all, engine_); // from here on times are counted from its own
    all.add(watch_, now_.monotonic, deadline_, generation_, asked_, opened_, writing_, hold_, ping_,
            old_ping_, first_ ? first_->name().serial : 0, latest_ ? latest_->name().serial : 0, updates_);
    return all.value();
}

void explored_slot::give(const group_input& what) {
    watch_.giving(what, engine_);
    watch_.gave(what, testing::give(engine_, what, now_), engine_, now_);
}

bool explored_slot::poll_once() {
    const engine_output out = engine_.poll(now_);
    watch_.took(out, desk_.take(), engine_, now_);
    if (const auto* const idle = std::get_if<output::idle>(&out)) {
        deadline_ = idle->deadline;
        return false;
    }
    react(out);
    return true;
}

void explored_slot::drain() {
    for (int outputs = 0; poll_once(); ++outputs) {
        if (outputs == 1000) {
            book_->check(20, false, "it never comes to rest");
            return;
        }
    }
}

void explored_slot::react(const engine_output& out) {
    std::visit(overloaded{
                   [&](const output::connect& o) {
                       generation_ = o.generation;
                       asked_ = true;
                       opened_ = writing_ = false;
                       old_ping_ = ping_ ? ping_ : old_ping_;
                       ping_.reset();
                   },
                   [&](const output::send&) {
                       writing_ = true;
                       if (!hold_) {
                           write_done();
                       }
                   },
                   [&](const output::ping& o) { ping_ = o.payload; },
                   [&](const output::assigned& o) {
                       first_ = first_ ? first_ : std::optional{o.task};
                       latest_ = o.task;
                   },
                   [&](const output::disconnected&) { asked_ = opened_ = writing_ = false; },
                   [](const auto&) {},
               },
               out);
}

void explored_slot::write_done() {
    hold_ = false;
    if (std::exchange(writing_, false)) {
        give(input::sent{0, generation_});
    }
}

void explored_slot::receive(std::span<const std::byte> message) {
    if (opened_) {
        give(input::received{0, generation_, message_kind::binary, message, true, message.size()});
    }
}

void explored_slot::take(slot_event event) {
    static const auto a = assign_frame({.id = "a", .timeout_ms = 3'000});
    static const auto b = assign_frame({.id = "b"});
    static const auto damaged_a = assign_frame({.id = "a", .queue = "\xFF"});
    static const auto response = response_frame();
    switch (event) {
    case slot_event::opened:
        if (asked_ && !opened_) {
            opened_ = true;
            give(input::opened{0, generation_});
        }
        break;
    case slot_event::answered:
        receive(response);
        break;
    case slot_event::assign_a:
        receive(a);
        break;
    case slot_event::assign_b:
        receive(b);
        break;
    case slot_event::damaged:
        receive(damaged_a);
        break;
    case slot_event::pong:
        if (opened_ && ping_) {
            give(input::pong{0, generation_, *ping_});
        }
        break;
    case slot_event::hold:
        hold_ = true;
        break;
    case slot_event::written:
        write_done();
        break;
    case slot_event::closed:
        close(link_end::kind::lost);
        break;
    case slot_event::refused:
        close(link_end::kind::upgrade);
        break;
    case slot_event::pinged:
        if (opened_) {
            give(input::pinged{0, generation_});
        }
        break;
    case slot_event::wake:
        if (deadline_ != never) {
            now_.wall += std::chrono::floor<std::chrono::milliseconds>(deadline_ - now_.monotonic);
            now_.monotonic = deadline_;
        }
        break;
    case slot_event::stale:
        touch_other_connections();
        break;
    case slot_event::poll:
        poll_once();
        break;
    case slot_event::rest:
        drain();
        break;
    default:
        perform_call(event);
        break;
    }
}

void explored_slot::perform_call(slot_event event) {
    switch (event) {
    case slot_event::start:
        give(input::start{});
        break;
    case slot_event::complete:
        answer(latest_);
        break;
    case slot_event::late:
        answer(first_);
        break;
    case slot_event::progress:
    case slot_event::stream:
        update(event);
        break;
    case slot_event::stop:
        give(input::stop{end_reason::signal, config_->drain_timeout});
        break;
    case slot_event::pause:
        give(input::pause{});
        break;
    case slot_event::resume:
        give(input::resume{});
        break;
    case slot_event::flush:
        give(input::flush{});
        break;
    default:
        break;
    }
}

void explored_slot::close(link_end::kind how) {
    if (asked_) {
        give(input::closed{0, generation_, {.what = how, .detail = {}, .http_status = 401}});
        asked_ = opened_ = writing_ = false;
    }
}

void explored_slot::answer(const std::optional<assigned_task>& task) {
    if (task) {
        outcome made = engine_rig::result_for(*task);
        give(input::complete{task->name(), &made});
    }
}

void explored_slot::update(slot_event event) {
    if (!latest_) {
        return;
    }
    ++updates_;
    if (event == slot_event::progress) {
        give(input::progress{latest_->name(), 0.5, std::to_string(updates_)});
    } else {
        stream_item_writer item{*latest_, 0.5F};
        item.data().member("n", updates_);
        stream_item made = *std::move(item).finish();
        give(input::stream{latest_->name(), &made});
    }
}

void explored_slot::touch_other_connections() {
    static const auto a = assign_frame({.id = "a", .timeout_ms = 3'000});
    give(input::alive{0, generation_ + 1}); // it may be the first thing that the engine hears
    const std::uint64_t before = engine_anatomy::fingerprint_of(engine_);
    for (const std::uint32_t other : {generation_ - 1, generation_ + 1}) {
        give(input::opened{0, other});
        give(input::received{0, other, message_kind::binary, a, true, a.size()});
        give(input::sent{0, other});
        give(input::pinged{0, other});
        if (ping_) {
            give(input::pong{0, other, *ping_});
        }
        give(input::closed{0, other, {}});
    }
    book_->check(5, engine_anatomy::fingerprint_of(engine_) == before,
                 "events of other connections change nothing at all");
    if (old_ping_ && opened_) {
        give(input::pong{0, generation_, *old_ping_});
    }
}

} // namespace distworker::testing
