// What comes in: parts become messages, messages become registrations and tasks.
#include <distworker/worker_engine.hpp>

#include <algorithm>
#include <new>

namespace distworker {
namespace {

constexpr std::uint32_t max_empty_parts = 65'536;
constexpr std::uint32_t max_strikes = 100;
constexpr std::uint32_t max_refusals = 64;

} // namespace

void worker_engine::received(std::uint32_t generation, message_kind kind, std::span<const std::byte> part,
                             bool end_of_message, std::uint64_t announced_size, instant now) noexcept {
    if (!current(generation, now) || !link_up()) {
        return; // what comes behind our Close is discarded
    }
    try {
        take_part(kind, part, end_of_message, announced_size);
    } catch (const std::bad_alloc&) {
        abort_connection(end_cause::local, "out of memory");
    }
}

void worker_engine::take_part(message_kind kind, std::span<const std::byte> part, bool end_of_message,
                              std::uint64_t announced_size) {
    heard();
    if (peer_pings_) { // data proves a working sender as well
        set_timer(deadline_reason::deaf, config_->deaf_timeout);
    }
    if (!incoming_open_) {
        incoming_open_ = true;
        incoming_size_ = 0;
        announced_size_ = 0;
        empty_parts_ = 0;
        incoming_ = byte_buffer{pool_};
    }
    if (part.empty() && !end_of_message && ++empty_parts_ > max_empty_parts) {
        close_link(end_cause::peer_violation, "a message of too many empty fragments", 1008);
        return;
    }
    announced_size_ = std::max(announced_size_, announced_size);
    incoming_size_ += part.size();
    const bool got_further = !part.empty();
    if (std::max(incoming_size_, announced_size_) > config_->max_message_bytes) {
        incoming_.truncate(salvage_bytes);
        part = part.first(std::min(part.size(), salvage_bytes - incoming_.size()));
    }
    incoming_.append(part);
    if (!end_of_message) {
        if (got_further || timer(deadline_reason::message_stall) == never) {
            set_timer(deadline_reason::message_stall, config_->message_stall_timeout);
        }
        return;
    }
    clear_timer(deadline_reason::message_stall);
    incoming_open_ = false;
    take_message(kind);
}

void worker_engine::take_message(message_kind kind) {
    shared_bytes message = std::move(incoming_).share();
    if (kind == message_kind::text) {
        strike(kind);
    } else if (std::max(incoming_size_, announced_size_) > config_->max_message_bytes) {
        refuse_unusable(salvage_task_id(message.bytes()), "larger than max_message_bytes");
    } else if (const auto frame = read_frame(message.bytes())) {
        frame_arrived(*frame, std::move(message));
    } else {
        refuse_unusable(frame.error().task_id, frame.error().reason);
    }
}

void worker_engine::frame_arrived(const frame_view& frame, shared_bytes message) {
    if (!register_sent_) {
        strike(message_kind::binary); // nothing may come before REGISTER went out
    } else if (const auto* task = std::get_if<task_assign_view>(&frame)) {
        take_assignment({.message = std::move(message), .content = *task});
    } else if (const auto* response = std::get_if<register_response_view>(&frame);
               response != nullptr && !registered_) {
        registered(response->idle_time, proof::response);
    } else {
        strike(message_kind::binary);
    }
}

void worker_engine::take_assignment(assignment next) {
    const std::string_view id = next.content.task_id;
    const bool copy = (running_ && running_->task.id() == id) || (held_ && held_->content.task_id == id) ||
                      has_unwritten_answer(id);
    if (copy) {
        ++counters_.coalesced;
    } else if (state_ == engine_state::draining) {
        refuse(id, error_code::worker_shutdown, leaving_words());
    } else if (running_ || held_) {
        refuse(id, error_code::worker_busy, "the worker runs another task on this connection");
    } else if (!registered_ || outbox_bytes_ > config_->outbox_bytes) {
        next.room = make_room();
        held_ = std::move(next);
        clear_timer(deadline_reason::idle_exit);
    } else {
        next.room = make_room();
        begin_task(std::move(next));
    }
}

// Whether a task's outcome is still to go out on this connection: a copy of it gets this one.
bool worker_engine::has_unwritten_answer(std::string_view task_id) const noexcept {
    return std::ranges::any_of(queue_, [task_id](const outgoing& each) {
        return each.is_outcome() && !each.is_refusal() && each.answer.task_id() == task_id;
    });
}

std::string_view worker_engine::leaving_words() const noexcept {
    return stopping_ ? "the worker is shutting down" : "the worker pauses";
}

void worker_engine::begin_held_task() noexcept {
    if (held_ && state_ == engine_state::ready && outbox_bytes_ <= config_->outbox_bytes) {
        assignment next = std::move(*held_);
        held_.reset();
        begin_task(std::move(next));
    }
}

void worker_engine::begin_task(assignment next) noexcept {
    dispatch(engine_event::task_began);
    ++counters_.assigned;
    monotonic_time deadline = never;
    if (next.content.timeout_ms > 0) {
        set_timer(deadline_reason::task_timeout, saturating_milliseconds(next.content.timeout_ms));
        deadline = timer(deadline_reason::task_timeout);
    }
    const delivery name{slot_, generation_, ++serial_};
    running_.emplace(assigned_task{std::move(next.message), next.content, name, deadline, pool_},
                     std::move(next.room));
    assign_pending_ = true;
    fraction_ = 0;
}

// Ends what the application has not seen yet: during a drain nothing is taken, after a stop nothing begins.
void worker_engine::refuse_unseen() noexcept {
    try {
        if (assign_pending_ && stopping_) {
            answer_for_running();
        }
        if (held_) {
            refuse(held_->content.task_id, error_code::worker_shutdown, leaving_words());
            held_.reset();
        }
    } catch (const std::bad_alloc&) { // while it drains, `poll` sees to the rest
        lack_memory();
    }
}

void worker_engine::refuse_unusable(std::string_view task_id, std::string_view reason) {
    const bool of_running =
        (running_ && running_->task.id() == task_id) || (held_ && held_->content.task_id == task_id);
    if (task_id.empty() || of_running || !register_sent_) {
        strike(message_kind::binary);
    } else {
        refuse(task_id, error_code::invalid_task, reason);
    }
}

void worker_engine::refuse(std::string_view task_id, std::string_view code, std::string_view reason) {
    if (unreceipted_refusals_ == max_refusals) {
        close_link(end_cause::peer_violation, "a storm of assignments that had to be refused", 1008);
        return;
    }
    outgoing_list room = make_room();
    outcome_writer answer{task_id, pool_};
    outcome refusal = std::move(answer).fail(code, reason, value{{"reason", reason}});
    ++unreceipted_refusals_;
    ++counters_.refused;
    queue_outcome(std::move(room), std::move(refusal), delivery{slot_, generation_, 0});
    settle();
}

void worker_engine::strike(message_kind kind) noexcept {
    ++counters_.strikes;
    ++strikes_;
    const bool idle = !running_ && !held_ && queue_.empty() && written_.empty();
    if (idle && strikes_ >= max_strikes) {
        close_link(end_cause::peer_violation, "a hundred messages that meant nothing",
                   kind == message_kind::text ? 1003 : 1008);
    }
}

} // namespace distworker
