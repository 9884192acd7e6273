#include "report.hpp"

#include "commit.hpp"

#include <nlohmann/json.hpp>

#include <array>
#include <cmath>
#include <cstdio>
#include <set>

namespace distworker::sim {
namespace {

constexpr std::size_t deviations_shown = 40;

struct verdict_field {
    const char* name;
    std::uint64_t verdict::* member;
};
constexpr std::array verdict_fields{
    verdict_field{"submitted", &verdict::submitted},
    verdict_field{"finished", &verdict::finished},
    verdict_field{"lost", &verdict::lost},
    verdict_field{"unexpected", &verdict::unexpected},
    verdict_field{"duplicated", &verdict::duplicated},
    verdict_field{"undeliverable", &verdict::undeliverable},
    verdict_field{"reported", &verdict::reported},
    verdict_field{"stranded", &verdict::stranded},
    verdict_field{"excused", &verdict::excused},
};

// With so many digits behind the point.
std::string number_text(double number, int digits) {
    std::array<char, 64> text{};
    std::snprintf(text.data(), text.size(), "%.*f", digits, number);
    return text.data();
}

double in_seconds(std::chrono::nanoseconds time) {
    return std::chrono::duration<double>(time).count();
}

std::string hours_text(std::chrono::nanoseconds time) {
    const double hours = in_seconds(time) / 3'600;
    return number_text(hours, hours == std::floor(hours) ? 0 : 6);
}

} // namespace

std::string command_for(const run_options& options) {
    std::string command = "distworker-sim --seed " + std::to_string(options.seed) + " --mode " +
                          to_string(options.mode) + " --workers " + std::to_string(options.workers) +
                          " --virtual-hours " + hours_text(options.faulty_time);
    std::string classes;
    for (const fault one : options.without) {
        classes += (classes.empty() ? "" : ",") + std::string{to_string(one)};
    }
    command += classes.empty() ? "" : " --without " + classes;
    if (options.keep) {
        command += " --keep " + (options.keep->empty() ? "none" : to_string(*options.keep));
    }
    return command + (options.leap ? "" : " --no-leap") + " --log";
}

std::string describe(const small_failure& failure) {
    std::string text = "FAILED: seed " + std::to_string(failure.options.seed) + ", mode " +
                       to_string(failure.options.mode) + ", commit " + commit + "\n";
    for (const std::string& what : failure.result.accusations) {
        text += "  " + what + "\n";
    }
    const auto& events = failure.result.happened;
    text += "  " + std::to_string(events.size()) + " events of " + std::to_string(failure.from) +
            " are enough (found in " + std::to_string(failure.runs) + " runs):\n";
    const std::size_t hidden = events.size() - std::min(events.size(), deviations_shown);
    if (hidden > 0) {
        text += "    ... " + std::to_string(hidden) + " earlier ones\n";
    }
    for (std::size_t i = hidden; i < events.size(); ++i) {
        text += "    " + number_text(in_seconds(events[i].at), 3) + " s  " + to_string(events[i].what) +
                "  " + events[i].text + "\n";
    }
    return text + "  again by: " + command_for(failure.options) + "\n";
}

nlohmann::json to_json(const small_failure& failure) {
    nlohmann::json events = nlohmann::json::array();
    for (const happening& one : failure.result.happened) {
        events.push_back({{"at", in_seconds(one.at)}, {"name", to_string(one.what)}, {"what", one.text}});
    }
    return {{"seed", failure.options.seed},
            {"mode", to_string(failure.options.mode)},
            {"commit", commit},
            {"accusations", failure.result.accusations},
            {"events", std::move(events)},
            {"events_before", failure.from},
            {"command", command_for(failure.options)}};
}

std::string describe(const sums& all) {
    std::string text;
    probes seen;
    for (const auto& [which, sum] : all) {
        text += std::string{to_string(which)} + ": " + std::to_string(sum.runs) + " runs, " +
                std::to_string(sum.failed) + " failed; " + number_text(in_years(sum.worker_time), 2) +
                " worker-years, of which " + number_text(in_years(sum.leapt), 2) + " leapt over in " +
                std::to_string(sum.leapt_rounds) + " rounds of nothing but pings; " +
                std::to_string(sum.events) + " events\n  tasks:";
        for (const verdict_field& field : verdict_fields) {
            text += std::string{&field == verdict_fields.data() ? " " : ", "} +
                    std::to_string(sum.tasks.*field.member) + " " + field.name;
        }
        text += "\n";
        seen.add(sum.seen);
    }
    const auto missing = seen.never_hit();
    text += std::to_string(probes::names().size() - missing.size()) + " of " +
            std::to_string(probes::names().size()) + " probes hit\n";
    for (const std::string_view name : missing) {
        text += "  never hit: " + std::string{name} + "\n";
    }
    return text;
}

nlohmann::json to_json(const sums& all) {
    nlohmann::json json = nlohmann::json::object();
    for (const auto& [which, sum] : all) {
        nlohmann::json tasks;
        for (const verdict_field& field : verdict_fields) {
            tasks[field.name] = sum.tasks.*field.member;
        }
        nlohmann::json seen;
        for (const std::string_view name : probes::names()) {
            seen[std::string{name}] = sum.seen.hits(name);
        }
        json[to_string(which)] = {{"runs", sum.runs},
                                  {"failed", sum.failed},
                                  {"events", sum.events},
                                  {"worker_years", in_years(sum.worker_time)},
                                  {"worker_us", sum.worker_time.count()},
                                  {"leapt_us", sum.leapt.count()},
                                  {"leapt_rounds", sum.leapt_rounds},
                                  {"tasks", std::move(tasks)},
                                  {"probes", std::move(seen)}};
    }
    return json;
}

sums sums_from(const nlohmann::json& json) {
    sums all;
    for (const auto& [name, its] : json.items()) {
        const auto which = mode_from(name);
        if (!which) {
            continue;
        }
        campaign& sum = all[*which];
        sum.runs = its.at("runs");
        sum.failed = its.at("failed");
        sum.events = its.at("events");
        sum.worker_time = std::chrono::microseconds{its.at("worker_us").get<std::int64_t>()};
        sum.leapt = std::chrono::microseconds{its.at("leapt_us").get<std::int64_t>()};
        sum.leapt_rounds = its.at("leapt_rounds");
        for (const verdict_field& field : verdict_fields) {
            sum.tasks.*field.member = its.at("tasks").at(field.name);
        }
        for (const auto& [probe, count] : its.at("probes").items()) {
            sum.seen.hit(probe, count.get<std::uint64_t>());
        }
    }
    return all;
}

} // namespace distworker::sim
