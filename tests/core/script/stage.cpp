// The stage itself: what plays on it, its clock, and how what the engine says is done.
#include "stage.hpp"

#include "words.hpp"

#include <distworker/overloaded.hpp>

#include <algorithm>

namespace distworker::testing {
namespace {

constexpr std::chrono::seconds peer_pings_every{3};

signer signer_that_may_fail(std::shared_ptr<int> failures) {
    return [left = std::move(failures)](
               std::string_view, std::span<const std::byte>) -> std::expected<digest32, signing_error> {
        if (*left > 0) {
            --*left;
            return std::unexpected{signing_error{signing_error::kind::token_unavailable, "no token"}};
        }
        return digest32{};
    };
}

std::variant<worker_engine, worker_group> cast(const script& plays, const std::shared_ptr<int>& failures) {
    const auto config = plays.config.validate();
    if (!config) {
        throw script_error{plays.place + ": " + config.error().front().field + " cannot be used"};
    }
    if (plays.is_group) {
        return worker_group{*config, signer_that_may_fail(failures), 1};
    }
    return worker_engine{*config, signer_that_may_fail(failures), 1};
}

} // namespace

stage::stage(const script& plays, options how)
    : how_{how}, plays_{cast(plays, signer_failures_)}, watch_{plays.config.validate()->session()} {}

bool stage::give(const script_input& input) {
    bool done = true;
    if (input.repeat == 0) {
        done = do_once(input);
    }
    const std::size_t place = input.repeat == 0 ? std::string::npos : input.line.find('%');
    for (std::size_t i = 1; i <= input.repeat; ++i) {
        if (place == std::string::npos) {
            done = do_once(input) && done;
            continue;
        }
        std::string line = input.line;
        script_input numbered{line.replace(place, 1, std::to_string(i))};
        done = do_once(numbered) && done;
    }
    if (!done && how_.strict) {
        throw script_error{"there is nothing that this could be done to"};
    }
    return done;
}

bool stage::do_once(const script_input& input) {
    const auto found = deeds().find(input.name);
    if (found == deeds().end()) {
        throw script_error{"no input is called '" + input.name + "'"};
    }
    return found->second(*this, input.slot.value_or(0), input);
}

std::vector<std::string> stage::take() {
    std::vector<std::string> lines = std::exchange(lines_, {});
    take_into(lines, true);
    return lines;
}

void stage::take_into(std::vector<std::string>& lines, bool with_idle) {
    const bool group = std::holds_alternative<worker_group>(plays_);
    for (;;) {
        const group_output out =
            std::visit(overloaded{[&](worker_engine& engine) { return group_output{0, engine.poll(now_)}; },
                                  [&](worker_group& many) { return many.poll(now_); }},
                       plays_);
        watch_.saw(out, engine(out.slot).counters(), now_.monotonic);
        const auto* const idle = std::get_if<output::idle>(&out.out);
        if (how_.strict && (with_idle || idle == nullptr)) {
            lines.push_back(line_of(out, now_.monotonic, group));
        }
        if (idle != nullptr) {
            idle_ = *idle;
            return;
        }
        perform(out);
    }
}

// What a transport and an application have to do at once.
void stage::perform(const group_output& out) {
    peer& at = peers_[out.slot];
    std::visit(overloaded{
                   [&](const output::connect& o) {
                       at = {};
                       at.generation = o.generation;
                   },
                   [&](const output::send& o) {
                       const auto frame = read_frame(o.bytes);
                       at.registering = std::holds_alternative<worker_register_view>(*frame);
                       at.write_held = hold_writes_;
                       if (!hold_writes_) {
                           watch_.written(out.slot);
                           on(out.slot, [&](worker_engine& e) { e.sent(o.generation, now_); });
                       }
                   },
                   [&](const output::ping& o) {
                       at.payload = o.payload;
                       ++at.pings;
                   },
                   [&](const output::abort&) { at = {}; },
                   [&](const output::disconnected&) { at = {}; },
                   [&](const output::assigned& o) {
                       tasks_.insert_or_assign({o.task.name().slot, o.task.name().serial}, o.task);
                   },
                   [](const auto&) {},
               },
               out.out);
}

void stage::advance(std::chrono::nanoseconds time) {
    now_.monotonic += time;
    now_.wall += std::chrono::floor<std::chrono::milliseconds>(time);
}

bool stage::wait() {
    if (idle_.deadline == never) {
        return false;
    }
    advance(std::max(idle_.deadline - now_.monotonic, std::chrono::nanoseconds::zero()));
    return true;
}

bool stage::pass(std::chrono::nanoseconds time) {
    const monotonic_time end = now_.monotonic + time;
    if (how_.strict && idle_.deadline <= end) {
        throw script_error{"the engine has to be woken before"};
    }
    wake_until(end);
    return true;
}

// As a driver would: at each deadline, and at the end.
void stage::wake_until(monotonic_time end) {
    while (idle_.deadline <= end) {
        wait();
        take_into(lines_, false);
    }
    advance(end - now_.monotonic);
}

void stage::live(std::chrono::nanoseconds time) {
    const monotonic_time end = now_.monotonic + time;
    while (now_.monotonic < end) {
        wake_until(std::min(end, now_.monotonic + peer_pings_every));
        for (const auto& [slot, at] : peers_) {
            if (at.opened) {
                on(slot, [&](worker_engine& e) { e.pinged(at.generation, now_); });
            }
        }
        take_into(lines_, false);
    }
}

shown_state stage::shown() const {
    return std::visit([](const auto& plays) { return testing::shown(plays.snapshot()); }, plays_);
}

engine_counters stage::counters() const {
    return std::visit([](const auto& plays) -> engine_counters { return plays.counters(); }, plays_);
}

std::size_t stage::slots() const {
    return std::visit(overloaded{[](const worker_engine&) { return std::size_t{1}; },
                                 [](const worker_group& group) { return group.slots(); }},
                      plays_);
}

const worker_engine& stage::engine(std::uint32_t slot) const {
    return std::visit(
        overloaded{[](const worker_engine& engine) -> const worker_engine& { return engine; },
                   [slot](const worker_group& group) -> const worker_engine& { return group.slot(slot); }},
        plays_);
}

std::size_t stage::outbox_bytes() const {
    std::size_t sum = 0;
    for (std::uint32_t slot = 0; slot < slots(); ++slot) {
        sum += engine(slot).outbox_bytes();
    }
    return sum;
}

} // namespace distworker::testing
