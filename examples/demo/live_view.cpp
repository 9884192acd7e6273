#include "live_view.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace demo {
namespace {

constexpr std::size_t title_width = 30;
constexpr std::size_t bar_width = 24;
constexpr std::size_t note_width = 50;

std::string bar(double fraction) {
    const auto filled = static_cast<std::size_t>(std::lround(fraction * static_cast<double>(bar_width)));
    std::string out = "[";
    out.append(filled, '#').append(bar_width - filled, '.');
    return out + "]";
}

const char* word(live_view::state state) {
    switch (state) {
    case live_view::state::waiting:
        return "waiting";
    case live_view::state::running:
        return "running";
    case live_view::state::done:
        return "done";
    case live_view::state::failed_as_expected:
        return "failed, as expected";
    case live_view::state::wrong:
        return "WRONG";
    }
    return "";
}

} // namespace

std::size_t live_view::add(std::string title) {
    lines_.push_back({.title = std::move(title), .note = {}});
    return lines_.size() - 1;
}

void live_view::update(std::size_t number, state now, double fraction, const std::string& note) {
    const std::lock_guard lock{mutex_};
    line& changed = lines_[number];
    const bool new_state = changed.now != now;
    changed.now = now;
    changed.fraction = std::clamp(fraction, 0.0, 1.0);
    changed.note = note.substr(0, note_width);
    if (moving_) {
        draw();
        return;
    }
    const int quarter = static_cast<int>(changed.fraction * 4);
    if (new_state || quarter > changed.told_quarter) {
        changed.told_quarter = quarter;
        std::printf("%s\n", text_of(changed).c_str());
        std::fflush(stdout);
    }
}

std::string live_view::text_of(const line& shown) {
    std::string out = "  " + shown.title;
    out.resize(std::max(out.size(), title_width + 2), ' ');
    out += bar(shown.fraction) + ' ';
    const auto percent = std::to_string(std::lround(shown.fraction * 100)) + "%";
    out.append(5 - std::min<std::size_t>(5, percent.size()), ' ');
    out += percent + "  " + word(shown.now);
    if (!shown.note.empty()) {
        out += ": " + shown.note;
    }
    return out;
}

void live_view::draw() {
    std::string screen;
    if (drawn_) {
        screen += "\x1b[" + std::to_string(lines_.size()) + "A"; // back up to the first line
    }
    for (const line& each : lines_) {
        screen += "\r\x1b[2K" + text_of(each) + "\n";
    }
    drawn_ = true;
    std::fputs(screen.c_str(), stdout);
    std::fflush(stdout);
}

} // namespace demo
