#include <distworker/frame.hpp>
#include <distworker/overloaded.hpp>
#include <distworker/sim/witness.hpp>

namespace distworker::sim {
namespace {

std::string name_of(const delivery& task) {
    return std::to_string(task.slot) + "/" + std::to_string(task.generation) + "/" +
           std::to_string(task.serial);
}

} // namespace

void witness::accuse(const char* invariant, std::string what) {
    accusations_.push_back(std::string{invariant} + ": " + std::move(what));
}

void witness::connecting(std::uint32_t slot, std::uint32_t generation, monotonic_time now, bool jitter) {
    connection& link = connections_[slot];
    if (link.live) {
        accuse("I7", "a second connection while one is up");
    }
    if (generation <= link.generation) {
        accuse("I5", "a generation that does not grow");
    }
    const auto last = last_attempt_.find(slot);
    if (jitter && last != last_attempt_.end() && now - last->second < min_reconnect_delay) {
        accuse("I25", "two attempts within 250 ms");
    }
    if (stopped_) {
        accuse("I6", "a connection after the end");
    }
    last_attempt_[slot] = now;
    link = {.generation = generation, .live = true};
}

void witness::sending(std::uint32_t slot, std::span<const std::byte> bytes, bool still_writing) {
    connection& link = connections_[slot];
    if (!link.live || link.close_sent) {
        accuse("I6", "a frame behind the end of its connection");
    }
    if (still_writing) {
        accuse("I21", "a second message while one is being written");
    }
    const auto frame = read_frame(bytes);
    if (!frame) {
        accuse("I14", "a frame that cannot be read: " + std::string{frame.error().reason});
        return;
    }
    if (!link.register_sent) {
        if (!std::holds_alternative<worker_register_view>(*frame)) {
            accuse("I1", "the first frame is not REGISTER");
        }
        link.register_sent = true;
        return;
    }
    const auto ends = [&](std::string_view id) {
        const auto found = link.running_ids.find(std::string{id});
        if (found != link.running_ids.end() && --found->second == 0) {
            link.running_ids.erase(found);
        }
        if (link.running_id == id) { // the engine may answer for a handler that goes on
            link.running.reset();
        }
    };
    std::visit(overloaded{
                   [&](const worker_register_view&) { accuse("I1", "a second REGISTER"); },
                   [&](const task_complete_view& done) {
                       if (!link.running_ids.contains(std::string{done.task_id})) {
                           accuse("I9", "TASK_COMPLETE for a task that does not run");
                       }
                       ends(done.task_id);
                   },
                   [&](const task_failed_view& failed) { ends(failed.task_id); },
                   [&](const task_progress_view& progress) {
                       if (!link.running_ids.contains(std::string{progress.task_id})) {
                           accuse("I9", "progress for a task that does not run");
                       }
                   },
                   [](const auto&) {},
               },
               *frame);
    if (!link.answered) {
        // An assignment held until the registration's deadline proves acceptance without an answer.
        seen_->hit("registered_without_answer");
        link.answered = true;
    }
}

void witness::pinging(std::uint32_t slot, bool still_writing) {
    if (still_writing) {
        accuse("I10", "a receipt is asked for before the outcome is written");
    }
    if (!connections_[slot].live) {
        accuse("I6", "a ping without a connection");
    }
    seen_->hit("receipt_asked");
}

void witness::closing(std::uint32_t slot) {
    if (std::exchange(connections_[slot].close_sent, true)) {
        accuse("I6", "a second Close");
    }
}

void witness::assigned(const assigned_task& task) {
    connection& link = connections_[task.name().slot];
    if (!deliveries_.insert(task.name()).second) {
        accuse("I12", "delivery " + name_of(task.name()) + " twice");
    }
    if (link.running) {
        accuse("I11", "a second delivery on a slot");
    }
    link.running = task.name();
    link.running_id = task.id();
    ++link.running_ids[std::string{task.id()}];
}

void witness::answered(const delivery& task) {
    connection& link = connections_[task.slot];
    if (link.running == task) {
        link.running.reset();
    }
}

void witness::stop_asked(const delivery& task, stop_reason why) {
    if (!deliveries_.contains(task)) {
        accuse("I12", "a stop for what was never assigned");
    }
    seen_->hit(why == stop_reason::timeout           ? "stop_for_timeout"
               : why == stop_reason::connection_lost ? "stop_for_lost_connection"
                                                     : "stop_for_shutdown");
    if (why == stop_reason::connection_lost) {
        connections_[task.slot].running.reset();
    }
}

void witness::disconnected(std::uint32_t slot, std::uint32_t generation) {
    connection& link = connections_[slot];
    if (!link.live || link.generation != generation) {
        accuse("I7", "an end without its connection");
    }
    link.live = false;
    link.running_ids.clear();
}

void witness::undeliverable(const output::undeliverable& lost) {
    if (lost.task.serial == 0) {
        seen_->hit("refusal_undeliverable");
        return;
    }
    seen_->hit(lost.how_sure == certainty::not_sent ? "undeliverable_not_sent" : "undeliverable_maybe");
    if (!deliveries_.contains(lost.task)) {
        accuse("I10", "an outcome handed back of what was never assigned");
    }
}

void witness::stopped() {
    if (std::exchange(stopped_, true)) {
        accuse("L4", "two ends");
    }
}

void witness::idle(monotonic_time deadline, monotonic_time now) {
    if (deadline <= now) {
        accuse("I20", "idle with a deadline that has passed");
    }
}

void witness::received_response(std::uint32_t slot) {
    connections_[slot].answered = true;
}

void witness::finish(const engine_counters& counters, std::size_t still_running) {
    // Answers that the engine gave itself count among those it queued.
    const std::uint64_t ended = counters.receipted + counters.undeliverable;
    const std::uint64_t outcomes = counters.completed + counters.failed + counters.refused;
    if (ended < outcomes) {
        accuse("I10", std::to_string(outcomes) + " outcomes, of which only " + std::to_string(ended) +
                          " were receipted or handed back");
    }
    if (still_running > deliveries_.size()) {
        accuse("I8", "more handlers than deliveries");
    }
}

} // namespace distworker::sim
