// The model's frame: calls and outputs, each shown to the watches; the peers' part is in session_peer.cpp.
#include "core/invariants/session_model.hpp"

#include <distworker/overloaded.hpp>

#include <algorithm>

namespace distworker::testing {
namespace {

using namespace std::chrono_literals;

std::unique_ptr<subject> make_subject(const model_setup& setup, const valid_worker_config& config,
                                      signer sign) {
    if (setup.group) {
        return std::make_unique<one_group>(config, std::move(sign), setup.seed);
    }
    return std::make_unique<one_engine>(config, std::move(sign), setup.seed);
}

/// The slot that an input names; none for what is everyone's.
std::optional<std::uint32_t> slot_of(const group_input& what) {
    return std::visit(
        [](const auto& in) -> std::optional<std::uint32_t> {
            if constexpr (requires { in.slot; }) {
                return in.slot;
            } else if constexpr (requires { in.task.slot; }) {
                return in.task.slot;
            } else {
                return std::nullopt;
            }
        },
        what);
}

} // namespace

session_model::session_model(const model_setup& setup, rulebook& book)
    : book_{&book}, config_{setup.config.validate().value()},
      worker_{make_subject(setup, config_, desk_.sign())}, group_{setup.group}, chunk_{setup.chunk},
      undated_log_{setup.undated_log}, now_{setup.begin} {
    if (setup.wall_seed != 0) {
        walls_.emplace(setup.wall_seed);
    }
}

void session_model::take(const step& s) {
    perform(s, s.slot % worker_->slots());
    // Now and then nobody polls between two calls, or not to the end.
    const std::uint32_t polls = (s.a + s.b) % 6;
    if (polls == 1) {
        drain(1 + s.b % 3);
    } else if (polls != 0) {
        drain(SIZE_MAX);
    }
}

void session_model::finish() {
    give(input::start{});
    drain(SIZE_MAX);
    give(input::stop{end_reason::stop_requested, 5s});
    for (int i = 0; i < 400 && !stopped_; ++i) {
        drain(SIZE_MAX);
        for (std::uint32_t slot = 0; slot < peers_.size(); ++slot) {
            write_done(slot);
            for (const assigned_task& task : std::exchange(peers_[slot].tasks, {})) {
                answer(task, {});
            }
        }
        drain(SIZE_MAX);
        if (idle_.deadline != never) {
            advance_to(std::max(idle_.deadline, now_.monotonic));
        }
    }
    drain(SIZE_MAX);
    book_->check(16, stopped_, "a worker that is to stop ends, whatever the peer does");
    for (std::uint32_t slot = 0; slot < worker_->slots(); ++slot) {
        book_->check(10, worker_->slot(slot).outbox_bytes() == 0, "the end leaves nothing in the outbox");
        book_->check(7, worker_->slot(slot).state() == engine_state::stopped, "the end leaves no connection");
    }
}

void session_model::advance_to(monotonic_time t) {
    now_.wall += std::chrono::floor<std::chrono::milliseconds>(t - now_.monotonic);
    now_.monotonic = t;
}

call_result session_model::give(const group_input& what) {
    if (walls_) { // from 2020 to the end of 9999, when a registration can be signed
        constexpr std::uint64_t first = 1'577'836'800'000;
        constexpr std::uint64_t last = 253'402'300'799'000;
        now_.wall = wall_time{std::chrono::milliseconds{first + scale_random(walls_->next(), last - first)}};
    }
    const auto slot = slot_of(what);
    const auto of_slots = [&](auto&& each) {
        for (std::uint32_t i = 0; i < watches_.size(); ++i) {
            if (!slot || *slot == i) {
                each(watches_[i], worker_->slot(i));
            }
        }
    };
    of_slots([&](slot_watch& watch, const worker_engine& engine) { watch.giving(what, engine); });
    const call_result result = worker_->give(what, now_);
    if (stopped_) {
        const bool may_fail =
            std::holds_alternative<input::start>(what) || std::holds_alternative<input::stop>(what) ||
            std::holds_alternative<input::pause>(what) || std::holds_alternative<input::resume>(what) ||
            std::holds_alternative<input::complete>(what) || std::holds_alternative<input::progress>(what) ||
            std::holds_alternative<input::stream>(what);
        book_->check(30, !may_fail || !result, "behind the end every call is refused that can be");
    }
    while (watches_.size() < worker_->slots()) {
        watches_.emplace_back(config_, *book_);
        peers_.emplace_back();
    }
    of_slots([&](slot_watch& watch, const worker_engine& engine) { watch.gave(what, result, engine, now_); });
    return result;
}

bool session_model::poll() {
    group_output next = worker_->poll(now_);
    const auto signed_now = desk_.take();
    const auto* const idle = std::get_if<output::idle>(&next.out);
    const bool whole_end = std::holds_alternative<output::stopped>(next.out);
    for (std::uint32_t i = 0; i < watches_.size(); ++i) {
        if (idle != nullptr || (i == next.slot && !(group_ && whole_end))) {
            watches_[i].took(next.out, signed_now, worker_->slot(i), now_);
        } else {
            watches_[i].looked_at(worker_->slot(i), now_);
        }
    }
    if (idle != nullptr) {
        idle_ = *idle;
        return false;
    }
    book_->check(30, !stopped_, "nothing comes behind the end");
    stopped_ = whole_end;
    log(next.slot, next.out);
    react(next.slot, next.out);
    return true;
}

void session_model::drain(std::size_t at_most) {
    for (std::size_t i = 0; i < at_most && poll(); ++i) {
        if (i == 10'000) {
            book_->check(20, false, "it never comes to rest");
            return;
        }
    }
}

void session_model::react(std::uint32_t slot, engine_output& out) {
    peer& p = peers_[slot];
    std::visit(overloaded{
                   [&](const output::connect& o) {
                       p.generation = o.generation;
                       p.asked = true;
                       p.opened = p.writing = false;
                       p.old_pings.insert(p.old_pings.end(), p.pings.begin(), p.pings.end());
                       p.pings.clear();
                   },
                   [&](const output::send&) {
                       p.writing = true;
                       if (++p.writes % 3 != 0) { // others take until the next `written`
                           write_done(slot);
                       }
                   },
                   [&](const output::ping& o) { p.pings.push_back(o.payload); },
                   [&](const output::assigned& o) {
                       constexpr std::size_t remembered = 6;
                       p.tasks.push_back(o.task);
                       if (p.tasks.size() > remembered) {
                           p.tasks.pop_front();
                       }
                   },
                   [&](const output::disconnected&) { p.asked = p.opened = p.writing = false; },
                   [](const auto&) {},
               },
               out);
}

void session_model::log(std::uint32_t slot, const engine_output& out) {
    log_ << slot << ' ';
    std::visit(overloaded{
                   [&](const output::idle&) {},
                   [&](const output::connect& o) { log_ << "connect " << o.generation; },
                   [&](const output::send& o) { log_frame(o); },
                   [&](const output::ping& o) { log_ << "ping " << as_text(o.payload); },
                   [&](const output::close& o) { log_ << "close " << o.code; },
                   [&](const output::abort& o) { log_ << "abort " << o.generation; },
                   [&](const output::assigned& o) {
                       log_ << "assigned " << o.task.id() << ' ' << o.task.name().serial << ' '
                            << o.task.deadline().time_since_epoch().count();
                   },
                   [&](const output::stop_task& o) {
                       log_ << "stop " << o.task.serial << ' ' << to_string(o.reason);
                   },
                   [&](const output::writable& o) { log_ << "writable " << o.task.serial; },
                   [&](const output::undeliverable& o) {
                       log_ << "undeliverable " << as_text(o.answer.frame()) << ' ' << to_string(o.how_sure);
                   },
                   [&](const output::sample_wanted&) { log_ << "sample"; },
                   [&](const output::state_changed& o) { log_ << "state " << to_string(o.state); },
                   [&](const output::disconnected& o) {
                       log_ << "disconnected " << o.end.detail << ' ' << to_string(o.end.cause) << ' '
                            << o.end.retry_at.time_since_epoch().count();
                   },
                   [&](const output::stopped& o) { log_ << "stopped " << to_string(o.reason); },
               },
               out);
    log_ << '\n';
}

void session_model::log_frame(const output::send& out) {
    const auto frame = read_frame(out.bytes);
    if (undated_log_ && frame && std::holds_alternative<worker_register_view>(*frame)) {
        log_ << "register";
    } else if (undated_log_ && frame && std::holds_alternative<heartbeat_view>(*frame)) {
        log_ << "heartbeat";
    } else {
        log_ << "send " << as_text(out.bytes);
    }
}

} // namespace distworker::testing
