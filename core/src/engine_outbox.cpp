// What goes out: progress, outcomes, and the receipts that prove their processing.
#include <distworker/utf8.hpp>
#include <distworker/worker_engine.hpp>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <new>

namespace distworker {
namespace {

// The slowest link that a receipt is waited for on.
constexpr std::size_t slowest_bytes_per_second = 1024;
constexpr std::size_t max_progress_message_bytes = 4096;
constexpr std::size_t max_unused = 64;

} // namespace

// Of one frame.
worker_engine::outgoing_list worker_engine::make_room() {
    outgoing_list room;
    if (unused_.empty()) {
        room.emplace_back();
    } else {
        room.splice(room.end(), unused_, unused_.begin());
    }
    return room;
}

// Of its first frame, whose room is used again.
void worker_engine::clear_away(outgoing_list& from) noexcept {
    if (unused_.size() == max_unused) {
        from.pop_front();
    } else {
        from.front() = outgoing{};
        unused_.splice(unused_.begin(), from, from.begin());
    }
}

std::expected<void, misuse> worker_engine::complete(const delivery& task, outcome&& answer,
                                                    instant now) noexcept {
    enter(now);
    outcome taken = std::move(answer);
    if (taken.empty()) {
        return std::unexpected{misuse::invalid_value};
    }
    if (stop_target_ == task) { // who has answered need not be asked to stop
        stop_pending_.reset();
    }
    if (running_ && running_->task.name() == task) {
        if (running_->timed_out()) { // whatever came after the deadline is not the answer any more
            ++counters_.stale;
            taken = std::move(running_->verdict);
        }
        end_task(std::move(taken));
        return {};
    }
    if (const auto orphan = std::ranges::find(orphans_, task, &outgoing::task); orphan != orphans_.end()) {
        orphan->answer = std::move(taken);
        handed_back_.splice(handed_back_.end(), orphans_, orphan);
        ++counters_.undeliverable;
        if (orphans_.empty()) {
            clear_timer(deadline_reason::register_hold);
        }
        return {};
    }
    std::erase(stuck_, task);
    ++counters_.stale;
    return std::unexpected{misuse::stale_delivery};
}

void worker_engine::end_task(outcome answer) noexcept {
    if (!progress_.empty()) {
        queue_progress();
    }
    ++(answer.completed() ? counters_.completed : counters_.failed);
    const delivery name = running_->task.name();
    outgoing_list room = std::move(running_->room);
    forget_running();
    if (std::exchange(assign_pending_, false) && stop_target_ == name) { // nobody has seen it
        stop_pending_.reset();
    }
    dispatch(engine_event::task_ended);
    queue_outcome(std::move(room), std::move(answer), name);
}

// With the task go its deadlines and what its handler waits for, whatever state the connection is in.
void worker_engine::forget_running() noexcept {
    running_.reset();
    for (const deadline_reason of_task : {deadline_reason::task_timeout, deadline_reason::stop_grace,
                                          deadline_reason::drain_stop, deadline_reason::drain_answer}) {
        clear_timer(of_task);
    }
    writable_wanted_ = false;
    writable_pending_ = false;
}

// In the place of its handler, which has not answered, or has not even seen it.
void worker_engine::answer_for_running() {
    outcome shutdown = running_->timed_out()
                           ? outcome{}
                           : failure_of_running(error_code::worker_shutdown, "the worker is shutting down");
    if (!assign_pending_) {
        stuck_.push_back(running_->task.name());
    }
    ++counters_.abandoned;
    end_task(running_->timed_out() ? std::move(running_->verdict) : std::move(shutdown));
}

outcome worker_engine::failure_of_running(std::string_view code, std::string_view message) const {
    outcome_writer answer{running_->task};
    return std::move(answer).fail(code, message);
}

void worker_engine::queue_outcome(outgoing_list room, outcome answer, const delivery& task) noexcept {
    outbox_bytes_ += answer.frame().size();
    room.front().answer = std::move(answer);
    room.front().task = task;
    queue_.splice(queue_.end(), room);
}

std::expected<void, misuse> worker_engine::progress(const delivery& task, double fraction,
                                                    std::string_view message, instant now) noexcept {
    enter(now);
    if (!running_ || running_->task.name() != task) {
        return std::unexpected{misuse::stale_delivery};
    }
    if (std::isnan(fraction)) {
        return std::unexpected{misuse::invalid_value};
    }
    fraction = std::clamp(fraction, 0.0, 1.0);
    try {
        byte_buffer frame{pool_};
        write_progress(frame, running_->task.id(), static_cast<float>(fraction),
                       to_valid_utf8(message, max_progress_message_bytes));
        if (progress_.empty()) {
            progress_ = make_room();
        }
        progress_.front().frame = std::move(frame);
    } catch (const std::bad_alloc&) {
        return std::unexpected{misuse::would_block};
    }
    fraction_ = fraction;
    const monotonic_time turn = last_progress_ == monotonic_time::min()
                                    ? now_.monotonic
                                    : saturating_add(last_progress_, config_->progress_interval);
    if (turn > now_.monotonic) {
        timers_.set(deadline_reason::progress, turn);
    }
    return {};
}

void worker_engine::queue_progress() noexcept {
    stream_bytes_ += progress_.front().frame.size();
    queue_.splice(queue_.end(), progress_);
    last_progress_ = now_.monotonic;
    clear_timer(deadline_reason::progress);
}

std::expected<void, misuse> worker_engine::stream(const delivery& task, stream_item&& item,
                                                  instant now) noexcept {
    enter(now);
    if (!running_ || running_->task.name() != task) {
        return std::unexpected{misuse::stale_delivery};
    }
    if (item.empty()) {
        return std::unexpected{misuse::invalid_value};
    }
    // One item may always enter an empty queue, however large it is.
    if (stream_bytes_ > 0 && stream_bytes_ + item.size() > config_->stream_bytes) {
        writable_wanted_ = true;
        return std::unexpected{misuse::would_block};
    }
    outgoing_list next;
    try {
        next = make_room();
    } catch (const std::bad_alloc&) {
        writable_wanted_ = true;
        lack_memory();
        return std::unexpected{misuse::would_block};
    }
    if (!progress_.empty()) { // what was said first goes first
        queue_progress();
    }
    stream_bytes_ += item.size();
    next.front().frame = std::move(item.frame_);
    queue_.splice(queue_.end(), next);
    return {};
}

void worker_engine::offer_stream() noexcept {
    if (writable_wanted_ && stream_bytes_ <= config_->stream_bytes / 2) {
        writable_wanted_ = false;
        writable_pending_ = true;
    }
}

void worker_engine::sent(std::uint32_t generation, instant now) noexcept {
    if (!current(generation, now) || sending_ == in_flight::none) {
        return;
    }
    if (std::exchange(sending_, in_flight::none) == in_flight::own_frame) {
        own_frame_ = {};
    } else {
        outgoing& done = queue_.front();
        if (!done.is_outcome()) {
            stream_bytes_ -= done.frame.size();
            clear_away(queue_);
            offer_stream();
        } else {
            done.covered_by = ping_serial_ + 1;
            unreceipted_bytes_ += done.answer.frame().size();
            written_.splice(written_.end(), queue_, queue_.begin());
            const bool half_full = outbox_bytes_ > config_->outbox_bytes / 2;
            ping_wanted_ = ping_wanted_ || (half_full && ping_serial_ == pong_serial_);
            arm_receipt();
        }
    }
    settle();
}

void worker_engine::flush(instant now) noexcept {
    enter(now);
    ping_wanted_ = ping_wanted_ || (registered_ && !written_.empty());
}

// Sees to it that what was written since the last ping gets one of its own.
void worker_engine::arm_receipt() noexcept {
    const bool uncovered = !written_.empty() && written_.back().covered_by > ping_serial_;
    if (uncovered && timer(deadline_reason::receipt_due) == never) {
        set_timer(deadline_reason::receipt_due, config_->receipt_delay);
    }
}

void worker_engine::pong(std::uint32_t generation, std::span<const std::byte> payload, instant now) noexcept {
    if (!current(generation, now) || !link_up()) {
        return;
    }
    heard();
    std::array<std::uint64_t, 2> words{};
    if (payload.size() != sizeof words) {
        return;
    }
    std::memcpy(words.data(), payload.data(), sizeof words);
    const auto [nonce, serial] = words;
    if (nonce != nonce_ || serial <= pong_serial_ || serial > ping_serial_) {
        return; // not an answer to a ping of this connection
    }
    pong_serial_ = serial;
    release_receipted();
    arm_receipt();
    begin_held_task();
    settle();
}

void worker_engine::release_receipted() noexcept {
    while (!written_.empty() && written_.front().covered_by <= pong_serial_) {
        const outgoing& proven = written_.front();
        const std::size_t size = proven.answer.frame().size();
        outbox_bytes_ -= size;
        unreceipted_bytes_ -= size;
        unreceipted_refusals_ -= proven.is_refusal() ? 1U : 0U;
        ++counters_.receipted;
        clear_away(written_);
    }
    clear_timer(deadline_reason::receipt_deadline);
    clear_timer(deadline_reason::receipt_retry);
    if (ping_serial_ > pong_serial_ && !written_.empty()) {
        // A later ping is still out: its pong is waited for as long again.
        set_timer(deadline_reason::receipt_retry, config_->receipt_retry);
        set_timer(deadline_reason::receipt_deadline,
                  config_->receipt_timeout +
                      std::chrono::seconds{unreceipted_bytes_ / slowest_bytes_per_second});
    }
}

engine_output worker_engine::send_ping() noexcept {
    ping_wanted_ = false;
    ++ping_serial_;
    clear_timer(deadline_reason::receipt_due);
    if (!written_.empty()) {
        set_timer(deadline_reason::receipt_retry, config_->receipt_retry);
        if (timer(deadline_reason::receipt_deadline) == never) {
            set_timer(deadline_reason::receipt_deadline,
                      config_->receipt_timeout +
                          std::chrono::seconds{unreceipted_bytes_ / slowest_bytes_per_second});
        }
    }
    if (state_ == engine_state::draining && final_ping_ == 0 && !running_ && queue_.empty()) {
        final_ping_ = ping_serial_;
    }
    const std::array<std::uint64_t, 2> words{nonce_, ping_serial_};
    output::ping ping{generation_, {}};
    std::memcpy(ping.payload.data(), words.data(), sizeof words);
    return ping;
}

// The connection ended and its session with it: every outcome without a receipt goes back to the application.
void worker_engine::hand_back_outbox() noexcept {
    queue_.remove_if([](const outgoing& frame) { return !frame.is_outcome(); });
    counters_.undeliverable += written_.size() + queue_.size();
    handed_back_.splice(handed_back_.end(), written_);
    handed_back_.splice(handed_back_.end(), queue_);
    outbox_bytes_ = 0;
    stream_bytes_ = 0;
    unreceipted_bytes_ = 0;
    unreceipted_refusals_ = 0;
}

// The session outlives the connection: what has no receipt is sent again, in its old order.
void worker_engine::keep_outbox() noexcept {
    queue_.splice(queue_.begin(), written_);
    unreceipted_bytes_ = 0;
}

} // namespace distworker
