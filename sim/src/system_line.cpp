// Connections: the way from a wish to an upgraded line, and the moving of bytes.
#include "system.hpp"

#include <algorithm>

namespace distworker::sim {

using namespace std::chrono_literals;

line* system::find_line(connection_id id) {
    const auto found = lines_.find(id);
    return found == lines_.end() ? nullptr : found->second.get();
}

void system::drop(line& of) {
    of.at_controller = false;
    of.server.abandon();
    of.stirred = true;
    touched_ = true;
}

line* system::any_line(seeded_random& random) {
    if (lines_.empty()) {
        return nullptr;
    }
    const auto place = static_cast<std::ptrdiff_t>(number(random, 0, lines_.size() - 1));
    return std::next(lines_.begin(), place)->second.get();
}

// How a new connection's line is, if it comes to be.
line_faults system::draw_line(const deviation& name, seeded_random& random) {
    line_faults faults{.up = plan_.line, .down = plan_.line};
    if (!faulty_) {
        faults.up = faults.down = {.min_delay = 1ms};
        return faults;
    }
    // Drawn whether it is used or not: what else is drawn does not depend on it.
    const bool cuts = chance(random, 20);
    const bool up = chance(random, 50);
    // Most frames are small: the first bytes are cut at most often.
    const auto at = static_cast<std::uint64_t>(across(random, 1ns, 1'000'000ns).count());
    const bool damages = chance(random, 20);
    const auto per_million = static_cast<std::uint32_t>(number(random, 1, 100));
    const bool forgets = chance(random, 30);
    const auto idle_kill = random.uniform(60s, 350s);
    if (has(fault::cut_at_byte) && cuts && happens(name, "cut at byte " + std::to_string(at))) {
        seen().hit("line_cut_at_byte");
        (up ? faults.up : faults.down).cut_at = at;
    }
    // An ideal world keeps what TCP promises.
    if (has(fault::damage) && damages && options_.mode != mode::ideal && happens(name, "damages bytes")) {
        (up ? faults.up : faults.down).damage_per_million = per_million;
    }
    if (has(fault::idle_kill) && forgets && happens(name, "is forgotten when idle")) {
        faults.idle_kill = idle_kill;
    }
    faults.drops_late_pongs = has(fault::late_pongs) && options_.mode != mode::ideal;
    return faults;
}

void system::connect(machine& of, std::uint32_t slot, std::uint32_t generation) {
    const deviation name = next(deviation::kind::connection);
    seeded_random random = dice(name);
    seeded_random for_line = random.split();
    const connection_id id = ++last_line_;
    const line_faults faults = draw_line(name, for_line);
    auto made = std::make_unique<line>(faults, random.next(), id);
    made->worker = of.index;
    made->slot = slot;
    made->generation = generation;
    line& l = *made;
    lines_.emplace(id, std::move(made));
    of.runs->lines[slot] = id;

    std::chrono::nanoseconds delay = 2 * faults.up.min_delay + 1ms;
    if (faulty_ && !trouble(l, name, random, delay)) {
        return;
    }
    at(now_ + delay, [this, id] { attempt(id); });
}

// Gives an attempt up: the worker learns of it later.
void system::end_attempt(connection_id id, std::chrono::nanoseconds after, link_end end) {
    at(now_ + after, [this, id, end = std::move(end)] {
        line* const l = find_line(id);
        if (l != nullptr && l->at_worker && !l->open) {
            machine& of = machines_[l->worker];
            if (awake(of)) {
                lost(of, *l, end);
            } else {
                end_attempt(id, of.wakes_up() - now_, end);
            }
        }
    });
}

// What goes wrong with an attempt before it is a connection. False: it ends here.
bool system::trouble(line& of, const deviation& name, seeded_random& random,
                     std::chrono::nanoseconds& delay) {
    const bool tcp = chance(random, plan_.connect_trouble);
    const bool http = chance(random, plan_.upgrade_trouble);
    const auto a_while = random.uniform(0s, 30s);
    constexpr fault of_tcp[] = {fault::name_resolution,   fault::dead_addresses,    fault::connect_refused,
                                fault::connect_blackhole, fault::accept_then_reset, fault::connect_refused};
    constexpr fault of_http[] = {fault::upgrade_refused, fault::upgrade_refused, fault::upgrade_slow,
                                 fault::upgrade_damaged, fault::upgrade_broken_off};
    const fault what = tcp ? pick(random, of_tcp) : pick(random, of_http);
    if ((!tcp && !http) || !has(what) || !happens(name, to_string(what))) {
        return true;
    }
    seen().hit(to_string(what));
    const auto end = [](link_end::kind kind) { return link_end{.what = kind, .detail = "sim"}; };
    switch (what) {
    case fault::name_resolution:
        if (chance(random, 50)) {
            delay += a_while;
            return true;
        }
        end_attempt(of.id, a_while, end(link_end::kind::name_resolution));
        return false;
    case fault::dead_addresses:
        delay += number(random, 1, 3) * random.uniform(250ms, 4s);
        return true;
    case fault::connect_refused:
    case fault::accept_then_reset:
        end_attempt(of.id, 1ms,
                    end(what == fault::connect_refused ? link_end::kind::connect : link_end::kind::lost));
        return false;
    case fault::upgrade_refused: {
        link_end refused = end(link_end::kind::upgrade);
        constexpr int often[] = {401, 403, 404, 426, 429, 500, 502, 503, 504};
        refused.http_status =
            chance(random, 70) ? pick(random, often) : static_cast<int>(number(random, 200, 599));
        if (refused.http_status == 429 || refused.http_status == 503) {
            constexpr std::int64_t after[] = {0, -1, 1, 20, 120, 1'000'000'000'000};
            refused.retry_after = std::chrono::seconds{pick(random, after)};
            seen().hit("retry_after");
        }
        end_attempt(of.id, delay, refused);
        return false;
    }
    case fault::upgrade_slow:
        delay += random.uniform(1s, 300s); // up to as many bytes, one a second
        return true;
    case fault::upgrade_damaged:
        end_attempt(of.id, delay, end(link_end::kind::upgrade));
        return false;
    case fault::upgrade_broken_off:
        end_attempt(of.id, delay, end(link_end::kind::lost));
        return false;
    default: // a black hole: nobody ever answers
        return false;
    }
}

// The upgrade, once it has crossed the network.
void system::attempt(connection_id id) {
    line* const l = find_line(id);
    if (l == nullptr || !l->at_worker) {
        return;
    }
    machine& of = machines_[l->worker];
    if (controller_ == nullptr) {
        if (awake(of)) {
            lost(of, *l, {.what = link_end::kind::connect, .detail = "sim"});
        } else {
            end_attempt(id, of.wakes_up() - now_, {.what = link_end::kind::connect, .detail = "sim"});
        }
        return;
    }
    l->open = true;
    l->at_controller = true;
    l->moved_at = now_;
    l->stirred = true;
    controller_->connected(*l);
    touched_ = true;
}

// Whether something would move.
bool system::due(const line& of) const {
    if (!of.open) {
        return false;
    }
    const bool worker_reads = of.at_worker && awake(machines_[of.worker]);
    return of.stirred || (worker_reads && (!of.opened_told || of.down.next_arrival() <= now_)) ||
           ((of.at_controller || of.rebooted) && of.server.reading() && of.up.next_arrival() <= now_);
}

bool system::move(line& of) {
    bool moved = false;
    for (bool again = true; again;) {
        again = false;
        of.stirred = false;
        const std::uint64_t before = of.up.delivered() + of.down.delivered();
        machine& worker = machines_[of.worker];
        if (of.at_worker && awake(worker)) {
            if (!std::exchange(of.opened_told, true)) {
                static_cast<void>(give(worker, input::opened{of.slot, of.generation}));
                again = true;
            }
            while (of.at_worker && awake(worker)) {
                const auto event = of.client.next(now_);
                if (!event) {
                    break;
                }
                again = true;
                told(worker, of, *event);
            }
        }
        while (of.at_controller) {
            const auto event = of.server.next(now_);
            if (!event) {
                break;
            }
            again = true;
            if (event->what == endpoint_event::kind::ended || event->what == endpoint_event::kind::broken) {
                of.at_controller = false;
                of.server.abandon();
                controller_->ended(of);
                break;
            }
            controller_->told(of, *event);
            // It may want to read nothing more before its answer is stored.
            if (event->what == endpoint_event::kind::part && event->last) {
                controller_->pump();
            }
        }
        if (of.rebooted && of.up.next_arrival() <= now_) { // the machine knows of no such connection
            of.up.cut();
            of.down.cut();
            of.rebooted = false;
            again = true;
        }
        again = again || of.stirred || of.up.delivered() + of.down.delivered() != before;
        moved = moved || again;
    }
    return moved;
}

// Whether anything moved: then there may be room for more.
bool system::move_lines() {
    bool moved = false;
    for (auto it = lines_.begin(); it != lines_.end();) {
        line& l = *it->second;
        if (!l.at_worker && !l.at_controller) {
            if (l.damaged()) {
                ++damaged_lines_;
                seen().hit("bytes_damaged");
            }
            if (l.server.dropped_pongs() > 0) {
                seen().hit("pong_dropped");
            }
            it = lines_.erase(it);
            continue;
        }
        ++it;
        if (!due(l)) {
            continue;
        }
        if (l.idle_kill > 0ns && now_ - l.moved_at > l.idle_kill && !l.up.silent()) {
            seen().hit("line_forgotten_when_idle");
            l.up.silence();
            l.down.silence();
        }
        l.moved_at = now_;
        moved = move(l) || moved;
    }
    return moved;
}

} // namespace distworker::sim
