// The plot of a herd.
#include <distworker/sim/herd.hpp>

#include <algorithm>
#include <cstdio>
#include <array>

namespace distworker::sim {
namespace {

constexpr double left = 60;
constexpr double top = 30;
constexpr double width = 700;
constexpr double height = 240;
constexpr double highest = 0.4; // share of the fleet at the top
constexpr double margin = 50;

template <typename... Values>
std::string text(const char* format, Values... values) {
    std::array<char, 400> line{};
    std::snprintf(line.data(), line.size(), format, values...);
    return line.data();
}

double y_of(double share) {
    return top + height * (1 - std::min(share, highest) / highest);
}

std::string horizontal(double share, const char* label, const char* colour) {
    return text("<line x1='%.1f' y1='%.1f' x2='%.1f' y2='%.1f' stroke='%s' stroke-dasharray='5 4'/>\n", left,
                y_of(share), left + width, y_of(share), colour) +
           text("<text x='%.1f' y='%.1f' text-anchor='end' fill='%s'>%s</text>\n", left + width,
                y_of(share) - 5, colour, label);
}

} // namespace

std::string draw_herd(const herd_result& herd) {
    const double workers = herd.options.workers;
    const auto seconds = static_cast<double>(herd.attempts.size()) / 10;
    const auto x_of = [&](double second) { return left + width * second / seconds; };
    std::string svg = text("<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 %.0f %.0f' "
                           "font-family='sans-serif' font-size='12'>\n",
                           left + width + 20, top + height + margin) +
                      "<rect width='100%' height='100%' fill='white'/>\n";
    svg += text("<text x='%.0f' y='18'>%u workers; their controller is away for %lld s: share that attempts to "
                "connect, in each second</text>\n",
                left, herd.options.workers, static_cast<long long>(herd.options.away.count()));
    for (std::size_t at = 0; at + 10 <= herd.attempts.size(); at += 10) {
        unsigned sum = 0;
        for (std::size_t tenth = at; tenth < at + 10; ++tenth) {
            sum += herd.attempts[tenth];
        }
        const auto second = static_cast<double>(at) / 10;
        const double share = sum / workers;
        svg += text("<rect x='%.2f' y='%.2f' width='%.2f' height='%.2f' fill='#4477aa'/>\n", x_of(second),
                    y_of(share), std::max(width / seconds - 0.5, 0.5), top + height - y_of(share));
    }
    for (const double share : {0.0, 0.1, 0.2, 0.3, 0.4}) {
        svg += text("<text x='%.1f' y='%.1f' text-anchor='end'>%.0f %%</text>\n", left - 8, y_of(share) + 4,
                    share * 100);
    }
    const double step = seconds > 300 ? 60 : seconds > 60 ? 20 : 5;
    for (double second = 0; second <= seconds; second += step) {
        svg += text("<text x='%.1f' y='%.1f' text-anchor='middle'>%.0f s</text>\n", x_of(second),
                    top + height + 18, second);
    }
    svg += text("<path d='M%.1f %.1fV%.1fH%.1f' fill='none' stroke='black'/>\n", left, top, top + height,
                left + width);
    const auto away = static_cast<double>(herd.options.away.count());
    svg += text("<line x1='%.1f' y1='%.1f' x2='%.1f' y2='%.1f' stroke='#228833'/>\n", x_of(away), top,
                x_of(away), top + height) +
           text("<text x='%.1f' y='%.1f' fill='#228833'>back</text>\n", x_of(away) + 4, top + 12);
    svg += horizontal(herd_bound, "bound: 32 %", "#cc3311");
    svg += horizontal(capped_herd_bound, "bound at the cap: 8 %", "#cc3311");
    return svg + "</svg>\n";
}

} // namespace distworker::sim
