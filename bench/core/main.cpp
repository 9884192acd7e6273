// What the core costs by itself, beside protobuf on the same bytes: Google Benchmark, and a table of goals.
//
//     bench_core [GOOGLE_BENCHMARK_FLAG...]
//
// tools/bench --core builds and runs it; docs/performance.md says what came out. CPU time; the repetitions of
// all are interleaved, and the least of each counts: what else the machine does can only add to it.
#include "bench/assignment.hpp"
#include "bench/core/protobuf_pair.hpp"
#include "bench/core/slot.hpp"
#include "support/allocation_count.hpp"

#include <distworker/outcome.hpp>

#include <benchmark/benchmark.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <iomanip>
#include <iostream>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace std::chrono_literals;
using namespace distworker; // NOLINT(google-build-using-namespace): a program of one file
using bench::protobuf_pair;
using bench::slot;
using benchmark::State;
using testing::allocations;

// Receipts come every 100 ms. At full pace, as fast as a whole worker can be on one core, 10,000 outcomes
// wait for one; at a calm pace 50.
constexpr std::chrono::nanoseconds full_pace = 10us;
constexpr std::chrono::nanoseconds calm_pace = 2ms;
constexpr int warm_up = 20'000; // two receipts at full pace

outcome read_and_answer(const assigned_task& task) {
    const object_view input = task.input();
    const bool add = input["operation"].string() == "add";
    const double sum = add ? input["a"].number().value_or(0) + input["b"].number().value_or(0) : 0;
    outcome_writer answer{task};
    answer.result().member("result", sum);
    return std::move(answer).complete();
}

outcome only_answer(const assigned_task& task) {
    outcome_writer answer{task};
    answer.result().member("result", 3);
    return std::move(answer).complete();
}

/// A TASK_ASSIGN whose input is one text of 32 KiB.
std::vector<std::byte> large_assignment() {
    byte_buffer input;
    wire::writer wire{input};
    value_writer members{wire, "input", max_document_bytes};
    members.member("text", std::string(32UZ * 1024, 'x'));
    wire.finish();
    byte_buffer frame;
    write_task_assign(frame, {.task_id = "t", .queue = "bench.add", .input = object_view{input.bytes()}});
    return {frame.bytes().begin(), frame.bytes().end()};
}

void count_allocations(State& state, std::size_t before) {
    state.counters["allocations"] =
        benchmark::Counter(static_cast<double>(allocations() - before), benchmark::Counter::kAvgIterations);
}

template <typename Handle>
void run_engine(State& state, std::span<const std::byte> assignment, std::chrono::nanoseconds pace,
                Handle handle) {
    slot it{bench::make_shared_parts()};
    for (int i = 0; i < warm_up; ++i) {
        it.run(assignment, pace, handle);
    }
    const std::size_t before = allocations();
    for (const auto _ : state) {
        it.run(assignment, pace, handle);
    }
    count_allocations(state, before);
    if (it.counters().completed < warm_up) {
        state.SkipWithError("the tasks were not completed");
    }
}

// The codec alone: what the engine reads and what a handler writes.
void run_codec(State& state) {
    const buffer_pool pool;
    const std::size_t before = allocations();
    for (const auto _ : state) {
        const auto frame = read_frame(as_byte_span(bench::assignment));
        const auto& content = std::get<task_assign_view>(*frame);
        benchmark::DoNotOptimize(read_and_answer(assigned_task{{}, content, {}, never, pool}));
    }
    count_allocations(state, before);
}

void run_protobuf(State& state, std::string_view assignment, bool read) {
    protobuf_pair pair;
    benchmark::DoNotOptimize(pair.run(assignment, read));
    const std::size_t before = allocations();
    for (const auto _ : state) {
        benchmark::DoNotOptimize(pair.run(assignment, read));
    }
    count_allocations(state, before);
}

void poll_idle(State& state) {
    slot it{bench::make_shared_parts()};
    const std::size_t before = allocations();
    for (const auto _ : state) {
        benchmark::DoNotOptimize(it.poll());
    }
    count_allocations(state, before);
}

/// Of one slot that is connected and has run tasks, beside what slots share.
std::size_t idle_slot_bytes() {
    const bench::shared parts = bench::make_shared_parts();
    std::vector<std::unique_ptr<slot>> slots;
    slots.reserve(64);
    const auto add = [&] {
        slots.push_back(std::make_unique<slot>(parts));
        for (int i = 0; i < 3; ++i) {
            slots.back()->run(as_byte_span(bench::assignment), full_pace, read_and_answer);
        }
        slots.back()->settle();
    };
    add(); // fills the pool
    const std::size_t before = testing::allocated_bytes();
    const std::size_t pooled = parts.pool.idle_bytes();
    for (int i = 0; i < 32; ++i) {
        add();
    }
    return (testing::allocated_bytes() - before - (parts.pool.idle_bytes() - pooled)) / 32;
}

// --- What came out ---

struct figure {
    double ns = 0;
    double allocations = 0;
};

class keeper : public benchmark::ConsoleReporter {
public:
    void ReportRuns(const std::vector<Run>& runs) override {
        for (const Run& run : runs) {
            if (run.run_type == Run::RT_Aggregate && run.aggregate_name == "least") {
                const auto allocated = run.counters.find("allocations");
                least_[run.run_name.function_name] = {
                    run.GetAdjustedCPUTime(), allocated == run.counters.end() ? 0 : allocated->second.value};
            }
        }
        ConsoleReporter::ReportRuns(runs);
    }
    [[nodiscard]] std::optional<figure> least(const std::string& name) const {
        const auto found = least_.find(name);
        return found == least_.end() ? std::nullopt : std::optional{found->second};
    }

private:
    std::map<std::string, figure> least_;
};

struct row {
    std::string name;
    std::string_view goal;
    std::string beside; // the benchmark of protobuf
};

const std::array rows{
    row{"engine, three fields read", "400 ns, 0", "protobuf, three fields read"},
    row{"engine, three fields read, calm", "400 ns, 0", "protobuf, three fields read"},
    row{"engine, not looked at", "150 ns, 0", "protobuf, not looked at"},
    row{"engine, not looked at, calm", "150 ns, 0", "protobuf, not looked at"},
    row{"codec alone, three fields read", "", "protobuf, three fields read"},
    row{"engine, 32 KiB not looked at", "", "protobuf, 32 KiB not looked at"},
    row{"poll with nothing to do", "20 ns, 0", ""},
};

void print_rows(const keeper& kept) {
    std::cout << '\n'
              << std::left << std::setw(34) << "" << std::right << std::setw(12) << "goal" << std::setw(10)
              << "ns" << std::setw(13) << "allocations" << std::setw(14) << "protobuf ns" << std::setw(8)
              << "ratio" << '\n'
              << std::fixed;
    for (const row& r : rows) {
        const auto own = kept.least(r.name);
        if (!own) {
            continue;
        }
        std::cout << std::left << std::setw(34) << r.name << std::right << std::setw(12) << r.goal
                  << std::setprecision(1) << std::setw(10) << own->ns << std::setprecision(2) << std::setw(13)
                  << own->allocations;
        if (const auto other = kept.least(r.beside)) {
            std::cout << std::setprecision(0) << std::setw(14) << other->ns << std::setprecision(2)
                      << std::setw(8) << own->ns / other->ns;
        }
        std::cout << '\n';
    }
    std::cout << std::left << std::setw(34) << "idle engine, bytes" << std::right << std::setw(12) << "512"
              << std::setw(10) << idle_slot_bytes() << '\n';
}

template <typename Run>
void add(const char* name, Run run) {
    benchmark::RegisterBenchmark(name, run)->ComputeStatistics(
        "least", [](const std::vector<double>& all) { return std::ranges::min(all); });
}

} // namespace

int main(int argc, char** argv) {
    std::vector<std::string> flags{argv[0], "--benchmark_repetitions=15",
                                   "--benchmark_enable_random_interleaving=true", "--benchmark_min_time=0.1",
                                   "--benchmark_display_aggregates_only=true"};
    flags.insert(flags.end(), argv + 1, argv + argc);
    std::vector<char*> arguments;
    for (std::string& flag : flags) {
        arguments.push_back(flag.data());
    }
    int count = static_cast<int>(arguments.size());
    benchmark::Initialize(&count, arguments.data());
    if (benchmark::ReportUnrecognizedArguments(count, arguments.data())) {
        return 2;
    }

    const std::vector<std::byte> large = large_assignment();
    const auto small = as_byte_span(bench::assignment);
    const auto engine = [](const char* name, std::span<const std::byte> assignment,
                           std::chrono::nanoseconds pace, auto handle) {
        add(name, [=](State& state) { run_engine(state, assignment, pace, handle); });
    };
    const auto protobuf = [](const char* name, std::string_view assignment, bool read) {
        add(name, [=](State& state) { run_protobuf(state, assignment, read); });
    };
    engine("engine, three fields read", small, full_pace, read_and_answer);
    engine("engine, three fields read, calm", small, calm_pace, read_and_answer);
    engine("engine, not looked at", small, full_pace, only_answer);
    engine("engine, not looked at, calm", small, calm_pace, only_answer);
    engine("engine, 32 KiB not looked at", large, calm_pace, only_answer);
    add("codec alone, three fields read", run_codec);
    protobuf("protobuf, three fields read", bench::assignment, true);
    protobuf("protobuf, not looked at", bench::assignment, false);
    protobuf("protobuf, 32 KiB not looked at", as_text(large), false);
    add("poll with nothing to do", poll_idle);

    keeper kept;
    benchmark::RunSpecifiedBenchmarks(&kept);
    print_rows(kept);
    return 0;
}
