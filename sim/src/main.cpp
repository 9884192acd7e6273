// distworker-sim: plays whole systems from seeds, and says what broke.
#include <distworker/sim/world.hpp>

#include <CLI/CLI.hpp>

#include <cstdio>
#include <string>

namespace {

using namespace distworker::sim;

void print(const verdict& tasks) {
    std::printf("  %llu submitted, %llu finished, %llu lost unreported, %llu unexpected, %llu duplicated, "
                "%llu undeliverable\n",
                static_cast<unsigned long long>(tasks.submitted),
                static_cast<unsigned long long>(tasks.finished), static_cast<unsigned long long>(tasks.lost),
                static_cast<unsigned long long>(tasks.unexpected),
                static_cast<unsigned long long>(tasks.duplicated),
                static_cast<unsigned long long>(tasks.undeliverable));
}

} // namespace

int main(int argc, char** argv) {
    CLI::App app{"Plays workers, a controller and a bad network on virtual time, from seeds.",
                 "distworker-sim"};
    std::uint64_t seed = 1;
    std::uint64_t seeds = 1;
    std::uint32_t workers = 3;
    double hours = 1;
    bool trace = false;
    app.add_option("--seed", seed, "The first seed")->capture_default_str();
    app.add_option("--seeds", seeds, "How many seeds to play, one after the other")->capture_default_str();
    app.add_option("--workers", workers, "Worker processes")
        ->capture_default_str()
        ->check(CLI::Range(1, 100));
    app.add_option("--virtual-hours", hours, "How long faults are on in each run")
        ->capture_default_str()
        ->check(CLI::Range(0.01, 100'000.0));
    app.add_flag("--trace", trace, "Print what happens");
    CLI11_PARSE(app, argc, argv);

    verdict sum;
    probes seen;
    std::uint64_t events = 0;
    std::uint64_t bad = 0;
    std::chrono::nanoseconds worker_time{};
    for (std::uint64_t i = 0; i < seeds; ++i) {
        run_options options{.seed = seed + i,
                            .workers = workers,
                            .faulty_time =
                                std::chrono::nanoseconds{static_cast<std::int64_t>(hours * 3'600e9)}};
        if (trace) {
            options.trace = [](std::string_view text) {
                std::printf("%.*s\n", static_cast<int>(text.size()), text.data());
            };
        }
        const run_result result = run(options);
        sum.submitted += result.tasks.submitted;
        sum.finished += result.tasks.finished;
        sum.lost += result.tasks.lost;
        sum.unexpected += result.tasks.unexpected;
        sum.duplicated += result.tasks.duplicated;
        sum.undeliverable += result.tasks.undeliverable;
        seen.add(result.seen);
        events += result.events;
        worker_time += result.worker_time;
        if (!result.good()) {
            ++bad;
            std::printf("seed %llu FAILED; again by: distworker-sim --seed %llu --workers %u --virtual-hours "
                        "%g --trace\n",
                        static_cast<unsigned long long>(options.seed),
                        static_cast<unsigned long long>(options.seed), workers, hours);
            for (const std::string& what : result.accusations) {
                std::printf("  %s\n", what.c_str());
            }
            print(result.tasks);
        }
    }
    std::printf("%llu seeds, %.3f worker-years, %llu events\n", static_cast<unsigned long long>(seeds),
                std::chrono::duration<double>(worker_time).count() / (365.25 * 86'400),
                static_cast<unsigned long long>(events));
    print(sum);
    for (const std::string_view name : seen.never_hit()) {
        std::printf("  never seen: %.*s\n", static_cast<int>(name.size()), name.data());
    }
    return bad == 0 ? 0 : 1;
}
