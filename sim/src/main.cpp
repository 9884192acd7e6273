// distworker-sim: plays whole systems from seeds, and says what broke. docs/simulation.md explains it.
#include "report.hpp"

#include <distworker/sim/herd.hpp>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <chrono>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <string>

namespace {

using namespace distworker::sim;

enum exit_code : int { all_good = 0, something_failed = 1, cannot = 2 };

constexpr const char* exit_codes = "Exit codes:\n"
                                   "  0  nothing failed\n"
                                   "  1  a run broke an invariant or a budget: it is shown, made small\n"
                                   "  2  the command makes no sense, or a file cannot be read or written\n";

struct settings {
    std::uint64_t seed = 1;
    std::uint64_t seeds = 1;
    std::uint32_t workers = 3;
    double virtual_hours = 240;
    std::string mode = "all";
    std::string without;
    std::string keep;
    std::string trace;
    std::string state = "distworker-sim.json";
    double minutes = 10;
    bool json = false;
    bool log = false;
    bool long_run = false;
    bool no_leap = false;
    bool as_it_is = false;
};

int refuse(const std::string& why) {
    std::fprintf(stderr, "distworker-sim: %s\n", why.c_str());
    return cannot;
}

// Where a process leaves its trace: FILE.WORKER.PROCESS.
distworker::trace_writer::sink trace_into(const std::string& file, std::uint32_t worker,
                                          std::uint64_t process) {
    auto out = std::make_shared<std::ofstream>(
        file + "." + std::to_string(worker) + "." + std::to_string(process), std::ios::binary);
    return [out](std::string_view line) {
        out->write(line.data(), static_cast<std::streamsize>(line.size()));
        return out->good();
    };
}

// What all runs share. False when something in the settings cannot be read.
bool read_options(const settings& from, run_options& options) {
    options.workers = from.workers;
    options.faulty_time = std::chrono::nanoseconds{std::llround(from.virtual_hours * 3'600e9)};
    options.leap = !from.no_leap;
    for (const std::string& name : CLI::detail::split(from.without, ',')) {
        const auto one = fault_from(name);
        if (!name.empty() && !one) {
            return false;
        }
        if (one) {
            options.without.insert(*one);
        }
    }
    if (!from.keep.empty()) {
        options.keep = from.keep == "none" ? std::set<deviation>{} : deviations_from(from.keep);
        if (!options.keep) {
            return false;
        }
    }
    if (from.log) {
        options.log = [](std::string_view text) {
            std::printf("%.*s\n", static_cast<int>(text.size()), text.data());
        };
    }
    if (!from.trace.empty()) {
        options.trace = [file = from.trace](std::uint32_t worker, std::uint64_t process) {
            return trace_into(file, worker, process);
        };
    }
    return true;
}

class player {
public:
    player(settings its, run_options options) : settings_{std::move(its)}, options_{std::move(options)} {
        for (const mode one : {mode::faithful, mode::ideal, mode::hostile}) {
            if (settings_.mode == "all" || mode_from(settings_.mode) == one) {
                modes_.push_back(one);
            }
        }
    }

    int play_seeds() {
        for (std::uint64_t i = 0; i < settings_.seeds; ++i) {
            play(settings_.seed + i);
        }
        return tell();
    }

    // Until the time is over; goes on where an earlier campaign with these settings ended.
    int play_long() {
        std::uint64_t next = settings_.seed;
        if (std::ifstream file{settings_.state}) {
            const auto kept = nlohmann::json::parse(file, nullptr, false);
            if (kept.is_discarded() || kept.value("campaign", nlohmann::json{}) != name_of_campaign()) {
                return refuse(settings_.state + " is of another campaign; name another file by --state, or "
                                                "delete it");
            }
            all_ = sums_from(kept.at("sums"));
            next = kept.at("next_seed");
            failures_ = kept.at("failures");
        }
        using clock = std::chrono::steady_clock;
        const auto end = clock::now() + std::chrono::duration<double>(settings_.minutes * 60);
        auto saved_at = clock::now();
        while (clock::now() < end) {
            play(next++);
            if (clock::now() - saved_at > std::chrono::seconds{10}) {
                saved_at = clock::now();
                if (!save(next)) {
                    return refuse(settings_.state + " cannot be written");
                }
            }
        }
        return save(next) ? tell() : refuse(settings_.state + " cannot be written");
    }

private:
    void play(std::uint64_t seed) {
        for (const mode one : modes_) {
            run_options options = options_;
            options.seed = seed;
            options.mode = one;
            const run_result result = simulate(options);
            all_[one].add(result);
            if (!result.good()) {
                const small_failure small = settings_.as_it_is
                                                ? small_failure{options, result, result.happened.size(), 0}
                                                : minimise(options, result);
                failures_.push_back(to_json(small));
                if (!settings_.json) {
                    std::printf("%s", describe(small).c_str());
                    std::fflush(stdout);
                }
            }
        }
    }

    [[nodiscard]] int tell() const {
        if (settings_.json) {
            const nlohmann::json report{
                {"campaign", name_of_campaign()}, {"modes", to_json(all_)}, {"failures", failures_}};
            std::printf("%s\n", report.dump(2).c_str());
        } else {
            std::printf("%s", describe(all_).c_str());
        }
        return failures_.empty() ? all_good : something_failed;
    }

    [[nodiscard]] nlohmann::json name_of_campaign() const {
        return {{"seed", settings_.seed},
                {"workers", settings_.workers},
                {"virtual_hours", settings_.virtual_hours},
                {"mode", settings_.mode}};
    }

    [[nodiscard]] bool save(std::uint64_t next) const {
        const nlohmann::json kept{{"campaign", name_of_campaign()},
                                  {"next_seed", next},
                                  {"sums", to_json(all_)},
                                  {"failures", failures_}};
        const std::string fresh = settings_.state + ".new";
        std::ofstream file{fresh};
        file << kept.dump(1) << '\n';
        file.close();
        return file.good() && std::rename(fresh.c_str(), settings_.state.c_str()) == 0;
    }

    settings settings_;
    run_options options_;
    std::vector<mode> modes_;
    sums all_;
    nlohmann::json failures_ = nlohmann::json::array();
};

int play_herd(const herd_options& options, const std::string& svg) {
    const herd_result herd = stampede(options);
    std::printf("%u workers, the controller away for %lld s: at most %.1f %% attempt in one second (bound "
                "%.0f %%), at the cap %.1f %% (bound %.0f %%); all are back %.1f s after it\n",
                options.workers, static_cast<long long>(options.away.count()), herd.worst_second * 100,
                herd_bound * 100, herd.worst_capped_second * 100, capped_herd_bound * 100,
                std::chrono::duration<double>(herd.all_back).count());
    if (!svg.empty()) {
        std::ofstream file{svg, std::ios::binary};
        file << draw_herd(herd);
        if (!file.flush()) {
            return refuse(svg + " cannot be written");
        }
    }
    return herd.worst_second <= herd_bound && herd.worst_capped_second <= capped_herd_bound
               ? all_good
               : something_failed;
}

} // namespace

int main(int argc, char** argv) {
    settings its;
    herd_options herd;
    std::int64_t away = 60;
    std::string svg;
    CLI::App app{
        "Plays workers, a controller and a bad network on virtual time, from seeds, and checks every "
        "invariant after every event.",
        "distworker-sim"};
    app.footer(exit_codes);
    app.add_option("--seed", its.seed, "The first seed")->capture_default_str();
    app.add_option("--seeds", its.seeds, "How many to play, one after the other")->capture_default_str();
    app.add_option("--workers", its.workers, "Worker processes")
        ->capture_default_str()
        ->check(CLI::Range(1, 100));
    app.add_option("--virtual-hours", its.virtual_hours, "How long faults are on in each run")
        ->capture_default_str()
        ->check(CLI::Range(0.01, 100'000.0));
    app.add_option("--mode", its.mode, "The controller: faithful, ideal, hostile, or all of them")
        ->capture_default_str()
        ->check(CLI::IsMember({"faithful", "ideal", "hostile", "all"}));
    app.add_flag("--json", its.json, "Report as JSON");
    app.add_option("--trace", its.trace, "Write each process's trace to FILE.WORKER.PROCESS")
        ->type_name("FILE");
    app.add_flag("--log", its.log, "Print what happens");
    app.add_flag("--long", its.long_run, "Play one seed after the other until the time is over");
    app.add_option("--minutes", its.minutes, "How long --long plays")->capture_default_str();
    app.add_option("--state", its.state, "Where --long keeps its sums; if it is there, it goes on from it")
        ->capture_default_str()
        ->type_name("FILE");
    app.add_option("--without", its.without, "Classes of faults that are off, whatever the seed says");
    app.add_option("--keep", its.keep, "The only events to happen, as a failure lists them; or none");
    app.add_flag("--no-leap", its.no_leap, "Play every round of pings");
    app.add_flag("--as-it-is", its.as_it_is, "Do not make failures small");
    CLI::App* const stampedes =
        app.add_subcommand("herd", "A fleet whose controller goes away and comes back");
    stampedes->add_option("--workers", herd.workers, "How many")->capture_default_str();
    stampedes->add_option("--away", away, "Seconds that the controller is away")
        ->capture_default_str()
        ->check(CLI::Range(1, 100'000));
    stampedes->add_option("--seed", herd.seed, "Where the delays come from")->capture_default_str();
    stampedes->add_option("--svg", svg, "Write a plot there")->type_name("FILE");
    CLI11_PARSE(app, argc, argv);

    if (stampedes->parsed()) {
        herd.away = std::chrono::seconds{away};
        return play_herd(herd, svg);
    }
    run_options options;
    if (!read_options(its, options)) {
        return refuse("--without or --keep names something that there is not");
    }
    player plays{its, options};
    return its.long_run ? plays.play_long() : plays.play_seeds();
}
