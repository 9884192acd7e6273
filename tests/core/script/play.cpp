#include "play.hpp"

#include "words.hpp"

#include <algorithm>
#include <sstream>

namespace distworker::testing {
namespace {

// The slot that a line is of; those of none come last.
std::size_t slot_of(const std::string& line) {
    const std::size_t colon = line.find_first_not_of("0123456789");
    return colon > 0 && line[colon] == ':' ? number_of<std::size_t>(line) : SIZE_MAX;
}

class player {
public:
    player(const script& plays, const playing& how)
        : script_{&plays}, how_{&how}, stage_{plays, {.strict = true, .part_bytes = how.part_bytes}},
          before_{stage_.shown()} {}

    std::string play() {
        for (std::size_t i = 0; i < script_->steps.size(); ++i) {
            const script_step& step = script_->steps[i];
            try {
                if (how_->before == i) {
                    check_interlude();
                }
                check(step);
            } catch (const std::exception& error) {
                return where(step) + error.what();
            }
            if (!problem_.empty()) {
                const std::string problem = where(step) + problem_;
                return problem + "as it is, from here:\n" + rest(i);
            }
        }
        return {};
    }

private:
    [[nodiscard]] std::string where(const script_step& step) const {
        return step.place + ": " + step.input.line + "\n(" + script_->title + ")\n";
    }

    void check_interlude() {
        const shown_state before = stage_.shown();
        const auto moved = how_->meanwhile(stage_);
        const shown_state after = stage_.shown();
        for (const std::string& wrong :
             undeclared(changes(before, after, stage_.now().monotonic), {}, moved)) {
            problem_ += "what should make no difference does: " + wrong + "\n";
        }
        for (const auto& [name, was] : before) { // what it moved is no change of the step
            if (was.what == shown_field::kind::counter) {
                before_.at(name).count += after.at(name).count - was.count;
            }
        }
    }

    void check(const script_step& step) {
        if (std::exchange(settled_, false)) {
            told_.clear();
            declared_.clear();
        }
        hear(step.input.line);
        if (step.input.name == "wait") {
            told_.push_back(std::string{"due "} + to_string(stage_.idle().reason));
            hear(told_.back());
        }
        told_.push_back(told_line(step.input));
        stage_.give(step.input);
        if (!step.input.polled) {
            declared_.insert(declared_.end(), step.changes.begin(), step.changes.end());
            return;
        }
        came_ = collapsed(stage_.take());
        std::vector<std::string> expected = step.outputs;
        if (script_->is_group) { // in which order slots take their turns is nobody's business
            std::ranges::stable_sort(came_, {}, slot_of);
            std::ranges::stable_sort(expected, {}, slot_of);
        }
        std::ranges::for_each(came_, [this](const auto& line) { hear(line); });
        told_.insert(told_.end(), came_.begin(), came_.end());
        declared_.insert(declared_.end(), step.changes.begin(), step.changes.end());
        const shown_state after = stage_.shown();
        changed_ = changes(before_, after, stage_.now().monotonic);
        std::ranges::for_each(changed_, [this](const auto& change) { hear(": " + change.first); });
        if (!std::ranges::equal(expected, came_, line_fits)) {
            problem_ += "expected:\n" + listed(expected) + "came:\n" + listed(came_);
        }
        for (const std::string& wrong : undeclared(changed_, told_, declared_)) {
            problem_ += wrong + "\n";
        }
        before_ = after;
        settled_ = true;
    }

    // What follows as it would be written, for whoever writes the script.
    [[nodiscard]] std::string rest(std::size_t from) {
        std::string text = shown_step(script_->steps[from]);
        for (std::size_t i = from + 1; i < script_->steps.size(); ++i) {
            try {
                check(script_->steps[i]);
            } catch (const std::exception& error) {
                return text + script_->steps[i].input.line + "\n" + error.what();
            }
            text += shown_step(script_->steps[i]);
        }
        return text;
    }

    [[nodiscard]] std::string shown_step(const script_step& step) const {
        std::string text = step.input.line + "\n";
        if (!step.input.polled) {
            return text;
        }
        for (const std::string& line : came_) {
            text += "  " + line + "\n";
        }
        std::string needed;
        for (const std::string& wrong : undeclared(changed_, told_, {})) {
            const std::string name = wrong.substr(wrong.rfind(": ") + 2);
            if (!name.contains("running.") || !changed_.contains(name.substr(0, name.find('.', 2)))) {
                needed += (needed.empty() ? "  : " : ", ") + name;
            }
        }
        return text + needed + (needed.empty() ? "" : "\n");
    }

    // The name of an input, behind its slot.
    static std::string told_line(const script_input& input) {
        return (input.slot ? std::to_string(*input.slot) + ": " : "") + input.name;
    }

    static std::string listed(const std::vector<std::string>& lines) {
        std::string text;
        for (const std::string& line : lines) {
            text += "  " + line + "\n";
        }
        return text;
    }

    // Lines in a row that differ by one number that counts up are one: "64 times send failed storm-% …".
    static std::vector<std::string> collapsed(const std::vector<std::string>& lines);

    void hear(const std::string& line) const {
        if (how_->heard) {
            how_->heard(line);
        }
    }

    const script* script_;
    const playing* how_;
    stage stage_;
    shown_state before_;
    std::map<std::string, std::string> changed_;
    std::vector<std::string> told_;     // lines since the last poll
    std::vector<std::string> declared_; // changes since then
    std::vector<std::string> came_;
    std::string problem_;
    bool settled_ = false; // polled: what is told and declared belongs to the step before
};

// The line with each number in it as %.
std::string without_numbers(std::string_view line) {
    std::string shape;
    for (const char c : line) {
        const bool digit = c >= '0' && c <= '9';
        if (!digit) {
            shape.push_back(c);
        } else if (shape.empty() || shape.back() != '%') {
            shape.push_back('%');
        }
    }
    return shape;
}

std::vector<std::string> player::collapsed(const std::vector<std::string>& lines) {
    constexpr std::ptrdiff_t many = 5;
    std::vector<std::string> all;
    for (auto line = lines.begin(); line != lines.end();) {
        const std::string shape = without_numbers(*line);
        const auto end = std::find_if(
            line, lines.end(), [&](const std::string& next) { return without_numbers(next) != shape; });
        if (end - line >= many) {
            all.push_back(std::to_string(end - line) + " times " + shape);
        } else {
            all.insert(all.end(), line, end);
        }
        line = end;
    }
    return all;
}

} // namespace

std::string play(const script& plays, const playing& how) {
    try {
        return player{plays, how}.play();
    } catch (const script_error& error) {
        return error.what();
    }
}

} // namespace distworker::testing
