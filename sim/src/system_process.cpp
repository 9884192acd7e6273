// Worker processes: their machines, configuration, birth and death.
#include "handler_run.hpp"
#include "hostile_frames.hpp"
#include "system.hpp"

#include <distworker/openssl_crypto.hpp>
#include <distworker/overloaded.hpp>

#include <algorithm>

namespace distworker::sim {

using namespace std::chrono_literals;

void system::make_machines() {
    for (std::uint32_t index = 0; index < options_.workers; ++index) {
        machine made;
        made.index = index;
        const deviation name = next(deviation::kind::process);
        seeded_random random = dice(name);
        constexpr session_policy faithful[] = {session_policy::anonymous, session_policy::anonymous,
                                               session_policy::one_shot};
        constexpr session_policy ideal[] = {session_policy::stable, session_policy::stable,
                                            session_policy::stable, session_policy::anonymous};
        made.policy = options_.mode == mode::ideal ? pick(random, ideal) : pick(random, faithful);
        local_clock::character its{.origin = random.uniform(0h, 100'000h)};
        using drift = local_clock::drift;
        constexpr drift shapes[] = {drift::steady, drift::periodic, drift::random, drift::leaping};
        const drift shape = pick(random, shapes);
        const auto swing = static_cast<double>(number(random, 1, 50)) / 1'000;
        const auto piece = across(random, 10s, 600s);
        const auto jump = across(random, 1ms, 20s);
        const auto tick = across(random, 1us, 100ms);
        if (plan_.has(fault::clock_drift) && happens(name, "a clock of its own speed")) {
            its.shape = shape;
            its.swing = shape == drift::leaping ? 0 : swing;
            its.piece = piece;
            its.leap = jump;
            constexpr std::string_view words[] = {"", "clock_steady", "clock_periodic", "clock_random",
                                                  "clock_leaping"};
            seen().hit(words[static_cast<std::size_t>(shape)]);
        }
        if (plan_.has(fault::coarse_ticks) && happens(name, "a clock of coarse ticks")) {
            its.tick = tick;
            seen().hit("coarse_ticks");
        }
        made.clock = local_clock{its, random.next()};
        machines_.push_back(std::move(made));
    }
}

namespace {

// A value at an edge of what a field takes, or anywhere in it; what would make a run endless is left out.
void make_odd(worker_config& config, const config_field& field, seeded_random& random) {
    const std::uint64_t which = number(random, 0, 3);
    const auto choose = [&](auto low, auto high) {
        using number_type = decltype(low);
        if (which == 0) {
            return low;
        }
        if (which == 1) {
            return high;
        }
        const auto least = std::max<std::int64_t>(static_cast<std::int64_t>(low), 1);
        const auto most = std::max<std::int64_t>(static_cast<std::int64_t>(high), least);
        return static_cast<number_type>(
            across(random, std::chrono::nanoseconds{least}, std::chrono::nanoseconds{most}).count());
    };
    constexpr auto longest = std::chrono::milliseconds{2min};
    constexpr auto patience = std::chrono::milliseconds{6s};
    std::visit(overloaded{
                   [&](const time_rule& rule) {
                       // Who gives a slow line up, or does not wait for the next ping, comes back for ever.
                       const bool flaps = field.name == "connect_timeout" || field.name == "deaf_timeout" ||
                                          field.name == "silence_timeout";
                       const auto least = flaps ? patience : rule.min;
                       const auto most = field.name == "heartbeat_interval" ? rule.max : longest;
                       config.*rule.member =
                           std::chrono::milliseconds{choose(least.count(), std::min(rule.max, most).count())};
                   },
                   [&](const count_rule& rule) {
                       if (field.name != "slots") {
                           config.*rule.member = choose(rule.min, rule.max);
                       }
                   },
                   [&](const integer_rule& rule) {
                       if (field.name != "max_reconnect_attempts" || which > 1) {
                           config.*rule.member = choose(rule.min, rule.max);
                       }
                   },
                   [&](const reconnect_rule& rule) { config.*rule.member = reconnect_policy::fixed; },
                   [](const auto&) {},
               },
               field.rule);
}

} // namespace

valid_worker_config system::draw_config(machine& of, seeded_random random) {
    worker_config config;
    config.controller = "http://sim.example";
    config.provisioner = "sim";
    config.hostname = "machine-" + std::to_string(of.index);
    config.slots = number(random, 1, 3);
    config.session = of.policy;
    if (of.policy != session_policy::anonymous) {
        config.worker_id = "w" + std::to_string(of.index);
    }
    if (of.policy == session_policy::one_shot) {
        config.slots = 1; // a session is one connection
        config.worker_id += "-" + std::to_string(++of.sessions);
    } else if (of.policy == session_policy::stable) {
        config.slots = 1;
    }
    if (options_.mode == mode::hostile) {
        config.max_message_bytes = hostile_max_message;
    }
    const deviation name = next(deviation::kind::process);
    if (has(fault::odd_config) && happens(name, "an odd configuration")) {
        worker_config odd = config;
        for (const config_field& field : worker_config_fields()) {
            if (chance(random, 10)) {
                make_odd(odd, field, random);
            }
        }
        if (odd.validate()) {
            seen().hit("odd_config");
            config = odd;
        }
    }
    if (options_.configure) {
        options_.configure(config);
    }
    return config.validate().value();
}

signer system::make_signer_for(machine& of) {
    return [this, index = of.index, crypto = make_openssl_crypto()](
               std::string_view date,
               std::span<const std::byte> data) -> std::expected<digest32, signing_error> {
        const machine& on = machines_[index];
        if (on.token_unreadable_until > now_) {
            seen().hit("token_unreadable");
            return std::unexpected{
                signing_error{signing_error::kind::token_unavailable, "the token cannot be read"}};
        }
        const std::string& own = on.runs->token;
        const secret token{std::string_view{own.empty() ? token_file_ : own}};
        return sign_registration(*crypto, token, date, data);
    };
}

void system::start_worker(machine& of) {
    const std::uint64_t id = ++processes_;
    seeded_random random = dice({deviation::kind::process, 1'000'000 + id});
    const valid_worker_config config = draw_config(of, random.split());
    auto made = std::make_unique<process>(id, config, result_.seen);
    if (config.session() != session_policy::anonymous) {
        const bool stays = config.session() == session_policy::stable;
        made->token = stays ? std::string{} : token_file_;
        if (controller_ == nullptr || !controller_->add_session(config->worker_id, token_file_, stays)) {
            return; // who makes the session starts the process
        }
    }
    made->sees.tell([this, index = of.index](const witness::report& what) { heard(machines_[index], what); });
    signer sign = made->sees.noting(make_signer_for(of));
    const std::uint64_t seed = random.next();
    if (options_.trace) {
        if (trace_writer::sink sink = options_.trace(of.index, id)) {
            made->trace = std::make_unique<trace_writer>(std::move(sink), trace_payloads::whole);
            made->trace->begin(config, seed);
            sign = made->trace->noting(std::move(sign));
        }
    }
    made->group.emplace(config, std::move(sign), seed);
    made->began = now_;
    of.runs = std::move(made);
    of.frozen_until = of.starved_until = monotonic_time::min();
    of.outputs_to_death = 0;
    log("worker " + std::to_string(of.index) + ": up, " + to_string(config.session()) + ", " +
        std::to_string(config->slots) + " slots");
    static_cast<void>(give(of, input::start{})); // a new group does not refuse
}

// What the process knew is gone: its tasks are lost, and nobody can say so.
void system::kill_worker(machine& of) {
    log("worker " + std::to_string(of.index) + ": killed");
    for (auto& [id, l] : lines_) {
        if (l->worker == of.index && std::exchange(l->at_worker, false)) {
            l->client.abandon();
            l->stirred = true;
        }
    }
    collect(of, true);
}

// Takes what a process has seen, and the process away.
void system::collect(machine& of, bool killed) {
    process& gone = *of.runs;
    if (!killed) {
        gone.sees.finish();
    }
    accuse_all(of);
    ledger_.died(gone.id);
    result_.worker_time += now_ - gone.began;
    of.runs.reset();
    touched_ = true;
    at(now_ + 1s, [this] { supervise(); });
}

void system::stop_worker(machine& of, end_reason why) {
    process& runs = *of.runs;
    if (std::exchange(runs.stopping, true)) {
        return;
    }
    log("worker " + std::to_string(of.index) + ": told to end");
    static_cast<void>(
        give(of, input::stop{why, std::min<std::chrono::nanoseconds>(25s, runs.config->drain_timeout)}));
}

} // namespace distworker::sim
