// A peer that does what no controller may: at random times, on each connection, whatever comes to its mind.
//
// It also behaves, now and then, so that what it does next hits a worker that is registered, works, or waits
// for a receipt. What it sends is made in hostile_frames.cpp.
#include "hostile_frames.hpp"
#include "system.hpp"

#include <algorithm>
#include <deque>

namespace distworker::sim {

using namespace std::chrono_literals;

namespace {

constexpr std::chrono::seconds ping_interval{3};

class hostile_peer final : public controller_side {
public:
    explicit hostile_peer(system& around) : around_{&around} {}

    void connected(line& to) override;
    void told(line& from, const endpoint_event& event) override;
    void ended(line& gone) override { visits_.erase(gone.id); }
    bool pump() override;
    [[nodiscard]] monotonic_time wakes() const noexcept override;
    [[nodiscard]] bool quiet() const override;
    [[nodiscard]] bool dying() const noexcept override { return false; }
    std::optional<std::string> submit(const task_spec&) override;
    void cancel_any(seeded_random&) override {}
    bool add_session(const std::string&, const std::string&, bool) override { return true; }
    void assign_again(const std::string&, connection_id) override {}
    [[nodiscard]] bool all_tasks_over() const override { return true; }

private:
    // One connection, as this peer sees it.
    struct visit {
        bool answered = false; // REGISTER was
        bool pings = true;
        monotonic_time next_ping{};
        std::deque<hostile_message> waiting; // behind the message that is being written
        std::vector<std::string> ids;        // of tasks that it was given
    };

    void answer_registration(line& to, visit& of, seeded_random& random);
    void act(line& on, visit& of, seeded_random& random);
    void queue(line& to, visit& of, hostile_message message);
    void write(line& to, visit& of);
    void end(line& of);
    [[nodiscard]] line* any_visit(seeded_random& random);
    [[nodiscard]] std::string new_id();
    void schedule(std::chrono::nanoseconds pause);

    system* around_;
    std::map<connection_id, visit> visits_;
    std::uint64_t ids_ = 0;
};

std::string hostile_peer::new_id() {
    return "task-" + std::to_string(++ids_);
}

void hostile_peer::connected(line& to) {
    visit& of = visits_[to.id];
    of.next_ping = around_->time() + ping_interval;
}

void hostile_peer::told(line& from, const endpoint_event& event) {
    const auto found = visits_.find(from.id);
    if (found == visits_.end()) {
        return;
    }
    visit& of = found->second;
    if (event.what == endpoint_event::kind::sent) {
        write(from, of);
    } else if (event.what == endpoint_event::kind::part && event.last && !of.answered) {
        of.answered = true;
        const deviation one = around_->next(deviation::kind::input);
        seeded_random random = around_->dice(one);
        if (chance(random, 40) && around_->happens(one, "an odd answer to REGISTER")) {
            answer_registration(from, of, random);
        } else {
            queue(from, of, response_frame(0));
        }
    }
}

// Instead of one answer, without an idle time.
void hostile_peer::answer_registration(line& to, visit& of, seeded_random& random) {
    constexpr std::int32_t idle_times[] = {INT32_MIN, -1, 1, 30, INT32_MAX};
    switch (number(random, 0, 6)) {
    case 0: // none
        around_->seen().hit("hostile: no answer");
        break;
    case 1:
        around_->seen().hit("hostile: two answers");
        queue(to, of, response_frame(0));
        queue(to, of, response_frame(60));
        break;
    case 2:
        around_->seen().hit("hostile: an odd idle time");
        queue(to, of, response_frame(pick(random, idle_times)));
        break;
    case 3: { // tasks first, then perhaps an answer
        around_->seen().hit("hostile: tasks before the answer");
        for (std::uint64_t left = number(random, 1, 70); left > 0; --left) {
            of.ids.push_back(new_id());
            queue(to, of, assignment_frame(of.ids.back(), random));
        }
        if (chance(random, 50)) {
            queue(to, of, response_frame(0));
        }
        break;
    }
    case 4:
        around_->seen().hit("hostile: hangs up");
        end(to);
        break;
    case 5: // the answer is somewhere in between
        around_->seen().hit("hostile: noise before the answer");
        for (std::uint64_t left = number(random, 1, 120); left > 0; --left) {
            queue(to, of, noise_frame(random));
        }
        queue(to, of, response_frame(0));
        break;
    default:
        around_->seen().hit("hostile: a late answer");
        around_->at(around_->time() + across(random, 1s, 20s), [this, around = around_, id = to.id] {
            line* const l = around->find_line(id);
            if (l != nullptr && l->at_controller && visits_.contains(id)) {
                queue(*l, visits_.at(id), response_frame(0));
            }
        });
    }
}

void hostile_peer::queue(line& to, visit& of, hostile_message message) {
    of.waiting.push_back(std::move(message));
    if (of.waiting.size() == 1 && !to.server.writing()) {
        write(to, of);
    }
}

void hostile_peer::write(line& to, visit& of) {
    while (!of.waiting.empty() && !to.server.writing()) {
        const hostile_message next = std::move(of.waiting.front());
        of.waiting.pop_front();
        if (next.raw) {
            to.server.raw(next.bytes);
        } else {
            around_->sent(next.bytes);
            to.server.send(next.bytes, next.kind);
        }
        to.stirred = true;
    }
}

void hostile_peer::end(line& of) {
    visits_.erase(of.id);
    around_->drop(of);
}

line* hostile_peer::any_visit(seeded_random& random) {
    if (visits_.empty()) {
        return nullptr;
    }
    const auto place = static_cast<std::ptrdiff_t>(number(random, 0, visits_.size() - 1));
    line* const l = around_->find_line(std::next(visits_.begin(), place)->first);
    return l != nullptr && l->at_controller ? l : nullptr;
}

// Each task that the run wants to submit is an occasion: for an honest assignment, or for something else.
std::optional<std::string> hostile_peer::submit(const task_spec& spec) {
    const deviation one = around_->next(deviation::kind::input);
    seeded_random random = around_->dice(one);
    line* const to = any_visit(random);
    if (to == nullptr || !visits_.at(to->id).answered) {
        return std::nullopt;
    }
    visit& of = visits_.at(to->id);
    if (chance(random, 50) && around_->happens(one, "something hostile")) {
        act(*to, of, random);
        return std::nullopt;
    }
    of.ids.push_back(new_id());
    queue(*to, of, honest_frame(of.ids.back(), spec.timeout_ms));
    return of.ids.back();
}

void hostile_peer::act(line& on, visit& of, seeded_random& random) {
    const auto known = [&] { return of.ids.empty() ? new_id() : pick(random, of.ids); };
    const auto hit = [&](std::string_view what) { around_->seen().hit(what); };
    switch (number(random, 0, 19)) {
    case 0:
        hit("hostile: noise");
        for (std::uint64_t left = number(random, 1, 150); left > 0; --left) {
            queue(on, of, noise_frame(random));
        }
        break;
    case 1:
        hit("hostile: the same task again");
        queue(on, of, assignment_frame(known(), random));
        break;
    case 2:
        hit("hostile: a damaged copy");
        queue(on, of, damaged(assignment_frame(known(), random), random));
        break;
    case 3:
        hit("hostile: a damaged task");
        queue(on, of, damaged(assignment_frame(new_id(), random), random));
        break;
    case 4: {
        hit("hostile: a storm of tasks");
        for (std::uint64_t left = static_cast<std::uint64_t>(across(random, 10ns, 10'000ns).count());
             left > 0; --left) {
            queue(on, of, honest_frame(new_id(), 0));
        }
        break;
    }
    case 5:
        hit("hostile: an odd task");
        queue(on, of, odd_assignment(new_id(), random));
        break;
    case 6:
        hit("hostile: a deep task");
        queue(on, of, deep_assignment(new_id(), static_cast<unsigned>(number(random, 30, 150))));
        break;
    case 7:
        hit("hostile: text");
        for (std::uint64_t left = number(random, 1, 120); left > 0; --left) {
            queue(on, of, {{std::byte{'h'}, std::byte{'i'}}, message_kind::text, false});
        }
        break;
    case 8:
        hit("hostile: an oversized task");
        queue(on, of, oversized_assignment(new_id(), hostile_max_message + 1));
        break;
    case 9:
        hit("hostile: a message of empty fragments");
        queue(on, of, empty_fragments(number(random, 1, 70'000)));
        break;
    case 10:
        hit("hostile: an unfinished message");
        queue(on, of, unfinished_message(random));
        break;
    case 11:
        hit("hostile: broken framing");
        queue(on, of, broken_framing(random));
        break;
    case 12:
        hit("hostile: pongs");
        for (std::uint64_t left = number(random, 1, 100); left > 0; --left) {
            std::array<std::byte, 16> payload{};
            payload[8] = static_cast<std::byte>(random.next() & 0xFFU);
            on.server.pong(std::span<const std::byte>{payload}.first(number(random, 0, 16)));
        }
        break;
    case 13:
        hit("hostile: a flood of pings");
        for (std::uint64_t left = static_cast<std::uint64_t>(across(random, 100ns, 20'000ns).count());
             left > 0; --left) {
            on.server.ping({});
        }
        break;
    case 14:
        hit("hostile: never reads");
        on.server.set_reading(false);
        break;
    case 15: {
        hit("hostile: Close");
        constexpr std::uint16_t codes[] = {1000, 1001, 1002, 1005, 1006, 1011, 3000, 4999, 65'535, 0};
        on.server.close(pick(random, codes));
        on.server.raw(response_frame(0).bytes);
        break;
    }
    case 16:
        hit("hostile: hangs up");
        end(on);
        break;
    case 17:
        hit("hostile: no pings any more");
        of.pings = false;
        break;
    case 18:
        hit("hostile: a second answer");
        queue(on, of, response_frame(static_cast<std::int32_t>(number(random, 0, 100))));
        break;
    default:
        hit("hostile: frames that workers send");
        queue(on, of, misplaced_frame(known(), random));
    }
    on.stirred = true;
}

bool hostile_peer::pump() {
    bool did = false;
    for (auto& [id, of] : visits_) {
        if (of.pings && of.next_ping <= around_->time()) {
            of.next_ping = around_->time() + ping_interval;
            line* const l = around_->find_line(id);
            if (l != nullptr && l->server.quiet()) {
                l->server.ping({});
                l->stirred = true;
                did = true;
            }
        }
    }
    return did;
}

monotonic_time hostile_peer::wakes() const noexcept {
    monotonic_time next = never;
    for (const auto& [id, of] : visits_) {
        next = of.pings ? std::min(next, of.next_ping) : next;
    }
    return next;
}

bool hostile_peer::quiet() const {
    return std::ranges::all_of(visits_, [](const auto& entry) { return entry.second.waiting.empty(); });
}

} // namespace

std::unique_ptr<controller_side> make_hostile_peer(system& around) {
    return std::make_unique<hostile_peer>(around);
}

} // namespace distworker::sim
