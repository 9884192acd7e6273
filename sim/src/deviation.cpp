#include <distworker/sim/deviation.hpp>

#include <charconv>
#include <ranges>

namespace distworker::sim {
namespace {

constexpr std::string_view deviation_letters = "achpsdrx";

} // namespace

std::string to_string(const deviation& one) {
    return static_cast<char>(one.what) + std::to_string(one.number);
}

std::optional<deviation> deviation_from(std::string_view text) noexcept {
    if (text.size() < 2 || !deviation_letters.contains(text[0])) {
        return std::nullopt;
    }
    deviation one{static_cast<deviation::kind>(text[0])};
    const char* const end = text.data() + text.size();
    const auto read = std::from_chars(text.data() + 1, end, one.number);
    return read.ec == std::errc{} && read.ptr == end ? std::optional{one} : std::nullopt;
}

std::string to_string(const std::set<deviation>& all) {
    std::string text;
    for (const deviation& one : all) {
        text += (text.empty() ? "" : ",") + to_string(one);
    }
    return text;
}

std::optional<std::set<deviation>> deviations_from(std::string_view text) {
    std::set<deviation> all;
    if (text.empty()) {
        return all;
    }
    for (const auto word : std::views::split(text, ',')) {
        const auto one = deviation_from(std::string_view{word});
        if (!one) {
            return std::nullopt;
        }
        all.insert(*one);
    }
    return all;
}

} // namespace distworker::sim
