// Handlers: yours, or the built-in one, which misbehaves as the seed says.
#include "handler_run.hpp"
#include "system.hpp"

#include <distworker/value_writer.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

namespace distworker::sim {

using namespace std::chrono_literals;

void handler_run::after(std::chrono::nanoseconds delay, std::function<void(virtual_task&)> what) {
    around_->at(around_->time() + delay, *on_,
                [self = shared_from_this(), what = std::move(what)](machine&) { what(*self); });
}

void handler_run::stop(stop_reason why) {
    stopped_ = why;
    if (const auto what = std::exchange(on_stop_, nullptr)) {
        what(*this);
    }
}

std::expected<void, misuse> handler_run::progress(double fraction, std::string_view message) {
    return around_->give(*on_, input::progress{task_.name(), fraction, message});
}

std::expected<void, misuse> handler_run::stream(const value& item) {
    stream_item_writer writer{task_, 0.5F};
    write_members(writer.data(), item);
    auto made = std::move(writer).finish();
    if (!made) {
        return std::unexpected{misuse::invalid_value};
    }
    return around_->give(*on_, input::stream{task_.name(), &*made});
}

std::expected<void, misuse> handler_run::complete(const value& result) {
    outcome_writer writer{task_};
    write_members(writer.result(), result);
    return answer(std::move(writer).complete());
}

std::expected<void, misuse> handler_run::fail(std::string_view code, std::string_view message) {
    outcome_writer writer{task_};
    return answer(std::move(writer).fail(code, message));
}

std::expected<void, misuse> handler_run::answer(outcome made) {
    const auto self = shared_from_this();
    is_answered_ = true;
    around_->handler_ended(*on_, task_.name());
    return around_->give(*on_, input::complete{task_.name(), &made});
}

void system::handler_ended(machine& of, const delivery& task) {
    of.runs->handlers.erase(task);
}

void system::begin_handler(machine& of, const assigned_task& task) {
    const deviation name = next(deviation::kind::handler);
    const std::uint64_t stamp = ledger_.begun(task.id());
    log("worker " + std::to_string(of.index) + ": begins " + std::string{task.id()});
    auto run = std::make_shared<handler_run>(*this, of, task, dice(name).next());
    of.runs->handlers.insert_or_assign(task.name(), run);
    if (options_.handler) {
        options_.handler(*run);
    } else {
        built_in_handler(*run, stamp, name);
    }
}

namespace {

using timed = std::chrono::nanoseconds;

// A large result goes over its line in so many chunks at most: each of them is an event.
constexpr std::size_t most_chunks = 1'024;

// How the built-in handler does one task.
struct behaviour {
    timed duration{};
    bool fails = false;
    bool is_deaf = false;
    bool answers_twice = false;
    bool ends_worker = false;
    std::size_t bytes = 0;
    unsigned updates = 0;
    unsigned badness = 0; // which bad result; 0: a good one
};

// Result members that the controller could not keep.
void write_bad(value_writer& out, unsigned which) {
    switch (which) {
    case 1:
        out.member("number", std::numeric_limits<double>::quiet_NaN());
        break;
    case 2:
        out.member("text", std::string_view{"\xC3("});
        break;
    case 3:
        out.member(std::string_view{"a\0b", 3}, 1);
        break;
    case 4:
        out.member("number", -std::numeric_limits<double>::infinity());
        break;
    default: { // too deep, or just not
        const unsigned depth = which == 5 ? 95 : which == 6 ? 96 : which == 7 ? 97 : 10'000;
        out.key("deep");
        for (unsigned i = 1; i < depth; ++i) {
            out.begin_list();
        }
        for (unsigned i = 1; i < depth; ++i) {
            out.end_list();
        }
    }
    }
}

void answer(virtual_task& task, std::uint64_t stamp, const behaviour& how) {
    if (static_cast<const handler_run&>(task).is_answered()) {
        return;
    }
    if (how.fails) {
        static_cast<void>(task.fail("PLANNED", "as planned"));
    } else {
        outcome_writer result{task.task()};
        result.result().member("by", static_cast<double>(stamp));
        if (how.bytes > 0) {
            result.result().member("text", std::string(how.bytes, 'r'));
        }
        if (how.badness > 0) {
            write_bad(result.result(), how.badness);
        }
        static_cast<void>(task.answer(std::move(result).complete()));
    }
    if (how.answers_twice) {
        static_cast<void>(task.progress(0.5, "after the answer"));
        static_cast<void>(task.stream(value{{"after", "the answer"}}));
        static_cast<void>(task.fail("PLANNED", "a second answer"));
        outcome nothing;
        static_cast<void>(task.answer(std::move(nothing)));
    }
}

void update(virtual_task& task, unsigned left) {
    constexpr double odd[] = {-1, 2, std::numeric_limits<double>::quiet_NaN()};
    if (left % 3 == 0) {
        static_cast<void>(
            task.progress(chance(task.random(), 10) ? pick(task.random(), odd) : 1.0 / left, "going on"));
    } else {
        static_cast<void>(
            task.stream(value{{"n", left}, {"text", std::string(number(task.random(), 1, 2'000), 'x')}}));
    }
    if (left > 1) {
        const auto pause = chance(task.random(), 80) ? 0ns : exponential(task.random(), 10ms);
        if (pause == 0ns) {
            update(task, left - 1);
        } else {
            task.after(pause, [left](virtual_task& same) { update(same, left - 1); });
        }
    }
}

} // namespace

void system::built_in_handler(virtual_task& task, std::uint64_t stamp, deviation name) {
    seeded_random& random = task.random();
    behaviour how{.duration = exponential(random, 50ms)};
    std::string odd;
    // Each is drawn, so that what one draws does not depend on another one.
    const auto draw = [&](fault which, std::uint64_t percent) {
        const bool drawn = chance(random, percent) && has(which);
        if (drawn) {
            odd += (odd.empty() ? "" : " ") + std::string{to_string(which)};
        }
        return drawn;
    };
    const bool is_slow = draw(fault::slow_handlers, 3);
    // Only where somebody ends the wait for it.
    bool is_stuck = draw(fault::stuck_handlers, 5) && task.task().timeout_ms() > 0;
    how.fails = draw(fault::failing_handlers, 20);
    how.is_deaf = draw(fault::deaf_handlers, 30);
    how.answers_twice = draw(fault::double_answers, 10);
    how.ends_worker = draw(fault::stop_in_handler, 1);
    const bool is_large = draw(fault::large_results, 5);
    const bool is_bad = draw(fault::bad_results, 10);
    const bool talks = draw(fault::chatty_handlers, 50);
    if (!odd.empty() && happens(name, odd)) {
        if (is_slow) {
            how.duration = across(random, 1s, 3'600s);
        }
        how.bytes = is_large ? static_cast<std::size_t>(across(random, 1ns, 2'000'000ns).count()) : 0;
        how.bytes = is_large && chance(random, 1) ? 17U << 20U : how.bytes;
        how.bytes = std::min({how.bytes, plan_.line.largest_chunk * most_chunks, plan_.largest_message()});
        how.badness = is_bad ? static_cast<unsigned>(number(random, 1, 8)) : 0;
        how.updates = talks ? static_cast<unsigned>(across(random, 1ns, 1'000ns).count()) : 0;
        seen().hit("odd_handler");
    } else {
        how = {.duration = how.duration};
        is_stuck = false;
    }
    if (!how.is_deaf) {
        task.on_stop([stamp, how](virtual_task& same) {
            same.after(20ms, [stamp, how](virtual_task& now) {
                seeded_random& dice = now.random();
                behaviour last = how;
                last.fails = how.fails || chance(dice, 50);
                answer(now, stamp, last);
            });
        });
    }
    if (how.ends_worker) {
        seen().hit("stopped_by_its_handler");
        task.after(how.duration / 2,
                   [](virtual_task& same) { static_cast<handler_run&>(same).stop_worker(); });
    }
    if (how.updates > 0) {
        task.after(how.duration / 4, [updates = how.updates](virtual_task& same) { update(same, updates); });
    }
    if (is_stuck) {
        seen().hit("handler_never_returns");
        return;
    }
    task.after(how.duration, [stamp, how](virtual_task& same) { answer(same, stamp, how); });
}

} // namespace distworker::sim
