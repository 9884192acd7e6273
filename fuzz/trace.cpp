// Any text is safe to read as a trace: it is played, or refused with the line that is wrong.
#include "target.hpp"

#include <distworker/byte_buffer.hpp>
#include <distworker/trace.hpp>

#include <algorithm>

namespace distworker::fuzz {
namespace {

// Thousands of slots are as valid, and take their time.
bool wants_many_slots(std::string_view text) {
    constexpr std::size_t digits = 3;
    for (const std::string_view name : {std::string_view{" slots="}, std::string_view{"set_slots count="}}) {
        for (auto at = text.find(name); at != std::string_view::npos; at = text.find(name, at + 1)) {
            const std::string_view number = text.substr(at + name.size(), digits);
            if (number.size() == digits && number.find_first_not_of("0123456789") == std::string_view::npos) {
                return true;
            }
        }
    }
    return false;
}

void check_trace(std::span<const std::byte> input) {
    const std::string_view text = as_text(input);
    if (wants_many_slots(text)) {
        return;
    }
    const auto lines = static_cast<std::size_t>(std::ranges::count(text, '\n')) + 1;
    const auto report = replay(text);
    if (!report) {
        require(report.error().line <= lines && !report.error().problem.empty(),
                "a trace is refused with the line that is wrong, and why");
        return;
    }
    require(report->inputs + report->outputs <= lines, "an input or output is a line");
    if (report->difference) {
        require(report->has_payloads, "without payloads nothing is compared");
        require(report->difference->line <= lines &&
                    report->difference->recorded != report->difference->replayed,
                "a difference is one, and has its line");
    }
    const auto again = replay(text);
    require(again && again->inputs == report->inputs && again->outputs == report->outputs &&
                again->difference.has_value() == report->difference.has_value(),
            "I28: the same trace plays the same again");
}

const registration trace_target{{"trace", check_trace}};

} // namespace
} // namespace distworker::fuzz
