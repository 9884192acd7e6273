// engine-diagram: writes docs/engine.md, the picture of the worker engine, from the table that it dispatches
// from.
#include <distworker/engine_state.hpp>

#include <cstdio>
#include <map>
#include <string>
#include <utility>

namespace {

constexpr const char* introduction =
    R"(# The worker engine, as it moves

Written by `engine-diagram` from `core/include/distworker/engine_state.hpp`, the one table that the engine
dispatches from; the test `docs.engine` compares. To write it anew:

    build/release/bin/engine-diagram > docs/engine.md

What states, events and actions mean is said beside their names in that header. A pair of state and event that is not
here is no transition: it is answered where it arrives, and changes nothing.

)";

} // namespace

int main() {
    using namespace distworker;
    std::fputs(introduction, stdout);
    std::puts("```mermaid\nstateDiagram-v2\n    direction LR\n    [*] --> stopped");
    std::map<std::pair<engine_state, engine_state>, std::string>
        arrows; // one for all events between two states
    for (const engine_transition& row : engine_transitions) {
        std::string& label = arrows[{row.from, row.to}];
        label += (label.empty() ? "" : ", ") + std::string{to_string(row.event)};
    }
    for (const auto& [ends, label] : arrows) {
        std::printf("    %s --> %s: %s\n", to_string(ends.first), to_string(ends.second), label.c_str());
    }
    std::puts("```\n\n| state | event | next state | action |\n| --- | --- | --- | --- |");
    for (const engine_transition& row : engine_transitions) {
        std::printf("| `%s` | `%s` | `%s` | `%s` |\n", to_string(row.from), to_string(row.event),
                    to_string(row.to), to_string(row.action));
    }
}
