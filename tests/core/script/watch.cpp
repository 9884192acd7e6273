#include "watch.hpp"

#include <distworker/backoff.hpp>
#include <distworker/frame.hpp>
#include <distworker/overloaded.hpp>

#include <algorithm>
#include <array>

namespace distworker::testing {
namespace {

// More than any step of a script has a use for.
constexpr std::size_t most_outputs = 500;
constexpr std::array<std::uint16_t, 6> close_codes{1000, 1001, 1002, 1003, 1007, 1008};

void require(bool held, const std::string& rule) {
    if (!held) {
        throw broken_rule{rule};
    }
}

} // namespace

void watch::assigning(std::uint32_t slot, std::string_view id) {
    ++links_[slot].may_end[std::string{id}];
}

void watch::completed(const delivery& task, bool accepted) {
    require(!accepted || unanswered_.contains(task), "I8, I11: a second answer to a delivery is stale");
    accepted_ += accepted ? 1U : 0U;
    unanswered_.erase(task);
}

void watch::saw(const group_output& out, const engine_counters& counters, monotonic_time now) {
    require(!over_ || std::holds_alternative<output::idle>(out.out), "I6: nothing comes after the end");
    require(++outputs_ < most_outputs, "I20: a step has bounded work");
    std::visit(overloaded{
                   [&](const output::idle& o) {
                       outputs_ = 0;
                       require(o.deadline > now, "I20: a deadline that fired makes progress");
                   },
                   [&](const output::connect& o) { see(out.slot, o, now); },
                   [&](const output::send& o) {
                       link& on = live(out.slot, o.generation, "send");
                       require(!std::exchange(on.writing, true), "one send at a time");
                       check_frame(on, o.bytes, counters);
                   },
                   [&](const output::ping& o) { see(out.slot, o); },
                   [&](const output::close& o) { see(out.slot, o); },
                   [&](const output::abort& o) {
                       require(o.generation == links_[out.slot].generation,
                               "I5: an abort is for the last connection");
                       links_[out.slot].live = false;
                   },
                   [&](const output::assigned& o) { see(out.slot, o); },
                   [&](const output::stop_task& o) {
                       require(deliveries_.contains(o.task), "I12: only what began is asked to stop");
                   },
                   [&](const output::writable& o) {
                       require(unanswered_.contains(o.task), "only a running task can go on writing");
                   },
                   [&](const output::undeliverable& o) { see(o); },
                   [&](const output::disconnected& o) { see(out.slot, o); },
                   [&](const output::stopped&) { over_ = true; },
                   [](const auto&) {},
               },
               out.out);
}

watch::link& watch::live(std::uint32_t slot, std::uint32_t generation, const char* what) {
    link& on = links_[slot];
    require(on.live && on.generation == generation && on.opened,
            std::string{"I1, I5, I6: no "} + what + " without its connection");
    require(!on.closing, std::string{"I6: no "} + what + " behind a close");
    return on;
}

void watch::check_frame(link& on, std::span<const std::byte> bytes, const engine_counters& counters) {
    const auto frame = read_frame(bytes);
    require(frame.has_value(), "I14: what is sent can be read");
    if (std::holds_alternative<worker_register_view>(*frame)) {
        require(!std::exchange(on.registered, true), "I1: REGISTER goes out once");
        return;
    }
    require(on.registered, "I1: REGISTER goes first");
    require(on.answered || counters.unanswered_starts > 0, "I2: nothing before the answer");
    const auto runs = [&](std::string_view id) { return on.may_end[std::string{id}] > 0; };
    const auto ends = [&](std::string_view id) {
        // A stable session may send again what an older connection was assigned.
        require(runs(id) || session_ == session_policy::stable, "I8, I9: one end for each assignment");
        --on.may_end[std::string{id}];
    };
    std::visit(overloaded{
                   [&](const task_complete_view& done) { ends(done.task_id); },
                   [&](const task_failed_view& done) { ends(done.task_id); },
                   [&](const task_progress_view& progress) {
                       require(runs(progress.task_id) || session_ == session_policy::stable,
                               "I9: no progress behind the end of its delivery");
                   },
                   [](const heartbeat_view&) {},
                   [](const auto&) { throw broken_rule{"I9: a worker sends no such frame"}; },
               },
               *frame);
}

void watch::see(std::uint32_t slot, const output::connect& o, monotonic_time now) {
    const link before = std::exchange(links_[slot], {});
    require(!before.live, "I7: one connection at a time");
    require(o.generation > before.generation, "I5: generations only grow");
    require(!before.attempted || now - *before.attempted >= min_reconnect_delay,
            "I25: no two attempts within 250 ms");
    links_[slot].generation = o.generation;
    links_[slot].live = true;
    links_[slot].attempted = now;
    asked_.emplace(slot, o.generation);
}

void watch::see(std::uint32_t slot, const output::ping& o) {
    require(!live(slot, o.generation, "ping").writing, "I10: a ping does not overtake what it asks for");
}

void watch::see(std::uint32_t slot, const output::close& o) {
    live(slot, o.generation, "second close").closing = true;
    require(std::ranges::find(close_codes, o.code) != close_codes.end(), "only codes that may be sent");
}

void watch::see(std::uint32_t slot, const output::assigned& o) {
    const delivery& task = o.task.name();
    require(!stopping_, "I12: nothing begins after a stop");
    require(session_ == session_policy::stable || (links_[slot].live && links_[slot].registered),
            "I12: nothing begins before the registration");
    require(deliveries_.insert(task).second, "I12: a delivery begins once");
    unanswered_.insert(task);
}

void watch::see(std::uint32_t slot, const output::disconnected& o) {
    require(asked_.contains({slot, o.generation}), "I7: only what was asked for can end");
    require(told_.emplace(slot, o.generation).second, "one end is told for each connection");
    links_[slot].live = false;
}

void watch::see(const output::undeliverable& o) {
    require(!o.answer.empty(), "I10: what comes back is whole");
    ++undeliverable_;
    if (o.task.serial != 0) {
        require(deliveries_.contains(o.task) || !o.answer.completed(),
                "I10: only the outcome of a delivery comes back");
        require(returned_.insert(o.task).second, "I10: an outcome comes back once");
    }
}

void watch::check_end(const engine_counters& counters, std::size_t outbox_bytes) const {
    require(over_, "I16, L4: a stopped worker ends whatever the peer does");
    require(asked_ == told_, "one end is told for each connection");
    require(outbox_bytes == 0, "I10: the end leaves nothing in the outbox");
    require(accepted_ + counters.abandoned + counters.refused == counters.receipted + undeliverable_,
            "I10: each outcome is receipted or handed back");
    require(counters.undeliverable == undeliverable_, "I10: what is handed back is counted");
}

} // namespace distworker::testing
