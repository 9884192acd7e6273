// What a watched slot's application does with its tasks.
#include "core/invariants/task_watch.hpp"

#include <algorithm>
#include <cmath>

namespace distworker::testing {
namespace {

bool take_out(auto& from, const delivery& task) {
    const auto found = std::ranges::find(from, task);
    if (found == from.end()) {
        return false;
    }
    from.erase(found);
    return true;
}

} // namespace

void task_watch::giving(const input::complete& in) {
    given_digest_ = digest_of(in.answer->frame());
    given_size_ = in.answer->frame().size();
}

void task_watch::giving(const input::stream& in, const worker_engine& slot) {
    given_digest_ = digest_of(in.item->frame());
    given_size_ = in.item->size();
    queued_before_ = slot.snapshot().stream_bytes;
}

void task_watch::answered(outbox_watch& outbox, std::string_view code, int rule, std::uint64_t digest) {
    outbox.due({.id = running_->id, .task = running_->name, .code = code, .rule = rule, .digest = digest});
    running_.reset();
    blocked_ = false;
}

void task_watch::gave(const input::complete& in, const call_result& result, outbox_watch& outbox,
                      const moment& m) {
    const std::uint64_t ends = m.more(&engine_counters::completed) + m.more(&engine_counters::failed);
    if (given_size_ > 0 && lost_ == in.task) { // who has answered need not be asked
        lost_.reset();
    }
    if (given_size_ == 0) {
        book_->check(30, result == std::unexpected{misuse::invalid_value} && ends == 0,
                     "an empty answer is none");
    } else if (runs(in.task)) {
        book_->check(8, result.has_value() && ends == 1, "the first answer to a delivery is taken");
        const bool late = running_->timed_out;
        book_->check(15, m.more(&engine_counters::stale) == (late ? 1U : 0U),
                     "an answer behind the timeout is discarded and counted");
        answered(outbox, late ? error_code::timeout : std::string_view{}, 15, late ? 0 : given_digest_);
    } else if (std::ranges::find(orphans_, in.task) != orphans_.end() &&
               (result || m.is() != engine_state::stopped)) {
        book_->check(10, result.has_value() && ends == 0, "an answer whose connection is gone comes back");
        take_out(orphans_, in.task);
        outbox.comes_back({.task = in.task, .digest = given_digest_});
    } else {
        book_->check(11,
                     result == std::unexpected{misuse::stale_delivery} && ends == 0 &&
                         m.more(&engine_counters::stale) == 1,
                     "another answer to a delivery is stale, counted, and ends nothing");
        take_out(stuck_, in.task);
    }
}

void task_watch::gave(const input::progress& in, const call_result& result, progress_watch& progress,
                      const moment& m) {
    if (!runs(in.task)) {
        book_->check(9, result == std::unexpected{misuse::stale_delivery}, "no progress behind the end");
    } else if (std::isnan(in.fraction)) {
        book_->check(18, result == std::unexpected{misuse::invalid_value}, "no progress is not a number");
    } else {
        book_->check(18, result.has_value(), "progress of the running task is taken");
        progress.called(in.task, running_->id, in.fraction, in.message, m);
    }
}

void task_watch::gave(const input::stream& in, const call_result& result, outbox_watch& outbox,
                      const moment& m) {
    const bool fits = queued_before_ == 0 || queued_before_ + given_size_ <= m.config->stream_bytes;
    if (!runs(in.task)) {
        book_->check(9, result == std::unexpected{misuse::stale_delivery}, "no item behind the end");
    } else if (given_size_ == 0) {
        book_->check(30, result == std::unexpected{misuse::invalid_value}, "an empty item is none");
    } else if (!fits) {
        book_->check(18, result == std::unexpected{misuse::would_block} && !in.item->empty(),
                     "a full queue takes no item, and leaves it");
        blocked_ = true;
    } else {
        book_->check(18, result.has_value(), "an item that fits is taken");
        outbox.due({.id = running_->id, .task = in.task, .digest = given_digest_, .is_stream = true});
    }
}

// --- The application's other calls ---

void task_watch::held_is_refused(outbox_watch& outbox, const moment& m) {
    if (held_) {
        const held_task held = *held_;
        held_.reset();
        refusal(held.id, error_code::worker_shutdown, 12, outbox, m);
    }
}

void task_watch::ending(outbox_watch& outbox, const moment& m) {
    ending_ = true;
    const bool in_session = m.link_was_up() && m.was != engine_state::registering;
    if (in_session && m.is() != engine_state::stopped) {
        if (running_ && !running_->told) {
            book_->check(12, m.more(&engine_counters::abandoned) == 1, "nothing begins behind a stop");
            answered(outbox, running_->timed_out ? error_code::timeout : error_code::worker_shutdown,
                     running_->timed_out ? 15 : 12, 0);
        }
        held_is_refused(outbox, m);
    }
}

void task_watch::gave_pause(const call_result& result, outbox_watch& outbox, const moment& m) {
    if (result && !ending_ && (m.was == engine_state::ready || m.was == engine_state::busy)) {
        held_is_refused(outbox, m);
    }
}

} // namespace distworker::testing
