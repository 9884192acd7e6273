// The rules that an event loop keeps, as tests: run them against yours.
//
// Link `distworker::loop_conformance` and GoogleTest's main into a program that defines `loop_kinds`; it then
// has every test of the suite for each of them. docs/write_a_loop.md is the guide.
//
//     std::span<const loop_kind> distworker::testing::loop_kinds() {
//         static const loop_kind mine[] = {{.name = "mine", .make = …}};
//         return mine;
//     }
#pragma once

#include <distworker/loop.hpp>

#include <memory>
#include <ostream>
#include <span>

namespace distworker::testing {

/// A loop to run, whatever it is. `run` returns after `stop`, also one that was asked for before, and may be
/// called again; `stop` comes from any thread.
class loop_runner {
public:
    virtual ~loop_runner() = default;
    /// What is tested. Valid until `drop`, or the runner's end.
    virtual loop& get() = 0;
    /// Runs the loop on this thread.
    virtual void run() = 0;
    /// Makes `run` return soon.
    virtual void stop() = 0;
    /// Destroys the loop alone, where it is one on something of the user's that goes on running; this may
    /// come from inside a callback. False where there is no such thing, or nothing of it is left.
    virtual bool drop() { return false; }
};

/// A kind of loop to hold to the rules.
struct loop_kind {
    const char* name;                       ///< Letters, digits and underscores.
    std::unique_ptr<loop_runner> (*make)(); ///< A new one for each test.

    /// For the names of tests.
    friend std::ostream& operator<<(std::ostream& out, const loop_kind& kind) { return out << kind.name; }
};

/// Defined by the program that runs the suite. The result lives as long as the program.
[[nodiscard]] std::span<const loop_kind> loop_kinds();

} // namespace distworker::testing
