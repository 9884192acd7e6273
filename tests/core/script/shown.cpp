#include "shown.hpp"

#include "words.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <sstream>
#include <utility>

namespace distworker::testing {
namespace {

class painter {
public:
    painter(shown_state& all, std::string prefix) : all_{&all}, prefix_{std::move(prefix)} {}

    void text(std::string_view name, std::string value) { put(name, {.text = std::move(value)}); }
    void flag(std::string_view name, bool value) { text(name, value ? "yes" : "no"); }
    void number(std::string_view name, auto value) { text(name, std::to_string(value)); }
    void counter(std::string_view name, std::uint64_t value) {
        put(name, {.text = {}, .count = value, .what = shown_field::kind::counter});
    }
    void deadline(std::string_view name, monotonic_time at) {
        put(name, {.text = {}, .at = at, .what = shown_field::kind::deadline});
    }

private:
    void put(std::string_view name, shown_field value) {
        all_->emplace(prefix_ + std::string{name}, std::move(value));
    }

    shown_state* all_;
    std::string prefix_;
};

void paint(painter& p, const task_snapshot& task) {
    p.text("running", task.id);
    p.text("running.name", std::to_string(task.name.generation) + "/" + std::to_string(task.name.serial));
    p.text("running.queue", task.queue);
    p.deadline("running.deadline", task.deadline);
    p.flag("running.told", task.told);
    p.flag("running.stop_asked", task.stop_asked);
    p.flag("running.timed_out", task.timed_out);
    p.text("running.fraction", (std::ostringstream{} << task.fraction).str());
}

void paint(painter& p, const engine_counters& c) {
    p.counter("connections", c.connections);
    p.counter("registrations", c.registrations);
    p.counter("assigned", c.assigned);
    p.counter("completed", c.completed);
    p.counter("failed", c.failed);
    p.counter("refused", c.refused);
    p.counter("coalesced", c.coalesced);
    p.counter("receipted", c.receipted);
    p.counter("undeliverable", c.undeliverable);
    p.counter("stale", c.stale);
    p.counter("timed_out", c.timed_out);
    p.counter("abandoned", c.abandoned);
    p.counter("strikes", c.strikes);
    p.counter("stale_events", c.stale_events);
    p.counter("clock_steps_back", c.clock_steps_back);
    p.counter("unanswered_starts", c.unanswered_starts);
    p.counter("lost_assignments", c.lost_assignments);
}

// Not `at`, which is the time itself.
void paint(painter& p, const engine_snapshot& s) {
    p.number("slot", s.slot);
    p.text("state", to_string(s.state));
    p.text("controller", s.controller);
    p.text("session", to_string(s.session));
    p.flag("started", s.started);
    p.flag("pausing", s.pausing);
    p.text("ending", s.ending ? to_string(*s.ending) : "no");
    p.number("generation", s.generation);
    p.flag("register_sent", s.register_sent);
    p.flag("registered", s.registered);
    p.number("idle_time", s.idle_time);
    p.flag("peer_pings", s.peer_pings);
    p.flag("deaf", s.deaf);
    p.number("link.strikes", s.strikes);
    p.number("incoming", s.incoming);
    p.text("last_end", s.last_end ? to_string(s.last_end->cause) + (": " + s.last_end->detail) : "none");
    p.number("attempts", s.attempts);
    p.number("unanswered", s.unanswered);
    p.number("refusals", s.refusals);
    p.flag("was_registered", s.was_registered);
    p.flag("held", s.held);
    p.deadline("next_attempt", s.next_attempt);
    if (s.running) {
        paint(p, *s.running);
    } else {
        p.text("running", "none");
    }
    p.text("held_task", s.held_task.empty() ? "none" : s.held_task);
    p.number("orphans", s.orphans);
    p.number("stuck", s.stuck);
    p.number("queued", s.queued);
    p.number("written", s.written);
    p.number("link.refused", s.refused);
    p.number("handed_back", s.handed_back);
    p.number("outbox_bytes", s.outbox_bytes);
    p.number("stream_bytes", s.stream_bytes);
    p.number("pings", s.pings);
    p.number("pongs", s.pongs);
    p.number("health", static_cast<int>(s.health));
    p.text("usage", std::to_string(s.usage.cpu_percent) + " " + std::to_string(s.usage.memory_used_mb) + " " +
                        std::to_string(s.usage.gpu_utilization));
    for (std::size_t i = 0; i < deadline_reasons; ++i) {
        p.deadline("@" + std::string{to_string(static_cast<deadline_reason>(i))}, s.deadlines[i]);
    }
    paint(p, s.counters);
}

std::string change(const shown_field& before, const shown_field& after, monotonic_time now) {
    switch (after.what) {
    case shown_field::kind::counter:
        return (after.count < before.count ? "-" + std::to_string(before.count - after.count)
                                           : "+" + std::to_string(after.count - before.count));
    case shown_field::kind::deadline:
        return in_words(after.at, now);
    case shown_field::kind::text:
        break;
    }
    return after.text;
}

using names = std::vector<std::string_view>;

constexpr std::string_view heard[] = {"@silence_probe", "@silence"};

// What each of a script's words tells by itself, by the first of them or, where one does not say enough, two.
const std::map<std::string_view, names, std::less<>>& table() {
    static const names received{heard[0], heard[1], "@deaf", "link.strikes"};
    static const names part{heard[0], heard[1], "@deaf", "link.strikes", "incoming"};
    static const names hang_up{
        "state",      "@registration",  "@heartbeat",   heard[0],         heard[1],
        "@deaf",      "@message_stall", "@receipt_due", "@receipt_retry", "@receipt_deadline",
        "@drain_end", "@idle_exit",     "@stable",      "@close"};
    static const names over = [] {
        names all{"register_sent", "registered",   "idle_time", "peer_pings",   "deaf",
                  "link.strikes",  "incoming",     "last_end",  "next_attempt", "pings",
                  "pongs",         "link.refused", "@connect",  "@progress",    "@reconnect"};
        all.insert(all.end(), hang_up.begin(), hang_up.end());
        return all;
    }();
    static const std::map<std::string_view, names, std::less<>> all{
        // Inputs
        {"start", {"started"}},
        {"stop", {"ending"}},
        {"pause", {"pausing"}},
        {"resume", {"pausing"}},
        {"hold_connects", {"held"}},
        {"release_connects", {"held"}},
        {"health", {"health"}},
        {"usage", {"usage"}},
        {"respond", received},
        {"assign", {heard[0], heard[1], "@deaf", "link.strikes", "link.refused", "outbox_bytes"}},
        {"begin", part},
        {"go_on", {heard[0], heard[1], "@deaf", "link.strikes", "link.refused", "incoming"}},
        {"empty_part", part},
        {"noise", received},
        {"text", received},
        {"pinged", {heard[0], heard[1], "@deaf", "peer_pings"}},
        {"alive", {heard[0], heard[1]}},
        {"pong",
         {heard[0], heard[1], "pongs", "link.refused", "outbox_bytes", "@receipt_retry",
          "@receipt_deadline"}},
        {"live", {heard[0], heard[1], "@deaf", "peer_pings", "@heartbeat"}},
        {"complete", {"outbox_bytes"}},
        {"fail", {"outbox_bytes"}},
        // Outputs
        {"connect", {"generation", "@connect"}},
        {"state connecting", {"state", "@connect", "@reconnect"}},
        {"state registering", {"state", "@connect", heard[0], heard[1]}},
        {"state ready",
         {"state", "running", "registered", "was_registered", "idle_time", "@registration", "@heartbeat",
          "@stable", "@idle_exit", "@task_timeout", "@stop_grace", "@drain_stop", "@drain_answer"}},
        {"state busy", {"state", "was_registered", "@idle_exit"}},
        {"state draining", {"state", "@idle_exit"}},
        {"state closing", hang_up},
        {"state backoff", over},
        {"state paused", over},
        {"state stopped", over},
        {"send register", {"register_sent", "@registration"}},
        {"send complete", {"outbox_bytes", "@receipt_due"}},
        {"send failed", {"outbox_bytes", "@receipt_due"}},
        {"ping", {"pings", "@receipt_due", "@receipt_retry", "@receipt_deadline"}},
        {"assigned", {"running"}},
        {"stop_task", {"running.stop_asked"}},
        {"undeliverable", {"outbox_bytes", "stream_bytes"}},
        {"stopped", {"ending"}},
    };
    return all;
}

// "1." of a line that begins with "1: ", and the line without it.
std::pair<std::string, std::string_view> prefix_of(std::string_view line) {
    const std::size_t colon = line.find(": ");
    if (colon == std::string_view::npos || line.find_first_not_of("0123456789") != colon) {
        return {{}, line};
    }
    return {std::string{line.substr(0, colon)} + ".", line.substr(colon + 2)};
}

std::vector<std::string> told_by(std::string_view line) {
    const auto words = words_of(line);
    if (words.size() == 2 && words[0] == "due") { // a deadline that is over
        return {"@" + words[1]};
    }
    const auto of = [](const names& told) { return std::vector<std::string>(told.begin(), told.end()); };
    if (words.size() > 1) {
        if (const auto two = table().find(words[0] + " " + words[1]); two != table().end()) {
            return of(two->second);
        }
    }
    const auto one = words.empty() ? table().end() : table().find(words[0]);
    return one == table().end() ? std::vector<std::string>{} : of(one->second);
}

// Also of `running.told` and the like, when `running` is told of; and of every slot, when none was named.
bool covers(const std::set<std::string>& told, const std::string& name) {
    if (told.contains(name)) {
        return true;
    }
    const std::size_t task = name.find("running.");
    const std::size_t slot = name.find_first_not_of("0123456789");
    return (task != std::string::npos && covers(told, name.substr(0, task + 7))) ||
           (slot != 0 && covers(told, name.substr(slot + 1)));
}

} // namespace

shown_state shown(const engine_snapshot& engine) {
    shown_state all;
    painter p{all, {}};
    paint(p, engine);
    return all;
}

shown_state shown(const group_snapshot& group) {
    shown_state all;
    painter whole{all, {}};
    whole.flag("paused", group.paused);
    whole.text("probe", group.probe ? std::to_string(*group.probe) : "none");
    whole.number("stuck", group.stuck);
    whole.deadline("@idle_exit", group.idle_exit);
    for (const engine_snapshot& slot : group.slots) {
        painter p{all, std::to_string(slot.slot) + "."};
        paint(p, slot);
    }
    return all;
}

std::map<std::string, std::string> changes(const shown_state& before, const shown_state& after,
                                           monotonic_time now) {
    std::map<std::string, std::string> found;
    for (const auto& [name, value] : after) {
        const auto was = before.find(name);
        const std::string slot = name.substr(0, name.find_first_not_of("0123456789")) + ".slot";
        if (was == before.end() && after.contains(slot) && !before.contains(slot) && name != slot) {
            continue; // of a new slot: that there is one says it all
        }
        if (was == before.end() || was->second != value) {
            found[name] = change(was == before.end() ? shown_field{} : was->second, value, now);
        }
    }
    for (const auto& [name, value] : before) {
        if (!after.contains(name)) {
            found[name] = "gone";
        }
    }
    return found;
}

std::vector<std::string> undeclared(const std::map<std::string, std::string>& changed,
                                    const std::vector<std::string>& lines,
                                    const std::vector<std::string>& declared) {
    std::set<std::string> told;
    for (const std::string& line : lines) {
        const auto [prefix, words] = prefix_of(line);
        for (const std::string& name : told_by(words)) {
            told.insert(prefix + name);
        }
    }
    std::vector<std::string> wrong;
    for (const std::string& line : declared) {
        const std::string name = line.substr(0, line.find(' '));
        const auto found = changed.find(name);
        if (found == changed.end()) {
            wrong.push_back(name + " did not change, and is declared: " + line);
        } else if (!word_fits(line.substr(std::min(line.size(), name.size() + 1)), found->second)) {
            wrong.push_back(name + " is now " + found->second + ", and is declared: " + line);
        }
        told.insert(name);
    }
    for (const auto& [name, value] : changed) {
        if (!covers(told, name)) {
            wrong.push_back("it changed, and nothing declares it: " + name + " " + value);
        }
    }
    return wrong;
}

} // namespace distworker::testing
