// What goes out: progress, outcomes, and the receipts that prove their processing.
#include <distworker/utf8.hpp>
#include <distworker/worker_engine.hpp>

#include <algorithm>
#include <cmath>
#include <cstring>

namespace distworker {
namespace {

// The slowest link that a receipt is waited for on.
constexpr std::size_t slowest_bytes_per_second = 1024;
constexpr std::size_t max_progress_message_bytes = 4096;

bool take_out(std::vector<delivery>& from, const delivery& task) {
    const auto found = std::ranges::find(from, task);
    if (found == from.end()) {
        return false;
    }
    from.erase(found);
    return true;
}

} // namespace

std::expected<void, misuse> worker_engine::complete(const delivery& task, outcome&& answer, instant now) {
    enter(now);
    outcome taken = std::move(answer);
    if (taken.empty()) {
        return std::unexpected{misuse::invalid_value};
    }
    if (stop_target_ == task) { // who has answered need not be asked to stop
        stop_pending_.reset();
    }
    if (running_ && running_->task.name() == task) {
        if (running_->timed_out) { // whatever came after the deadline is not the answer any more
            ++counters_.stale;
            taken = answer_without_handler();
        }
        end_task(std::move(taken));
        return {};
    }
    if (take_out(orphans_, task)) {
        if (orphans_.empty()) {
            clear_timer(deadline_reason::register_hold);
        }
        hand_back(std::move(taken), task, certainty::not_sent);
        return {};
    }
    take_out(stuck_, task);
    ++counters_.stale;
    return std::unexpected{misuse::stale_delivery};
}

void worker_engine::end_task(outcome answer) {
    if (progress_waits_) {
        queue_progress();
    }
    ++(answer.completed() ? counters_.completed : counters_.failed);
    const delivery name = running_->task.name();
    unsent_ = std::move(running_->task);
    forget_running();
    if (std::exchange(assign_pending_, false) && stop_target_ == name) { // nobody has seen it
        stop_pending_.reset();
    }
    dispatch(engine_event::task_ended);
    queue_outcome(std::move(answer), name);
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

void worker_engine::answer_for_running() {
    ++counters_.abandoned;
    if (!assign_pending_) {
        stuck_.push_back(running_->task.name());
    }
    end_task(answer_without_handler());
}

outcome worker_engine::answer_without_handler() const {
    outcome_writer answer{running_->task};
    return running_->timed_out
               ? std::move(answer).fail(error_code::timeout, "the task did not end within its timeout")
               : std::move(answer).fail(error_code::worker_shutdown, "the worker is shutting down");
}

void worker_engine::queue_outcome(outcome answer, const delivery& task) {
    outbox_bytes_ += answer.frame().size();
    outgoing next;
    next.answer = std::move(answer);
    next.task = task;
    queue_.push_back(std::move(next));
}

std::expected<void, misuse> worker_engine::progress(const delivery& task, double fraction,
                                                    std::string_view message, instant now) {
    enter(now);
    if (!running_ || running_->task.name() != task) {
        return std::unexpected{misuse::stale_delivery};
    }
    if (std::isnan(fraction)) {
        return std::unexpected{misuse::invalid_value};
    }
    fraction_ = std::clamp(fraction, 0.0, 1.0);
    message_ = to_valid_utf8(message, max_progress_message_bytes);
    progress_waits_ = true;
    const monotonic_time turn = last_progress_ == monotonic_time::min()
                                    ? now_.monotonic
                                    : saturating_add(last_progress_, config_->progress_interval);
    if (turn > now_.monotonic) {
        timers_.set(deadline_reason::progress, turn);
    }
    return {};
}

void worker_engine::queue_progress() {
    outgoing next;
    next.frame = byte_buffer{pool_};
    next.task = running_->task.name();
    next.is_progress = true;
    write_progress(next.frame, running_->task.id(), static_cast<float>(fraction_), message_);
    stream_bytes_ += next.frame.size();
    queue_.push_back(std::move(next));
    progress_waits_ = false;
    last_progress_ = now_.monotonic;
    clear_timer(deadline_reason::progress);
}

std::expected<void, misuse> worker_engine::stream(const delivery& task, stream_item&& item, instant now) {
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
    if (progress_waits_) { // what was said first goes first
        queue_progress();
    }
    stream_bytes_ += item.size();
    outgoing next;
    next.frame = std::move(item.frame_);
    next.task = task;
    next.is_progress = true;
    queue_.push_back(std::move(next));
    return {};
}

void worker_engine::sent(std::uint32_t generation, instant now) {
    if (!current(generation, now) || sending_ == in_flight::none) {
        return;
    }
    if (std::exchange(sending_, in_flight::none) == in_flight::own_frame) {
        own_frame_ = {};
    } else {
        outgoing done = queue_.pop_front();
        if (done.is_progress) {
            stream_bytes_ -= done.frame.size();
            if (writable_wanted_ && stream_bytes_ <= config_->stream_bytes / 2) {
                writable_wanted_ = false;
                writable_pending_ = true;
            }
        } else {
            if (unsent_.name() == done.task) {
                unsent_ = {};
            }
            done.covered_by = ping_serial_ + 1;
            unreceipted_bytes_ += done.answer.frame().size();
            written_.push_back(std::move(done));
            const bool half_full = outbox_bytes_ > config_->outbox_bytes / 2;
            ping_wanted_ = ping_wanted_ || (half_full && ping_serial_ == pong_serial_);
            arm_receipt();
        }
    }
    settle();
}

void worker_engine::flush(instant now) {
    enter(now);
    ping_wanted_ = ping_wanted_ || (registered_ && !written_.empty());
}

// Sees to it that what was written since the last ping gets one of its own.
void worker_engine::arm_receipt() {
    const bool uncovered = !written_.empty() && written_[written_.size() - 1].covered_by > ping_serial_;
    if (uncovered && timer(deadline_reason::receipt_due) == never) {
        set_timer(deadline_reason::receipt_due, config_->receipt_delay);
    }
}

void worker_engine::pong(std::uint32_t generation, std::span<const std::byte> payload, instant now) {
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

void worker_engine::release_receipted() {
    while (!written_.empty() && written_.front().covered_by <= pong_serial_) {
        const outgoing proven = written_.pop_front();
        const std::size_t size = proven.answer.frame().size();
        outbox_bytes_ -= size;
        unreceipted_bytes_ -= size;
        unreceipted_refusals_ -= proven.is_refusal() ? 1U : 0U;
        ++counters_.receipted;
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

engine_output worker_engine::send_ping() {
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

void worker_engine::hand_back(outcome answer, const delivery& task, certainty how_sure) {
    ++counters_.undeliverable;
    handed_back_.push_back({std::move(answer), task, how_sure});
}

// The connection ended and its session with it: every outcome without a receipt goes back to the application.
void worker_engine::hand_back_outbox() {
    while (!written_.empty()) {
        outgoing lost = written_.pop_front();
        hand_back(std::move(lost.answer), lost.task, certainty::maybe_processed);
    }
    while (!queue_.empty()) {
        outgoing lost = queue_.pop_front();
        if (lost.is_outcome()) {
            hand_back(std::move(lost.answer), lost.task,
                      lost.was_sent ? certainty::maybe_processed : certainty::not_sent);
        }
    }
    unsent_ = {};
    outbox_bytes_ = 0;
    stream_bytes_ = 0;
    unreceipted_bytes_ = 0;
    unreceipted_refusals_ = 0;
}

// The session outlives the connection: what has no receipt is sent again, in its old order.
void worker_engine::keep_outbox() {
    for (std::size_t left = written_.size(); left > 0; --left) {
        queue_.push_front(std::move(written_[left - 1]));
    }
    while (!written_.empty()) {
        written_.pop_front();
    }
    unreceipted_bytes_ = 0;
}

} // namespace distworker
