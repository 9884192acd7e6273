// Time, phases, and the verdict.
#include "system.hpp"

#include "handler_run.hpp"

#include <algorithm>
#include <cstdio>

namespace distworker::sim {

using namespace std::chrono_literals;

namespace {

constexpr std::chrono::seconds noticing{30};
constexpr std::chrono::hours ending_budget{4};
constexpr std::chrono::seconds drain_budget{60};

plan plan_of(const run_options& options) {
    plan its = options.seeded_faults ? plan{options.seed} : plan{};
    for (const fault off : options.without) {
        its.set(off, false);
    }
    if (options.between_tasks > 0ns) {
        its.between_tasks = its.between_calm_tasks = options.between_tasks;
    }
    if (!its.has(fault::slow_line)) {
        its.line = {.min_delay = its.line.min_delay};
    }
    return its;
}

// When the run begins: ordinarily, or shortly before a moment at which clocks have gone wrong.
wall_time draw_epoch(const plan& its, seeded_random random) {
    constexpr std::chrono::milliseconds odd[] = {
        std::chrono::milliseconds{1'789'948'800'000},   // midnight UTC
        std::chrono::milliseconds{1'798'761'600'000},   // new year
        std::chrono::milliseconds{2'147'483'648'000},   // 2038-01-19T03:14:08
        std::chrono::milliseconds{253'402'300'800'000}, // the year 10000
        std::chrono::milliseconds{1'835'395'200'000},   // a leap day begins
    };
    const auto moment = pick(random, odd);
    const auto before = std::chrono::duration_cast<std::chrono::milliseconds>(random.uniform(1s, 30min));
    return its.has(fault::odd_epoch) ? wall_time{moment - before} : ordinary_day;
}

std::uint64_t mixed(std::uint64_t seed, deviation::kind what, std::uint64_t n) noexcept {
    seeded_random random{seed ^ (static_cast<std::uint64_t>(what) << 56U)};
    return random.next() ^ (n * 0x9E37'79B9'7F4A'7C15U);
}

} // namespace

run_result simulate(const run_options& options) {
    return system{options}.play();
}

system::system(const run_options& options)
    : options_{options}, plan_{plan_of(options)}, random_{options.seed ^ 0xD157'0000'0000'0001U},
      script_random_{options.seed ^ 0xD157'0000'0000'0002U},
      weather_random_{options.seed ^ 0xD157'0000'0000'0004U},
      epoch_{draw_epoch(plan_, seeded_random{options.seed ^ 0xD157'0000'0000'0003U})},
      ledger_{!options.handler} {}

system::~system() = default;

std::chrono::nanoseconds system::elapsed() const noexcept {
    return now_ - began_ + leapt_;
}

instant system::true_time() const noexcept {
    const auto passed = std::chrono::duration_cast<std::chrono::milliseconds>(elapsed());
    return {now_, epoch_ + passed};
}

void system::write_log(std::string_view what) {
    std::array<char, 40> when{};
    const double seconds = std::chrono::duration<double>(elapsed()).count();
    std::snprintf(when.data(), when.size(), "%12.3f s  ", seconds);
    options_.log(when.data() + std::string{what});
}

void system::accuse(std::string_view what) {
    log("ACCUSED " + std::string{what});
    if (result_.accusations.size() < 20) {
        result_.accusations.emplace_back(what);
    }
}

// --- Chance ---

deviation system::next(deviation::kind what) noexcept {
    return {what, ++deviations_[static_cast<unsigned char>(what)]};
}

seeded_random system::dice(const deviation& one) const noexcept {
    return seeded_random{mixed(options_.seed, one.what, one.number)};
}

bool system::happens(const deviation& one, std::string_view text) {
    if (options_.keep && !options_.keep->contains(one)) {
        return false;
    }
    if (!result_.happened.empty() && result_.happened.back().what == one) {
        result_.happened.back().text += ", " + std::string{text};
    } else {
        result_.happened.push_back({one, elapsed(), std::string{text}});
    }
    log(to_string(one) + ": " + std::string{text});
    return true;
}

// --- Time ---

std::uint64_t system::at(monotonic_time when, const machine& of, std::function<void(machine&)> what) {
    return at(when, [this, index = of.index, id = of.runs->id, what = std::move(what)]() mutable {
        machine& same = machines_[index];
        if (same.runs == nullptr || same.runs->id != id) {
            return;
        }
        if (awake(same)) {
            what(same);
        } else { // it stands still as well
            at(same.wakes_up(), same, std::move(what));
        }
    });
}

monotonic_time system::next_event() {
    monotonic_time next = agenda_.next();
    if (controller_ != nullptr) {
        next = std::min(next, controller_->wakes());
    }
    for (const machine& of : machines_) {
        if (of.runs != nullptr) {
            const monotonic_time asleep = of.wakes_up();
            next = std::min(next, asleep > now_ ? asleep : of.runs->wakes);
        }
    }
    for (const auto& [id, l] : lines_) {
        if (l->open && l->at_worker && awake(machines_[l->worker])) {
            next = std::min(next, l->down.next_arrival());
        }
        if (l->open && (l->at_controller || l->rebooted) && l->server.reading()) {
            next = std::min(next, l->up.next_arrival());
        }
    }
    return next;
}

// Lets everything happen that happens at this moment.
void system::settle() {
    for (int rounds = 0; rounds < 100'000; ++rounds) {
        touched_ = false;
        bool more = move_lines();
        for (machine& of : machines_) {
            more = pump(of) || more;
        }
        if (controller_ != nullptr) {
            more = controller_->pump() || more;
            if (controller_->dying()) {
                end_controller_for(std::chrono::seconds{number(random_, 1, 60)}, false);
            }
        }
        if ((!more && !touched_) || !result_.good()) {
            return;
        }
    }
    accuse("I20: the system never rests");
}

void system::run_until(monotonic_time end, const std::function<bool()>& done) {
    settle();
    while (result_.good() && !(done && done())) {
        if (options_.leap && now_ >= next_leap_) {
            const std::chrono::nanoseconds before = leapt_;
            leap(end);
            end -= leapt_ - before;
        }
        const monotonic_time next = next_event();
        if (next > end) {
            now_ = std::max(now_, end);
            break;
        }
        now_ = std::max(now_, next);
        ++result_.events;
        while (agenda_.next() <= now_) {
            agenda_.take()();
            for (machine& of : machines_) {
                pump(of);
            }
        }
        settle();
    }
}

void system::pass(std::chrono::nanoseconds time, const std::function<bool()>& done) {
    run_until(now_ + time, done);
}

// --- Tasks, weather, supervision ---

// Whether there is a storm at this time; storms and calms follow each other.
bool system::stormy(std::chrono::nanoseconds at) {
    while (weather_until_ <= at) {
        storm_ = !storm_;
        weather_until_ += exponential(weather_random_, storm_ ? plan_.storm : plan_.calm) + 1s;
    }
    return storm_;
}

void system::next_task() {
    if (!faulty_) {
        return;
    }
    const std::uint64_t serial = ++tasks_;
    seeded_random random{mixed(options_.seed, deviation::kind::handler, (1ULL << 40U) + serial)};
    if (options_.make_task) {
        static_cast<void>(submit(options_.make_task(serial, random)));
    } else {
        task_spec spec{.queue = std::string{queue_name}, .metadata = {}, .input = {{"n", serial}}};
        const bool has_timeout = chance(random, 30);
        const auto timeout = across(random, 1ms, 60s);
        const bool may_fail = chance(random, 30);
        const bool is_large = chance(random, 3);
        const auto size = std::min(plan_.largest_message(),
                                   static_cast<std::size_t>(across(random, 1'000ns, 1'000'000ns).count()));
        spec.timeout_ms = has_timeout && plan_.has(fault::timeouts) ? timeout / 1ms : 0;
        spec.max_retry = may_fail && plan_.has(fault::retries) ? 2 : 0;
        if (is_large && plan_.has(fault::wedge)) {
            spec.input.set("text", std::string(size, 'i'));
        }
        static_cast<void>(submit(spec));
    }
    const bool storm = stormy(elapsed());
    const auto pause = exponential(random, storm ? plan_.between_tasks : plan_.between_calm_tasks);
    // The first task of a storm is not put off by the calm before it.
    const auto left = weather_until_ - elapsed();
    at(now_ + (storm ? pause : std::min(pause, left)), [this] { next_task(); });
}

// A process that ended or died is started again.
void system::supervise() {
    for (machine& of : machines_) {
        if (of.runs == nullptr && !drained_) {
            start_worker(of);
        }
    }
}

void system::start() {
    attending_ = true;
    start_controller();
    make_machines();
    supervise();
    for (const outage& planned : options_.outages) {
        at(began_ + planned.at, [this, &planned] {
            log("outage: " + planned.name);
            planned.what(*this);
        });
    }
    at(began_ + 1h, [this] { // an odd moment is over, and clocks that cannot go on are set
        epoch_ = ordinary_day - std::chrono::duration_cast<std::chrono::milliseconds>(elapsed());
    });
    at(now_, [this] { next_task(); });
    if (options_.seeded_faults) {
        schedule_accident();
    }
}

run_result system::play() {
    start();
    pass(options_.faulty_time);
    heal();
    check_recovery();
    drain();
    result_.ended_at = elapsed();
    result_.tasks = ledger_.judge(
        options_.mode, any_damage(),
        [this](const std::string& what) {
            if (result_.good()) { // what is lost after a run was broken off means nothing
                result_.accusations.push_back(what);
            }
        },
        [this](const std::string& what) { log(what); });
    return std::move(result_);
}

// L1, and as part of it that a dead link is noticed, a refusal is over, a handler of the lost connection let
// go of it; in clocks that may be slow.
std::chrono::nanoseconds system::recovery_budget() const {
    std::chrono::nanoseconds longest{};
    for (const machine& of : machines_) {
        if (of.runs == nullptr) {
            continue;
        }
        const worker_config& config = of.runs->config.get();
        const std::chrono::nanoseconds attempt =
            config.connect_timeout + config.registration_timeout + config.close_timeout;
        const std::chrono::nanoseconds silence =
            std::max(config.silence_timeout, config.message_stall_timeout);
        const std::chrono::nanoseconds pause = std::max<std::chrono::nanoseconds>(
            max_retry_after, std::max(config.reconnect_cap, config.reconnect_interval));
        const std::chrono::nanoseconds drained =
            config.drain_timeout + config.stop_grace + config.close_timeout;
        longest = std::max(longest, silence + 2 * attempt + pause + drained + noticing);
    }
    return longest * 12 / 10;
}

bool system::all_ready() {
    return std::ranges::all_of(machines_, [](const machine& of) {
        if (of.runs == nullptr || of.runs->stopping) {
            return false;
        }
        const worker_group& group = *of.runs->group;
        for (std::uint32_t slot = 0; slot < group.slots(); ++slot) {
            const engine_state state = group.slot(slot).state();
            if (state != engine_state::ready && state != engine_state::busy &&
                state != engine_state::stopped) {
                return false;
            }
        }
        return true;
    });
}

bool system::any_damage() const {
    return damaged_lines_ > 0 ||
           std::ranges::any_of(lines_, [](const auto& entry) { return entry.second->damaged(); });
}

bool system::all_done() {
    const bool finished = options_.mode != mode::ideal || ledger_.all_finished();
    return finished && controller_->all_tasks_over() && ledger_.all_told() &&
           std::ranges::all_of(machines_, [](const machine& of) {
               return of.runs != nullptr && of.runs->sees.open_deliveries() == 0;
           });
}

void system::check_recovery() {
    pass(recovery_budget(), [this] { return all_ready(); });
    if (result_.good() && !all_ready()) {
        for (const machine& of : machines_) {
            accuse("L1: worker " + std::to_string(of.index) + " is not back in time: " +
                   (of.runs != nullptr ? why_not_ready(of.runs->group->snapshot()) : "down"));
        }
    }
    for (std::size_t i = 0; i < machines_.size() && result_.good(); ++i) { // and work is done again
        const task_spec plain{.queue = std::string{queue_name}, .metadata = {}, .input = {{"healed", true}}};
        if (!submit(options_.make_task ? options_.make_task(++tasks_, script_random_) : plain)) {
            accuse("L2: the healed controller takes no task");
        }
    }
    // Each task comes to an end: its handler returns, or its time is over.
    monotonic_time asked{};
    const auto done = [&] {
        if (now_ - asked < 1s) {
            return false;
        }
        asked = now_;
        return all_done();
    };
    pass(ending_budget, done);
    if (result_.good() && !all_done() && !any_damage()) {
        accuse("L2: tasks do not come to an end");
    }
}

void system::drain() {
    if (!result_.good()) {
        return;
    }
    drained_ = true;
    for (machine& of : machines_) {
        if (of.runs != nullptr) {
            stop_worker(of, end_reason::stop_requested);
        }
    }
    pass(drain_budget,
         [this] { return std::ranges::all_of(machines_, [](const machine& of) { return !of.runs; }); });
    for (const machine& of : machines_) {
        if (result_.good() && of.runs != nullptr) {
            accuse("L4: worker " + std::to_string(of.index) +
                   " did not end: " + why_not_ready(of.runs->group->snapshot()));
        }
    }
}

} // namespace distworker::sim
