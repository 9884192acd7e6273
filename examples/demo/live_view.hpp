// What the demo shows while tasks run: a line each with a moving bar, or plain lines where there is no
// terminal.
#pragma once

#include <cstddef>
#include <mutex>
#include <string>
#include <vector>

namespace demo {

class live_view {
public:
    enum class state { waiting, running, done, failed_as_expected, wrong };

    /// `moving`: redraw in place with terminal sequences; otherwise a line for each change.
    explicit live_view(bool moving) : moving_{moving} {}

    /// Adds a line; returns its number. Before the first update.
    std::size_t add(std::string title);
    /// Shows a line anew. `fraction` is 0 to 1; `note` is a few words. Any thread.
    void update(std::size_t number, state now, double fraction, const std::string& note);

private:
    struct line {
        std::string title;
        state now = state::waiting;
        double fraction = 0;
        std::string note;
        int told_quarter = -1;
    };

    void draw();
    [[nodiscard]] static std::string text_of(const line& shown);

    std::mutex mutex_;
    std::vector<line> lines_;
    bool moving_;
    bool drawn_ = false;
};

} // namespace demo
