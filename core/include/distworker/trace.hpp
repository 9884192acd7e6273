// A recorded life of a worker group: every input with its time, every signature, every output, a line each.
//
// Use it to see afterwards what a worker went through, and to play it again on another machine: the engines
// are pure, so the same inputs give the same outputs, byte for byte, and `replay` proves it or shows where it
// is not so. A trace holds payloads (inputs, results, streamed data, progress texts, signatures of
// registrations) only when asked to; without them it is for reading. It never holds a token or a key made
// from one, and never the query of the controller's URL. docs/tracing.md has the format.
#pragma once

#include <distworker/group_input.hpp>
#include <distworker/move_only_function.hpp>

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

namespace distworker {

/// What a trace holds of payloads.
enum class trace_payloads : std::uint8_t {
    digests, ///< Their size and a checksum: for reading.
    whole,   ///< All bytes: for replay. They are as confidential as the tasks are.
};

[[nodiscard]] const char* to_string(trace_payloads payloads) noexcept;

/// Writes a trace. One group, one thread: the driver's. Nothing it does fails a call of the group's.
class trace_writer {
public:
    /// Takes one line, its newline included; false when it cannot be kept: then the trace ends there, and
    /// `failed` says so. So it does when there is no memory for a line.
    using sink = move_only_function<bool(std::string_view line)>;

    /// `out` gets each line at once, on the thread of the call that made it.
    trace_writer(sink out, trace_payloads payloads);

    /// The first lines: how the group was made. `seed` is what its constructor got.
    void begin(const valid_worker_config& config, std::uint64_t seed);
    /// A signer that notes what `sign` answers. It must not outlive this writer.
    [[nodiscard]] signer noting(signer sign);

    // In the order in which they happen.
    void gave(const group_input& what, instant now); ///< Before the group gets it.
    /// What the group said to it; success leaves no line.
    void answered(const std::expected<void, misuse>& result);
    /// What the group's `poll` gave, `output::idle` too.
    void took(const group_output& output, instant now);

    /// Whether the trace has ended early: the sink refused a line, or there was no memory for one.
    [[nodiscard]] bool failed() const noexcept { return failed_; }

private:
    template <typename Fill>
    void write(Fill fill);
    void write_time(const char* word, instant now);

    sink out_;
    trace_payloads payloads_;
    std::string line_;
    instant last_{monotonic_time::min(), {}};
    bool failed_ = false;
};

/// Why a trace cannot be read.
struct trace_error {
    std::size_t line = 0; ///< From 1.
    std::string problem;  ///< What is wrong there, and what to do about it.
};

/// Where a replayed life first went another way.
struct replay_difference {
    std::size_t line = 0; ///< Of the recorded output or answer.
    std::string recorded; ///< The line of the trace.
    std::string replayed; ///< What came in its place, written as a trace has it.
};

/// How a replay went.
struct replay_report {
    bool has_payloads = false; ///< Without them nothing was replayed.
    std::uint64_t inputs = 0;  ///< Read from the trace.
    std::uint64_t outputs = 0; ///< Read from the trace, to be compared.
    /// The first one, where the replay ended; nothing when all outputs are identical.
    std::optional<replay_difference> difference;
};

/// Feeds a trace's inputs to a new group and compares. Any bytes are safe to read.
[[nodiscard]] std::expected<replay_report, trace_error> replay(std::string_view trace);

} // namespace distworker
