#include "core/invariants/progress_watch.hpp"

#include <distworker/utf8.hpp>

#include <algorithm>

namespace distworker::testing {
namespace {

constexpr std::size_t max_update_text_bytes = 4096;

} // namespace

void progress_watch::called(const delivery& task, std::string_view task_id, double fraction,
                            std::string_view message, const moment& m) {
    calls_.push_back({task, std::string{task_id}, static_cast<float>(std::clamp(fraction, 0.0, 1.0)),
                      std::string{to_valid_utf8(message, max_update_text_bytes)}, m.now.monotonic});
}

void progress_watch::ended(bool kept) {
    if (!kept) {
        calls_.clear();
    } else if (in_flight_ && !calls_.empty()) {
        calls_.front().sent = false;
        calls_.front().again = true;
    }
    in_flight_ = false;
    too_soon_ = false;
}

void progress_watch::took_other_of(std::string_view task_id) noexcept {
    if (task_id == last_id_) {
        too_soon_ = false;
    }
}

void progress_watch::took_outcome(const delivery& task) {
    const auto of_task = [&](const call& each) { return each.task == task; };
    const auto last = std::find_if(calls_.rbegin(), calls_.rend(), of_task);
    book_->check(18, last == calls_.rend() || last->sent, "the latest update goes out before the outcome");
    std::erase_if(calls_, of_task);
}

void progress_watch::took(const task_progress_view& frame, const moment& m) {
    book_->check(18, !too_soon_, "updates keep their distance");
    book_->check(18, frame.progress >= 0 && frame.progress <= 1, "progress is 0 to 1");
    in_flight_ = true;
    const auto what = std::ranges::find_if(calls_, [&](const call& each) {
        return !each.sent && each.task_id == frame.task_id && each.fraction == frame.progress &&
               each.message == frame.message;
    });
    book_->check(9, what != calls_.end(),
                 "an update is one that its running task gave, and none is overtaken by an older one");
    if (what == calls_.end()) {
        return;
    }
    calls_.erase(calls_.begin(), what);
    call& sent = calls_.front();
    sent.sent = true;
    // It was queued when it was called or later, so the one before was, too.
    too_soon_ = !sent.again && last_ != monotonic_time::min() &&
                m.now.monotonic < saturating_add(last_, m.config->progress_interval);
    last_ = sent.at;
    last_id_ = sent.task_id;
}

void progress_watch::rests(bool may_write) const {
    book_->check(18, !may_write || !too_soon_, "updates keep their distance");
}

void progress_watch::add_to(fingerprint& all) const {
    const auto& [book, calls, last, too_soon, last_id, in_flight] = *this;
    all.add(calls, last, too_soon, last_id, in_flight);
}

} // namespace distworker::testing
