#include "core/invariants/link_watch.hpp"

#include <algorithm>
#include <cstdio>

namespace distworker::testing {
namespace {

// "YYYYMMDDThhmmssZ" by a way of its own.
std::string date_of(wall_time wall) {
    const auto day = std::chrono::floor<std::chrono::days>(wall);
    const std::chrono::year_month_day date{day};
    const std::chrono::hh_mm_ss time{std::chrono::floor<std::chrono::seconds>(wall - day)};
    std::array<char, 32> text{};
    const int size =
        std::snprintf(text.data(), text.size(), "%04d%02u%02uT%02ld%02ld%02ldZ",
                      static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                      static_cast<unsigned>(date.day()), static_cast<long>(time.hours().count()),
                      static_cast<long>(time.minutes().count()), static_cast<long>(time.seconds().count()));
    return {text.data(), static_cast<std::size_t>(size)};
}

// What must not be left of an older connection when the next one is asked for.
constexpr std::array of_a_connection{
    deadline_reason::registration,  deadline_reason::heartbeat,
    deadline_reason::silence_probe, deadline_reason::silence,
    deadline_reason::deaf,          deadline_reason::message_stall,
    deadline_reason::close,         deadline_reason::receipt_due,
    deadline_reason::receipt_retry, deadline_reason::receipt_deadline,
    deadline_reason::drain_stop,    deadline_reason::drain_answer,
    deadline_reason::drain_end,     deadline_reason::idle_exit,
    deadline_reason::reconnect,     deadline_reason::stable,
};

} // namespace

void link_watch::event(std::uint32_t generation, const moment& m) {
    const std::uint64_t expected = takes(generation) ? 0 : 1;
    book_->check(5, m.more(&engine_counters::stale_events) == expected,
                 "events of other connections are counted, those of this one are not");
    if (expected != 0) {
        book_->check(5, m.is() == m.was, "events of other connections change nothing");
    }
}

void link_watch::opened(const moment& m) {
    if (m.was == engine_state::connecting) {
        opened_ = true;
        book_->check(1, m.is() == engine_state::registering, "an open connection is registered");
    }
}

void link_watch::begun() noexcept {
    live_ = true;
    asked_ = false;
}

void link_watch::renewed() {
    const std::uint32_t last = generation_;
    *this = link_watch{*book_};
    generation_ = last;
}

void link_watch::ended() noexcept {
    end_due_ = end_due_ || asked_;
    live_ = asked_ = opened_ = register_sent_ = registered_ = sending_ = closing_ = false;
    pings_.clear();
}

void link_watch::check_speaking(std::uint32_t generation, const char* what) {
    book_->check(5, generation == generation_, what);
    book_->check(6, live_ && !closing_, what);
    book_->check(1, opened_, what);
}

void link_watch::took(const output::connect& out, const moment& m) {
    book_->check(7, live_ && !asked_ && !end_due_, "one connection at a time, each told to its end");
    book_->check(5, out.generation > generation_, "generations only grow");
    generation_ = out.generation;
    asked_ = true;
    const engine_snapshot now = m.slot.snapshot();
    book_->check(7,
                 std::ranges::all_of(of_a_connection,
                                     [&](deadline_reason each) { return now.deadline(each) == never; }),
                 "one set of timers: those of the old connection are off");
    book_->check(5, !now.register_sent && !now.registered && now.pings == 0 && now.pongs == 0,
                 "nothing of the old connection is left in the new one");
}

void link_watch::took_register(const worker_register_view& frame, const std::optional<signing>& signed_now,
                               const moment& m) {
    book_->check(1, !register_sent_, "REGISTER goes out once");
    register_sent_ = true;
    book_->check(4, signed_now && signed_now->signature, "each REGISTER is signed when it goes out");
    if (!signed_now || !signed_now->signature) {
        return;
    }
    book_->check(4, std::ranges::equal(frame.signature, std::as_bytes(std::span{*signed_now->signature})),
                 "the signature is the fresh one");
    book_->check(3, std::ranges::equal(frame.data, signed_now->data), "what is signed is what is sent");
    const auto content = read_signed_register(frame.data);
    book_->check(3, content && content->date == signed_now->date, "the key's date is the signed one");
    book_->check(3, signed_now->date == date_of(m.now.wall), "the date is that of the one reading");
}

void link_watch::took(const output::send& out, bool is_register) {
    check_speaking(out.generation, "a frame goes out over an open connection that is not being closed");
    book_->check(1, is_register || register_sent_, "REGISTER goes first");
    book_->check(2, is_register || registered_, "nothing before the answer to REGISTER");
    book_->check(9, !sending_, "one frame at a time");
    sending_ = true;
}

void link_watch::took(const output::ping& out) {
    check_speaking(out.generation, "a ping goes out over an open connection that is not being closed");
    book_->check(10, !sending_, "a ping does not overtake what it asks for");
    book_->check(5, std::ranges::find(pings_, out.payload) == pings_.end(), "no ping is like another");
    pings_.push_back(out.payload);
}

void link_watch::took(const output::close& out) {
    check_speaking(out.generation, "one Close, on an open connection");
    book_->check(
        6, out.code == 1000 || out.code == 1001 || out.code == 1002 || out.code == 1003 || out.code == 1008,
        "only codes that may be sent");
    closing_ = true;
}

void link_watch::took(const output::abort& out) {
    book_->check(5, out.generation == generation_ && !asked_, "an abort is for the connection that ended");
    book_->check(6, out.generation != last_aborted_, "one abort");
    last_aborted_ = out.generation;
}

void link_watch::took(const output::disconnected& out) {
    book_->check(7, out.generation == generation_ && end_due_, "one end is told of each connection");
    end_due_ = false;
}

void link_watch::took(const output::stopped&, const moment& m) {
    book_->check(7, !live_ && !end_due_ && m.is() == engine_state::stopped, "the end leaves no connection");
}

void link_watch::add_to(fingerprint& all) const {
    const auto& [book, generation, live, asked, opened, register_sent, registered, sending, closing, end_due,
                 last_aborted, pings] = *this;
    all.add(generation, live, asked, opened, register_sent, registered, sending, closing, end_due,
            last_aborted, pings);
}

} // namespace distworker::testing
