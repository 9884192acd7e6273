#include "core/invariants/outbox_watch.hpp"

#include <algorithm>
#include <iterator>

namespace distworker::testing {

std::uint64_t digest_of(std::span<const std::byte> bytes) {
    fingerprint all;
    all.add(bytes);
    return all.value();
}

void due_frame::add_to(fingerprint& all) const {
    all.add(id, task.generation, task.serial, code, digest, is_stream, sent, covered);
}

std::size_t outbox_watch::refusals() const noexcept {
    const auto count = std::ranges::count_if(queue_, &due_frame::is_refusal) +
                       std::ranges::count_if(written_, &due_frame::is_refusal);
    return static_cast<std::size_t>(count);
}

bool outbox_watch::awaits(std::string_view task_id) const noexcept {
    return std::ranges::any_of(queue_, [&](const due_frame& each) {
        return !each.is_stream && !each.is_refusal() && each.id == task_id;
    });
}

void outbox_watch::comes_back(due_frame frame) {
    hand_back(std::move(frame), false);
}

void outbox_watch::hand_back(due_frame&& frame, bool maybe) {
    if (!frame.is_stream) {
        frame.sent = maybe;
        returned_.push_back(std::move(frame));
    }
}

void outbox_watch::written(const link_watch& link) {
    if (std::exchange(flight_, flight::none) != flight::due || queue_.empty()) {
        return;
    }
    due_frame done = std::move(queue_.front());
    queue_.erase(queue_.begin());
    if (!done.is_stream) {
        done.covered = link.pings().size() + 1;
        written_.push_back(std::move(done));
    }
}

void outbox_watch::ponged(std::span<const std::byte> payload, const link_watch& link, const moment& m) {
    const auto asked = std::ranges::find_if(
        link.pings(), [&](const auto& ping) { return std::ranges::equal(ping, payload); });
    const auto serial = static_cast<std::uint64_t>(asked - link.pings().begin()) + 1;
    std::uint64_t proven = 0;
    if (m.link_was_up() && asked != link.pings().end() && serial > ponged_) {
        ponged_ = serial;
        for (; !written_.empty() && written_.front().covered <= serial; ++proven) {
            written_.erase(written_.begin());
        }
    }
    book_->check(10, m.more(&engine_counters::receipted) == proven,
                 "a pong proves what was written before its ping, and nothing else");
}

void outbox_watch::ended(bool kept) {
    if (kept) { // to be sent again, in the old order
        for (due_frame& each : written_) {
            each.covered = 0;
        }
        queue_.insert(queue_.begin(), std::move_iterator{written_.begin()},
                      std::move_iterator{written_.end()});
    } else {
        for (due_frame& each : written_) {
            hand_back(std::move(each), true);
        }
        for (due_frame& each : queue_) {
            hand_back(std::move(each), each.sent);
        }
        queue_.clear();
    }
    written_.clear();
    ended_ids_.clear();
    ponged_ = 0;
    flight_ = flight::none;
}

due_frame* outbox_watch::take_front(bool is_stream, std::string_view task_id,
                                    std::span<const std::byte> bytes) {
    flight_ = flight::due;
    if (queue_.empty() || queue_.front().is_stream != is_stream || queue_.front().id != task_id) {
        book_->check(ended_ids_.contains(task_id) ? 8 : 9, false,
                     "what goes out is what is due next: no second outcome, none that nobody asked for");
        flight_ = flight::other;
        return nullptr;
    }
    due_frame& front = queue_.front();
    const std::uint64_t digest = digest_of(bytes);
    book_->check(is_stream ? 18 : 8, front.digest == 0 || front.digest == digest,
                 "it goes out as it was given, each time");
    front.digest = digest;
    front.sent = true;
    return &front;
}

void outbox_watch::took_item(const task_progress_view& frame, std::span<const std::byte> bytes) {
    take_front(true, frame.task_id, bytes);
}

delivery outbox_watch::took_outcome(std::string_view task_id, std::string_view error_code,
                                    std::span<const std::byte> bytes) {
    const due_frame* const front = take_front(false, task_id, bytes);
    ended_ids_.emplace(task_id);
    if (front == nullptr) {
        return {};
    }
    book_->check(front->rule, front->code.empty() || front->code == error_code,
                 "the code is the one that is asked for");
    return front->task;
}

void outbox_watch::took(const output::undeliverable& out) {
    book_->check(10, !returned_.empty() && !out.answer.empty(), "what comes back was due, and is whole");
    if (returned_.empty()) {
        return;
    }
    const due_frame back = std::move(returned_.front());
    returned_.erase(returned_.begin());
    book_->check(10, out.task == back.task, "outcomes come back in their order");
    book_->check(10, back.digest == 0 || back.digest == digest_of(out.answer.frame()),
                 "an outcome comes back as it was given");
    book_->check(10, (out.how_sure == certainty::maybe_processed) == back.sent,
                 "what was begun to be written may have been processed, the rest was not sent");
}

void outbox_watch::rests(const engine_snapshot& now, bool may_write) const {
    book_->check(10, now.written == written_.size(), "what is written waits for its receipt");
    book_->check(10, now.queued >= queue_.size(), "what is due is kept");
    book_->check(8, !may_write || (now.queued == 0 && queue_.empty()), "what is due goes out at once");
    book_->check(10, returned_.empty() && now.handed_back == 0, "what comes back is told at once");
}

void outbox_watch::add_to(fingerprint& all) const {
    const auto& [book, queue, written, returned, ended_ids, ponged, in_flight] = *this;
    all.add(queue, written, returned, ended_ids, ponged, in_flight);
}

} // namespace distworker::testing
