// The plot of a herd.
#include <distworker/sim/herd.hpp>

#include <algorithm>
#include <array>
#include <cstdio>

namespace distworker::sim {
namespace {

constexpr double plot_left = 60;
constexpr double plot_top = 30;
constexpr double plot_width = 700;
constexpr double plot_height = 240;
constexpr double plot_highest = 0.4; // share of the fleet at the top
constexpr double plot_margin = 50;

std::string n(double number) {
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%.2f", number);
    return text.data();
}

std::string words(double x, double y, const std::string& text, const char* more = "") {
    return "<text x='" + n(x) + "' y='" + n(y) + "' " + more + ">" + text + "</text>\n";
}

std::string svg_line(double x1, double y1, double x2, double y2, const char* more) {
    return "<line x1='" + n(x1) + "' y1='" + n(y1) + "' x2='" + n(x2) + "' y2='" + n(y2) + "' " + more +
           "/>\n";
}

double y_of(double share) {
    return plot_top + plot_height * (1 - std::min(share, plot_highest) / plot_highest);
}

std::string bound(double share, const std::string& text) {
    return svg_line(plot_left, y_of(share), plot_left + plot_width, y_of(share),
                    "stroke='#cc3311' stroke-dasharray='5 4'") +
           words(plot_left + plot_width, y_of(share) - 5, text, "text-anchor='end' fill='#cc3311'");
}

} // namespace

std::string draw_herd(const herd_result& herd) {
    const double workers = herd.options.workers;
    const auto seconds = static_cast<double>(herd.attempts.size()) / 10;
    const auto x_of = [&](double second) { return plot_left + plot_width * second / seconds; };
    const auto away = static_cast<double>(herd.options.away.count());
    std::string svg = "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 " +
                      n(plot_left + plot_width + 20) + " " + n(plot_top + plot_height + plot_margin) +
                      "' font-family='sans-serif' font-size='12'>\n" +
                      "<rect width='100%' height='100%' fill='white'/>\n";
    svg += words(plot_left, 18,
                 std::to_string(herd.options.workers) + " workers, their controller away for " +
                     std::to_string(herd.options.away.count()) +
                     " s: share that attempts to connect, in each second");
    for (std::size_t at = 0; at + 10 <= herd.attempts.size(); at += 10) {
        unsigned sum = 0;
        for (std::size_t tenth = at; tenth < at + 10; ++tenth) {
            sum += herd.attempts[tenth];
        }
        const double share = sum / workers;
        svg += "<rect x='" + n(x_of(static_cast<double>(at) / 10)) + "' y='" + n(y_of(share)) + "' width='" +
               n(std::max(plot_width / seconds - 0.5, 0.5)) + "' height='" +
               n(plot_top + plot_height - y_of(share)) + "' fill='#4477aa'/>\n";
    }
    for (const int percent : {0, 10, 20, 30, 40}) {
        svg += words(plot_left - 8, y_of(percent / 100.0) + 4, std::to_string(percent) + " %",
                     "text-anchor='end'");
    }
    const int step = seconds > 300 ? 60 : seconds > 60 ? 20 : 5;
    for (int second = 0; second <= seconds; second += step) {
        svg += words(x_of(second), plot_top + plot_height + 18, std::to_string(second) + " s",
                     "text-anchor='middle'");
    }
    svg += svg_line(plot_left, plot_top, plot_left, plot_top + plot_height, "stroke='black'") +
           svg_line(plot_left, plot_top + plot_height, plot_left + plot_width, plot_top + plot_height,
                    "stroke='black'") +
           svg_line(x_of(away), plot_top, x_of(away), plot_top + plot_height, "stroke='#228833'") +
           words(x_of(away) + 4, plot_top + 12, "back", "fill='#228833'") + bound(herd_bound, "bound: 32 %") +
           bound(capped_herd_bound, "bound at the cap: 8 %");
    return svg + "</svg>\n";
}

} // namespace distworker::sim
