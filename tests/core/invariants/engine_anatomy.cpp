#include "core/invariants/engine_anatomy.hpp"

#include <algorithm>

namespace distworker {
namespace {

using testing::fingerprint;

byte_buffer copy_of(const byte_buffer& from, const buffer_pool& pool) {
    byte_buffer copy{pool};
    copy.append(from.bytes());
    return copy;
}

outcome copy_of(const outcome& from) {
    return from.empty() ? outcome{} : outcome::from_frame(from.frame()).value();
}

void add_delivery(fingerprint& all, const delivery& name) {
    all.add(name.slot, name.generation, name.serial);
}

void add_task(fingerprint& all, const assigned_task& task) {
    add_delivery(all, task.name());
    all.add(task.id(), task.queue(), task.timeout_ms(), task.deadline(), task.document_bytes());
}

void add_content(fingerprint& all, const task_assign_view& content) {
    all.add(content.task_id, content.queue, content.timeout_ms, content.document_bytes);
}

} // namespace

worker_engine engine_anatomy::copy(const worker_engine& from, signer sign) {
    const auto copy_list = [&](const worker_engine::outgoing_list& list) {
        worker_engine::outgoing_list copies;
        for (const worker_engine::outgoing& each : list) {
            copies.push_back({copy_of(each.frame, from.pool_), copy_of(each.answer), each.task,
                              each.covered_by, each.was_sent});
        }
        return copies;
    };
    worker_engine to{from.config_, std::make_shared<signer>(std::move(sign)), 0,
                     worker_engine::slot_options{.slot = from.slot_,
                                                 .exit_when_idle = from.exit_when_idle_,
                                                 .pool = from.pool_,
                                                 .last_delivery = from.last_delivery()}};
    to.random_ = from.random_;
    to.now_ = from.now_;
    to.has_time_ = from.has_time_;
    to.timers_ = from.timers_;
    to.state_ = from.state_;
    to.told_state_ = from.told_state_;
    to.dirty_ = from.dirty_;
    to.started_ = from.started_;
    to.pausing_ = from.pausing_;
    to.stopping_ = from.stopping_;
    to.stopped_pending_ = from.stopped_pending_;
    to.connect_pending_ = from.connect_pending_;
    to.register_sent_ = from.register_sent_;
    to.registered_ = from.registered_;
    to.peer_pings_ = from.peer_pings_;
    to.deaf_ = from.deaf_;
    to.close_pending_ = from.close_pending_;
    to.abort_pending_ = from.abort_pending_;
    to.closing_ = from.closing_;
    to.close_timeout_ = from.close_timeout_;
    to.last_end_ = from.last_end_;
    to.end_pending_ = from.end_pending_;
    to.idle_time_ = from.idle_time_;
    to.nonce_ = from.nonce_;
    to.ping_serial_ = from.ping_serial_;
    to.pong_serial_ = from.pong_serial_;
    to.final_ping_ = from.final_ping_;
    to.drain_limit_ = from.drain_limit_;
    to.ping_wanted_ = from.ping_wanted_;
    to.strikes_ = from.strikes_;
    to.incoming_ = copy_of(from.incoming_, from.pool_);
    to.incoming_size_ = from.incoming_size_;
    to.announced_size_ = from.announced_size_;
    to.empty_parts_ = from.empty_parts_;
    to.incoming_open_ = from.incoming_open_;
    to.attempts_ = from.attempts_;
    to.unanswered_ = from.unanswered_;
    to.refusals_ = from.refusals_;
    to.was_registered_ = from.was_registered_;
    to.hold_connects_ = from.hold_connects_;
    to.connect_held_ = from.connect_held_;
    to.next_attempt_ = from.next_attempt_;
    if (from.running_) {
        to.running_.emplace(from.running_->task, copy_list(from.running_->room),
                            copy_of(from.running_->verdict), from.running_->stop_asked);
    }
    to.assign_pending_ = from.assign_pending_;
    to.idle_since_ = from.idle_since_;
    to.stop_pending_ = from.stop_pending_;
    to.stop_target_ = from.stop_target_;
    if (from.held_) {
        to.held_.emplace(from.held_->message, from.held_->content, copy_list(from.held_->room));
    }
    to.orphans_ = copy_list(from.orphans_);
    to.stuck_ = from.stuck_;
    to.progress_ = copy_list(from.progress_);
    to.fraction_ = from.fraction_;
    to.last_progress_ = from.last_progress_;
    to.queue_ = copy_list(from.queue_);
    to.written_ = copy_list(from.written_);
    to.handed_back_ = copy_list(from.handed_back_);
    to.own_frame_ = copy_of(from.own_frame_, from.pool_);
    to.sending_ = from.sending_;
    to.outbox_bytes_ = from.outbox_bytes_;
    to.stream_bytes_ = from.stream_bytes_;
    to.unreceipted_bytes_ = from.unreceipted_bytes_;
    to.unreceipted_refusals_ = from.unreceipted_refusals_;
    to.writable_wanted_ = from.writable_wanted_;
    to.writable_pending_ = from.writable_pending_;
    to.heartbeat_due_ = from.heartbeat_due_;
    to.sample_told_ = from.sample_told_;
    to.usage_ = from.usage_;
    to.health_ = from.health_;
    to.counters_ = from.counters_;
    return to;
}

void engine_anatomy::add_to(fingerprint& all, const worker_engine& engine) {
    // Every member by its name: who adds one to the engine is led here, and to `copy`.
    const auto& [config, sign, random, pool, slot, exit_when_idle, now, has_time, timers, state, told_state,
                 generation, dirty, started, pausing, stopping, stopped_pending, connect_pending,
                 register_sent, registered, peer_pings, deaf, close_pending, abort_pending, closing,
                 close_timeout, last_end, end_pending, idle_time, nonce, ping_serial, pong_serial, final_ping,
                 drain_limit, ping_wanted, strikes, incoming, incoming_size, announced_size, empty_parts,
                 incoming_open, attempts, unanswered, refusals, was_registered, hold_connects, connect_held,
                 next_attempt, serial, running, assign_pending, idle_since, stop_pending, stop_target, held,
                 orphans, stuck, progress, fraction, last_progress, queue, written, handed_back, unused,
                 own_frame, sending, outbox_bytes, stream_bytes, unreceipted_bytes, unreceipted_refusals,
                 writable_wanted, writable_pending, heartbeat_due, sample_told, usage, health, counters] =
        engine;
    all.count_times_from(now.monotonic);
    seeded_random next_random = random;
    all.add(next_random.next(), has_time, state, told_state, generation, dirty, started, pausing, stopping,
            stopped_pending, connect_pending, register_sent, registered, peer_pings, deaf, close_pending,
            abort_pending, close_timeout, end_pending, idle_time, nonce, ping_serial, pong_serial, final_ping,
            drain_limit, ping_wanted, strikes, incoming.bytes(), incoming_size, announced_size, empty_parts,
            incoming_open);
    for (std::size_t i = 0; i < deadline_reasons; ++i) {
        all.add(timers[static_cast<deadline_reason>(i)]);
    }
    all.add(closing.has_value());
    if (closing) {
        all.add(closing->cause, closing->detail, closing->before_answer, closing->retry_at);
    }
    all.add(last_end.has_value());
    if (last_end) {
        all.add(last_end->generation, last_end->end.cause, last_end->end.detail, last_end->end.before_answer,
                last_end->end.retry_at);
    }
    // Of what is over it does not matter how long: the next attempt, an update's turn, an idle time.
    all.add(attempts, unanswered, refusals, was_registered, hold_connects, connect_held,
            std::max(next_attempt, now.monotonic), serial, assign_pending,
            registered && idle_time > 0 ? idle_since : never, stop_pending,
            std::max(saturating_add(last_progress, config->progress_interval), now.monotonic));
    add_delivery(all, stop_target);
    all.add(running.has_value());
    if (running) {
        add_task(all, running->task);
        all.add(running->stop_asked, running->timed_out());
    }
    all.add(held.has_value());
    if (held) {
        add_content(all, held->content);
    }
    all.add(stuck.size());
    for (const delivery& each : stuck) {
        add_delivery(all, each);
    }
    all.add(fraction);
    for (const auto* list : {&orphans, &progress, &queue, &written, &handed_back}) {
        all.add(list->size());
        for (const worker_engine::outgoing& each : *list) {
            const auto& [frame, answer, task, covered_by, was_sent] = each;
            all.add(frame.bytes(), answer.frame(), answer.completed(), covered_by, was_sent);
            add_delivery(all, task);
        }
    }
    all.add(sending, outbox_bytes, stream_bytes, unreceipted_bytes, unreceipted_refusals, writable_wanted,
            writable_pending, heartbeat_due, sample_told, usage.cpu_percent, usage.memory_used_mb,
            usage.gpu_utilization, health);
}

std::uint64_t engine_anatomy::fingerprint_of(const worker_engine& engine) {
    fingerprint all;
    add_to(all, engine);
    return all.value();
}

} // namespace distworker
