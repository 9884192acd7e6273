#include <distworker/frame.hpp>
#include <distworker/overloaded.hpp>
#include <distworker/random.hpp>
#include <distworker/sim/herd.hpp>
#include <distworker/worker_engine.hpp>

#include <algorithm>
#include <numeric>
#include <queue>

namespace distworker::sim {

using namespace std::chrono_literals;

namespace {

// Long enough before the controller goes that every registration counts as stable.
constexpr monotonic_time beginning{};
constexpr monotonic_time drop{60s};
constexpr auto bin = 100ms;
constexpr std::size_t bins_per_second = 10;

class fleet {
public:
    explicit fleet(const herd_options& options) : result_{.options = options}, returns_{drop + options.away} {
        worker_config config;
        config.controller = "http://herd.example";
        config.provisioner = "herd";
        const valid_worker_config valid = config.validate().value();
        const auto sign = [](std::string_view,
                             std::span<const std::byte>) -> std::expected<digest32, signing_error> {
            return digest32{};
        };
        seeded_random seeds{options.seed};
        workers_.reserve(options.workers);
        for (std::uint32_t i = 0; i < options.workers; ++i) {
            workers_.emplace_back(valid, sign, seeds.next());
        }
        byte_buffer answer;
        write_register_response(answer, 0);
        answer_ = std::move(answer).share();
    }

    herd_result run() {
        for (std::size_t i = 0; i < workers_.size(); ++i) {
            static_cast<void>(workers_[i].engine.start(at(beginning)));
            drain(i, beginning);
        }
        play(drop);
        for (std::size_t i = 0; i < workers_.size(); ++i) {
            lose(i, drop, link_end::kind::lost);
        }
        play(never);
        judge();
        return std::move(result_);
    }

private:
    struct worker {
        worker(const valid_worker_config& config, signer sign, std::uint64_t seed)
            : engine{config, std::move(sign), seed} {}
        worker_engine engine;
        monotonic_time wakes = never;
        unsigned failures = 0; // since the drop
        bool back = false;
    };
    using turn = std::pair<monotonic_time, std::size_t>;

    static instant at(monotonic_time now) {
        return {now, wall_time{std::chrono::milliseconds{1'790'000'000'000}}};
    }

    // Until this time, or until all are back.
    void play(monotonic_time end) {
        while (!turns_.empty() && turns_.top().first < end) {
            const auto [when, who] = turns_.top();
            turns_.pop();
            if (workers_[who].wakes == when && !workers_[who].back) {
                drain(who, when);
            }
        }
    }

    void lose(std::size_t who, monotonic_time now, link_end::kind how) {
        worker_engine& engine = workers_[who].engine;
        engine.closed(engine.generation(), {.what = how, .detail = "herd"}, at(now));
        drain(who, now);
    }

    void drain(std::size_t who, monotonic_time now) {
        worker& of = workers_[who];
        for (;;) {
            engine_output out = of.engine.poll(at(now));
            if (const auto* const idle = std::get_if<output::idle>(&out)) {
                of.wakes = idle->deadline;
                turns_.emplace(of.wakes, who);
                return;
            }
            const std::uint32_t generation = of.engine.generation();
            std::visit(
                overloaded{[&](const output::connect&) { connect(of, now); },
                           [&](const output::send& o) { answer(of, o, now); },
                           [&](const output::ping& o) { of.engine.pong(generation, o.payload, at(now)); },
                           [](const auto&) {}},
                out);
        }
    }

    void connect(worker& of, monotonic_time now) {
        const std::uint32_t generation = of.engine.generation();
        if (now < drop) {
            of.engine.opened(generation, at(now));
            return;
        }
        const auto place = static_cast<std::size_t>((now - drop) / bin);
        if (result_.attempts.size() <= place) {
            result_.attempts.resize(place + 1);
        }
        ++result_.attempts[place];
        if (now >= returns_) {
            of.engine.opened(generation, at(now));
        } else {
            ++of.failures;
            if (of.failures == failures_to_cap) {
                capped_ = ++capped_workers_ == workers_.size() ? now : capped_;
            }
            of.engine.closed(generation, {.what = link_end::kind::connect, .detail = "refused"}, at(now));
        }
    }

    // Everything is written at once; REGISTER is answered.
    void answer(worker& of, const output::send& frame, monotonic_time now) {
        const auto read = read_frame(frame.bytes);
        const bool registers = read && std::holds_alternative<worker_register_view>(*read);
        of.engine.sent(frame.generation, at(now));
        if (registers) {
            of.engine.received(frame.generation, message_kind::binary, answer_.bytes(), true, 0, at(now));
            if (now >= drop) {
                of.back = true;
                result_.all_back = std::max<std::chrono::nanoseconds>(result_.all_back, now - returns_);
            }
        }
    }

    void judge() {
        std::vector<std::uint32_t>& attempts = result_.attempts;
        attempts.resize((attempts.size() / bins_per_second + 1) * bins_per_second);
        const auto capped_bin =
            capped_ == never ? attempts.size() : static_cast<std::size_t>((capped_ - drop) / bin) + 1;
        for (std::size_t first = 0; first + bins_per_second <= attempts.size(); ++first) {
            const auto from = attempts.begin() + static_cast<std::ptrdiff_t>(first);
            const auto sum = std::accumulate(from, from + bins_per_second, 0U);
            const double share = static_cast<double>(sum) / result_.options.workers;
            result_.worst_second = std::max(result_.worst_second, share);
            const bool away = beginning_of(first + bins_per_second) <= returns_;
            if (first >= capped_bin && away) {
                result_.worst_capped_second = std::max(result_.worst_capped_second, share);
            }
        }
    }

    static monotonic_time beginning_of(std::size_t place) {
        return drop + bin * static_cast<std::int64_t>(place);
    }

    // 5 s, 10 s, 20 s, then 30 s for ever: from the third failed attempt on.
    static constexpr unsigned failures_to_cap = 3;

    herd_result result_;
    monotonic_time returns_;
    std::vector<worker> workers_;
    std::priority_queue<turn, std::vector<turn>, std::greater<>> turns_;
    shared_bytes answer_;
    std::size_t capped_workers_ = 0;
    monotonic_time capped_ = never; // when the last one's delays reached the cap
};

} // namespace

herd_result stampede(const herd_options& options) {
    return fleet{options}.run();
}

} // namespace distworker::sim
