// Messages, deliveries, outcomes: what was assigned is answered once, in order, and kept until its receipt.
#include <distworker/sim/witness.hpp>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

namespace distworker::sim {
namespace {

constexpr std::size_t salvage_bytes = 4096;
constexpr std::size_t max_refusals = 64;
constexpr std::size_t max_orphans = 64;
// Before the end of a drain, the engine answers for what has not ended.
constexpr std::chrono::seconds answer_margin{1};

std::string name_of(const delivery& task) {
    return std::to_string(task.slot) + "/" + std::to_string(task.generation) + "/" +
           std::to_string(task.serial);
}

// Whether there was one of that id among them, which is now one less.
bool took_one(std::multiset<std::string>& ids, std::string_view id) {
    const auto found = ids.find(std::string{id});
    if (found == ids.end()) {
        return false;
    }
    ids.erase(found);
    return true;
}

std::string_view id_of(const outcome& answer) {
    const frame_view frame = answer.read();
    const auto* const completed = std::get_if<task_complete_view>(&frame);
    return completed != nullptr ? completed->task_id : std::get<task_failed_view>(frame).task_id;
}

} // namespace

// The task that its handler works on: the last one without an answer.
witness::work* witness::running(slot_life& of) {
    const auto found =
        std::ranges::find_if(of.works, [](const work& w) { return !w.answered && w.name.serial != 0; });
    return found == of.works.end() ? nullptr : &*found;
}

// Whether the engine may have answered for it, without having been able to send that yet.
bool witness::may_be_answered(const slot_life& of, const work& task) const {
    const monotonic_time drained = saturating_add(of.earliest_drain_end, -answer_margin);
    return now_.monotonic >= std::min(saturating_add(task.timed_out_at, config_->stop_grace), drained);
}

// --- What comes in ---

void witness::received(slot_life& of, const input::received& part) {
    if (of.now.state != link::open) {
        return; // behind our Close
    }
    of.now.heard_at = now_.monotonic;
    if (of.now.peer_pings) {
        of.now.peer_sign_at = now_.monotonic;
    }
    message& incoming = of.now.incoming;
    if (!incoming.open) {
        incoming.bytes.clear();
        incoming.size = incoming.announced = 0;
        incoming.last_part = now_.monotonic;
    }
    incoming.open = !part.end_of_message;
    incoming.size += part.part.size();
    incoming.announced = std::max(incoming.announced, part.announced_size);
    if (!part.part.empty()) {
        incoming.last_part = now_.monotonic;
    }
    const bool oversized = std::max(incoming.size, incoming.announced) > config_->max_message_bytes;
    if (incoming.bytes.empty() && part.end_of_message && !oversized) { // in one piece: no copy
        if (part.kind == message_kind::binary) {
            message_arrived(of, part.part, false);
        }
        return;
    }
    auto piece = part.part;
    if (oversized) {
        incoming.bytes.resize(std::min(incoming.bytes.size(), salvage_bytes));
        piece = piece.first(std::min(piece.size(), salvage_bytes - incoming.bytes.size()));
    }
    incoming.bytes.insert(incoming.bytes.end(), piece.begin(), piece.end());
    if (part.end_of_message && part.kind == message_kind::binary) {
        message_arrived(of, std::exchange(incoming.bytes, {}), oversized);
    }
}

void witness::message_arrived(slot_life& of, std::span<const std::byte> bytes, bool oversized) {
    if (!of.now.register_sent) {
        seen_->hit("message_before_register");
        return;
    }
    if (oversized) {
        seen_->hit("oversized_message");
        assignment_arrived(of, salvage_task_id(bytes), false);
        return;
    }
    const auto frame = read_frame(bytes);
    if (!frame) {
        seen_->hit("unusable_message");
        assignment_arrived(of, frame.error().task_id, false);
    } else if (const auto* const task = std::get_if<task_assign_view>(&*frame)) {
        assignment_arrived(of, task->task_id, true, task->timeout_ms);
    } else if (std::holds_alternative<register_response_view>(*frame)) {
        if (of.now.registered) {
            seen_->hit("second_response");
            return;
        }
        of.now.registered = true;
        of.now.registered_at = now_.monotonic;
    } else {
        seen_->hit("misplaced_message");
    }
}

void witness::assignment_arrived(slot_life& of, std::string_view id, bool usable, std::int64_t timeout_ms) {
    if (id.empty()) {
        return; // a strike
    }
    const auto is_live = [&](const work& w) { return w.id == id && w.name.serial != 0 && !w.written; };
    const auto is_held = [&](const debt& d) { return d.id == id && !d.to_be_refused; };
    if (std::ranges::any_of(of.works, is_live) || std::ranges::any_of(of.owed, is_held)) {
        seen_->hit(usable ? "assigned_twice" : "damaged_copy_of_the_running_task");
        // A damaged copy of one that is answered, but not written out, is refused like any other.
        const bool ended =
            std::ranges::any_of(of.works, [&](const work& w) { return is_live(w) && w.answered; });
        if (!usable && ended) {
            of.owed.push_back({std::string{id}, true});
        }
        return;
    }
    if (!of.now.registered) {
        seen_->hit("assigned_before_response");
    }
    const bool takes_it = usable && running(of) == nullptr && of.told != engine_state::draining &&
                          std::ranges::all_of(of.owed, &debt::to_be_refused);
    if (!takes_it) {
        seen_->hit(usable ? "assigned_while_busy" : "unusable_assignment");
    }
    const auto over_at =
        timeout_ms > 0 ? saturating_add(now_.monotonic - step_back_, saturating_milliseconds(timeout_ms))
                       : never;
    of.owed.push_back({std::string{id}, !takes_it, over_at});
}

void witness::ponged(std::uint32_t slot, slot_life& of, std::span<const std::byte> payload) {
    connection& link_now = of.now;
    if (link_now.state != link::open) {
        return;
    }
    link_now.heard_at = now_.monotonic;
    std::uint64_t serial = 0;
    if (payload.size() != link_now.nonce.size() + sizeof serial ||
        !std::equal(link_now.nonce.begin(), link_now.nonce.end(), payload.begin())) {
        seen_->hit("pong_of_something_else");
        return;
    }
    std::memcpy(&serial, payload.data() + link_now.nonce.size(), sizeof serial);
    if (serial <= link_now.pongs || serial > link_now.pings) {
        seen_->hit("pong_again");
        return;
    }
    link_now.pongs = serial;
    std::erase_if(of.works, [&](const work& task) {
        const bool proven = task.written && task.covered_by <= serial;
        if (proven) {
            ++receipted_;
            report_on(report::kind::receipted, slot, task);
        }
        return proven;
    });
    const bool more = serial < link_now.pings && std::ranges::any_of(of.works, &work::written);
    link_now.waits_for_pong = more ? now_.monotonic : never;
}

void witness::written(slot_life& of) {
    const writing done = std::exchange(of.now.busy, writing::nothing);
    for (work& task : of.works) {
        if (done == writing::item && !task.ever_sent && !task.items.empty()) {
            task.items.pop_front();
            break;
        }
        if (done == writing::terminal && task.sent && !task.written) {
            task.written = true;
            task.covered_by = of.now.pings + 1;
            task.written_at = now_.monotonic;
            break;
        }
    }
}

// --- Deliveries ---

// Of several of one task the one that is to be refused, or is not.
std::vector<witness::debt>::iterator witness::find_debt(std::vector<debt>& owed, std::string_view id,
                                                        bool to_be_refused) {
    const auto exact = std::ranges::find_if(
        owed, [&](const debt& d) { return d.id == id && d.to_be_refused == to_be_refused; });
    return exact != owed.end() ? exact : std::ranges::find(owed, id, &debt::id);
}

void witness::assigned(const assigned_task& task) {
    slot_life& of = life(task.name().slot);
    if (task.name().serial <= of.last_serial) {
        accuse("I12", "delivery " + name_of(task.name()) + " twice");
    }
    of.last_serial = task.name().serial;
    if (work* const before = running(of)) {
        if (!may_be_answered(of, *before)) {
            accuse("I11", "a second task at once");
        }
        before->answered = true;
    }
    if (of.stop_at) {
        accuse("I12", "a task begins after the stop");
    }
    expect_registered(of, "a task begins");
    const auto owed = find_debt(of.owed, task.id(), false);
    if (owed == of.owed.end()) {
        accuse("I8", "a task that was not assigned, or begins twice: " + std::string{task.id()});
    } else {
        of.owed.erase(owed);
    }
    if (task.timeout_ms() > 0) {
        seen_->hit("task_with_timeout");
    }
    of.works.push_back({.name = task.name(), .id = std::string{task.id()}, .deadline = task.deadline()});
    report_on(report::kind::accepted, task.name(), task.id());
}

// An assignment that came before the answer to REGISTER counts as one when that stays out. What the engine
// may do is not put off by a suspension, as what it must do is.
bool witness::counts_as_registered(const slot_life& of) const {
    return std::ranges::any_of(of.owed, [](const debt& d) { return !d.to_be_refused; }) &&
           of.now.register_at != never &&
           now_.monotonic >= saturating_add(of.now.register_at, config_->registration_timeout);
}

void witness::expect_registered(slot_life& of, std::string_view what) {
    if (of.now.state != link::open || of.now.registered) {
        return;
    }
    if (!counts_as_registered(of)) {
        accuse("I2", std::string{what} + " before the answer to REGISTER");
    }
    seen_->hit("registered_without_answer");
    of.now.registered = true;
    of.now.registered_at = now_.monotonic;
}

void witness::stop_asked(const output::stop_task& out) {
    slot_life& of = life(out.task.slot);
    work* const task = running(of);
    const bool is_running = task != nullptr && task->name == out.task;
    seen_->hit(out.reason == stop_reason::timeout           ? "stop_for_timeout"
               : out.reason == stop_reason::connection_lost ? "stop_for_lost_connection"
                                                            : "stop_for_shutdown");
    if (!is_running) {
        accuse("I12", "a stop for " + name_of(out.task) + ", which does not run");
        return;
    }
    if (out.reason == stop_reason::connection_lost) {
        report_on(report::kind::cut_off, out.task, task->id);
        if (of.told != engine_state::stopped) { // else what it answers could not be told any more
            of.orphans.push_back(out.task);
        }
        if (of.orphans.size() > max_orphans) {
            of.orphans.pop_front();
        }
        std::erase_if(of.works, [&](const work& w) { return w.name == out.task; });
        return;
    }
    if (out.reason == stop_reason::shutdown) { // without time to drain, nothing else tells of it
        may_leave(of);
    }
    if (out.reason == stop_reason::timeout) {
        if (task->deadline > now_.monotonic) {
            accuse("I15", "a timeout before its time");
        }
        task->timed_out_at = now_.monotonic;
    }
    task->stop = out.reason;
}

void witness::completed(const delivery& task, const std::expected<void, misuse>& result) {
    slot_life& of = life(task.slot);
    work* const found = running(of);
    const bool is_running = found != nullptr && found->name == task;
    if (result && is_running) {
        found->answered = true;
        found->answer = found->timed_out_at == never ? answer_hash_ : 0;
        found->size = answer_size_;
        ++found->flushes;
        report_on(report::kind::answered, task.slot, *found);
    } else if (result) {
        if (std::erase(of.orphans, task) == 0) {
            accuse("I11", "an answer was taken that nobody waits for: " + name_of(task));
        }
        seen_->hit("late_answer_of_a_lost_task");
        of.returning.insert(task);
    } else if (result.error() == misuse::stale_delivery) {
        seen_->hit("stale_answer");
        if (is_running) {
            if (!may_be_answered(of, *found)) {
                accuse("I11", "the answer of the running task was refused");
            }
            found->answered = true;
        } else if (std::ranges::find(of.orphans, task) != of.orphans.end()) {
            accuse("I10", "the late answer of a lost task was refused");
        }
    }
}

// --- What goes out ---

void witness::progress_sent(slot_life& of, const task_progress_view& what, std::span<const std::byte> frame) {
    of.now.busy = what.has_data ? writing::item : writing::own;
    const auto found = std::ranges::find_if(
        of.works, [&](const work& w) { return w.id == what.task_id && w.name.serial != 0 && !w.ever_sent; });
    if (found == of.works.end()) {
        accuse("I9", "progress of a task that does not run");
        return;
    }
    if (!(what.progress >= 0 && what.progress <= 1)) {
        accuse("I18", "progress outside of [0, 1]");
    }
    if (what.has_data) {
        if (found->items.empty() || found->items.front() != hash_of(frame)) {
            accuse("I18", "an item of the stream out of its order");
        }
        return;
    }
    const std::chrono::nanoseconds interval = config_->progress_interval;
    const auto passed = now_.monotonic - std::min(found->first_update, now_.monotonic);
    ++found->plain_updates;
    if (interval > std::chrono::nanoseconds::zero() &&
        found->plain_updates > found->flushes + 2 + static_cast<std::uint64_t>(passed / interval)) {
        accuse("I18", "progress more often than every progress_interval");
    }
}

// An answer without one from the application: only when its time is over.
void witness::engine_answers(const slot_life& of, const work& task, std::string_view code) {
    if (code == error_code::timeout && task.timed_out_at != never) {
        seen_->hit("timeout_answered");
    } else if (code == error_code::worker_shutdown && of.stop_at) {
        seen_->hit("shutdown_answered");
    } else {
        accuse("I9", "an answer that nobody gave: " + std::string{code});
    }
}

void witness::outcome_sent(slot_life& of, std::string_view id, std::string_view code,
                           std::span<const std::byte> frame) {
    of.now.busy = writing::terminal;
    const std::size_t hash = hash_of(frame);
    const auto owed = find_debt(of.owed, id, code != error_code::timeout);
    const bool is_owed = owed != of.owed.end();
    const bool never_began =
        is_owed && code == error_code::timeout && !owed->to_be_refused && now_.monotonic >= owed->over_at;
    const bool refuses = code == error_code::invalid_task || code == error_code::worker_busy ||
                         code == error_code::worker_shutdown || never_began;
    // A task may come and begin while refusals of it still wait, of a moment ago or of an earlier connection.
    const bool waits = is_owed || of.forgotten.contains(std::string{id}) ||
                       std::ranges::any_of(of.works, [&](const work& w) {
                           return w.name.serial == 0 && !w.sent && w.id == id && w.answer == hash;
                       });
    bool earlier_unsent = false;
    for (work& task : of.works) {
        const bool is_refusal = task.name.serial == 0 || (refuses && waits);
        if (task.sent || task.id != id || (is_refusal && task.answer != hash)) {
            earlier_unsent = earlier_unsent || (task.answered && !task.sent && !is_refusal);
            continue;
        }
        if (!task.answered || task.answer == 0) {
            engine_answers(of, task, code);
        } else if (task.answer != hash) {
            accuse("I8", "another outcome than the one given for task " + task.id);
        }
        if (earlier_unsent && !is_refusal) {
            accuse("I9", "an outcome overtakes another one");
        }
        if (!task.items.empty()) {
            accuse("I18", "an outcome before the end of its stream");
        }
        if (task.ever_sent) {
            seen_->hit("outcome_sent_again");
        }
        task.answered = task.sent = task.ever_sent = true;
        task.answer = hash;
        task.size = frame.size();
        return;
    }
    if (!is_owed && !took_one(of.forgotten, id)) {
        accuse("I9", "an outcome of a task that was never assigned, or a second one: " + std::string{id});
        return;
    }
    if (is_owed) {
        of.owed.erase(owed);
    }
    if (!refuses) {
        accuse("I8", "a refusal with code " + std::string{code});
    }
    seen_->hit("refused: " + std::string{code});
    of.works.push_back({.id = std::string{id},
                        .answered = true,
                        .answer = hash,
                        .size = frame.size(),
                        .sent = true,
                        .ever_sent = true,
                        .never_began = never_began});
    if (std::cmp_greater(std::ranges::count(of.works, 0U, [](const work& w) { return w.name.serial; }),
                         max_refusals)) {
        accuse("I11", "more than 64 refusals without a receipt");
    }
}

void witness::undeliverable(const output::undeliverable& lost) {
    slot_life& of = life(lost.task.slot);
    ++handed_back_;
    const std::string id{id_of(lost.answer)};
    report_on(report::kind::undelivered, lost.task, id, hash_of(lost.answer.frame()));
    const bool not_sent = lost.how_sure == certainty::not_sent;
    seen_->hit(lost.task.serial == 0 ? "refusal_undeliverable"
               : not_sent            ? "undeliverable_not_sent"
                                     : "undeliverable_maybe");
    const auto found = std::ranges::find_if(of.works, [&](const work& w) {
        const bool is_it = w.name == lost.task || (w.name.serial == 0 && lost.task.serial == 0);
        return w.id == id && (is_it || w.never_began);
    });
    if (found != of.works.end()) {
        if (found->ever_sent == not_sent) {
            accuse("I10", std::string{"an outcome is handed back as "} + to_string(lost.how_sure));
        }
        of.works.erase(found);
        return;
    }
    if (of.returning.erase(lost.task) > 0) {
        return;
    }
    // One that was refused before anybody saw it.
    const auto owed = find_debt(of.owed, id, true);
    if (owed != of.owed.end()) {
        of.owed.erase(owed);
    } else if (!took_one(of.forgotten, id)) {
        accuse("I10", "an outcome is handed back that nobody gave: " + name_of(lost.task));
    }
}

} // namespace distworker::sim
