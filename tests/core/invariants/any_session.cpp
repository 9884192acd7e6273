#include "core/invariants/any_session.hpp"

#include <algorithm>
#include <sstream>
#include <utility>

namespace distworker::testing {
namespace {

constexpr std::pair<step::kind, int> weights[] = {
    {step::kind::start, 1},     {step::kind::stop, 2},           {step::kind::pause, 1},
    {step::kind::resume, 2},    {step::kind::flush, 1},          {step::kind::set_slots, 1},
    {step::kind::health, 1},    {step::kind::complete, 8},       {step::kind::progress, 4},
    {step::kind::stream, 4},    {step::kind::refuse_signing, 1}, {step::kind::wait, 4},
    {step::kind::wake, 8},      {step::kind::step_back, 1},      {step::kind::leap, 1},
    {step::kind::step_wall, 1}, {step::kind::open, 8},           {step::kind::respond, 8},
    {step::kind::assign, 10},   {step::kind::damaged_assign, 2}, {step::kind::wild, 3},
    {step::kind::noise, 1},     {step::kind::burst, 1},          {step::kind::text, 1},
    {step::kind::part, 2},      {step::kind::large, 1},          {step::kind::ping, 2},
    {step::kind::pong, 6},      {step::kind::old_pong, 1},       {step::kind::alive, 1},
    {step::kind::written, 8},   {step::kind::close, 2},          {step::kind::stale, 1},
};
static_assert(std::size(weights) == step_kinds);

// Puts some fields to an end of their range.
void use_edges(worker_config& config) {
    for (const config_field& field : worker_config_fields()) {
        const auto choice = *rc::gen::inRange(0, 20);
        if (choice > 1) {
            continue;
        }
        if (const auto* time = std::get_if<time_rule>(&field.rule)) {
            config.*time->member = choice == 0 ? time->min : time->max;
        } else if (const auto* count = std::get_if<count_rule>(&field.rule);
                   count != nullptr && field.name != "slots") {
            config.*count->member = choice == 0 ? count->min : count->max;
        }
    }
    config.max_reconnect_attempts = *rc::gen::weightedElement<std::int64_t>({{8, -1}, {1, 0}, {1, 3}});
    // What belongs together stays so.
    config.silence_timeout = std::max(config.silence_timeout, config.silence_probe);
    config.silence_probe =
        std::min(config.silence_probe, config.silence_timeout - std::chrono::milliseconds{1});
    config.reconnect_cap = std::max(config.reconnect_cap, config.reconnect_interval);
    config.receipt_timeout = std::max(config.receipt_timeout, config.receipt_retry);
    config.receipt_retry =
        std::min(config.receipt_retry, config.receipt_timeout - std::chrono::milliseconds{1});
    config.silence_timeout +=
        std::chrono::milliseconds{config.silence_probe < std::chrono::milliseconds{100}};
    config.receipt_timeout +=
        std::chrono::milliseconds{config.receipt_retry < std::chrono::milliseconds{100}};
    config.silence_probe = std::max(config.silence_probe, std::chrono::milliseconds{100});
    config.receipt_retry = std::max(config.receipt_retry, std::chrono::milliseconds{100});
}

std::string name_of(int invariant, const char* says) {
    return "I" + std::to_string(invariant) + ": " + says;
}

} // namespace

rc::Gen<std::vector<step>> any_steps(const std::vector<step::kind>& more) {
    std::vector<step::kind> often;
    for (const auto& [kind, weight] : weights) {
        const bool wanted = std::ranges::find(more, kind) != more.end();
        often.insert(often.end(), static_cast<std::size_t>(wanted ? weight * 10 : weight), kind);
    }
    return rc::gen::container<std::vector<step>>(rc::gen::map(
        rc::gen::tuple(rc::gen::elementOf(often), rc::gen::inRange<std::uint32_t>(0, 3),
                       rc::gen::inRange<std::uint32_t>(0, 1000), rc::gen::inRange<std::uint32_t>(0, 1000)),
        [](const auto& t) { return step{std::get<0>(t), std::get<1>(t), std::get<2>(t), std::get<3>(t)}; }));
}

rc::Gen<worker_config> any_config() {
    return rc::gen::exec([] {
        worker_config config;
        config.controller = "http://localhost:8081";
        config.provisioner = "example";
        config.session =
            *rc::gen::element(session_policy::anonymous, session_policy::one_shot, session_policy::stable);
        if (config.session != session_policy::anonymous) {
            config.worker_id = "w-1";
        }
        config.reconnect = *rc::gen::weightedElement<reconnect_policy>(
            {{4, reconnect_policy::jitter}, {1, reconnect_policy::fixed}});
        config.outbox_bytes = 4096;
        config.stream_bytes = 1024;
        config.max_message_bytes = 8192;
        if (*rc::gen::inRange(0, 3) == 0) {
            use_edges(config);
        }
        return config;
    });
}

std::string shown(const model_setup& setup, const std::vector<step>& steps) {
    std::ostringstream out;
    const worker_config defaults;
    for (const config_field& field : worker_config_fields()) {
        std::visit(
            [&](const auto& rule) {
                if constexpr (requires { out << (setup.config.*rule.member).count(); }) {
                    if (setup.config.*rule.member != defaults.*rule.member) {
                        out << field.name << '=' << (setup.config.*rule.member).count() << " ms ";
                    }
                } else if constexpr (requires { out << setup.config.*rule.member; }) {
                    if (setup.config.*rule.member != defaults.*rule.member) {
                        out << field.name << '=' << setup.config.*rule.member << ' ';
                    }
                }
            },
            field.rule);
    }
    out << to_string(setup.config.session) << ' ' << to_string(setup.config.reconnect)
        << (setup.group ? " group\n" : " engine\n");
    for (const step& s : steps) {
        out << s << ' ';
    }
    return out.str();
}

std::string run_model(const model_setup& setup, const std::vector<step>& steps, rulebook& book) {
    session_model model{setup, book};
    model.take({step::kind::start});
    for (const step& s : steps) {
        model.take(s);
    }
    model.finish();
    return model.log();
}

void expect_holds(int invariant, const char* says, const focus& on) {
    std::uint64_t checks = 0;
    std::uint64_t runs = 0;
    EXPECT_TRUE(rc::check(name_of(invariant, says), [&] {
        model_setup setup{.config = *any_config(), .group = *rc::gen::inRange(0, 3) == 0};
        setup.config.slots = setup.group ? *rc::gen::inRange<std::uint64_t>(1, 4) : 1;
        const auto steps = *rc::gen::scale(3.0, any_steps(on.more));
        rulebook book{invariant};
        try {
            run_model(setup, steps, book);
        } catch (const violation& broken) {
            RC_LOG() << broken.what() << "\n" << shown(setup, steps);
            RC_FAIL("an invariant is broken");
        }
        checks += book.checks(invariant);
        ++runs;
    }));
    EXPECT_GT(checks, runs) << "the runs hardly put it to the test";
}

} // namespace distworker::testing
