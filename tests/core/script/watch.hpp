// What must hold whatever a script does to an engine: checked at every output, and at the end.
//
// The names of the rules, I1 to I30, are those of the project's reliability rules.
#pragma once

#include <distworker/engine_output.hpp>
#include <distworker/engine_snapshot.hpp>
#include <distworker/worker_group.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace distworker::testing {

/// A rule is broken.
struct broken_rule : std::logic_error {
    using std::logic_error::logic_error;
};

class watch {
public:
    explicit watch(session_policy session) noexcept : session_{session} {}

    // What was done to it
    void opened(std::uint32_t slot) { links_[slot].opened = true; }
    void answered(std::uint32_t slot) { links_[slot].answered = true; }
    void assigning(std::uint32_t slot, std::string_view id);
    void written(std::uint32_t slot) { links_[slot].writing = false; }
    void lost(std::uint32_t slot) { links_[slot].live = false; }
    void completed(const delivery& task, bool accepted);
    /// The application's `stop` was accepted.
    void stopping() { stopping_ = true; }

    /// Throws when an output breaks a rule.
    void saw(const group_output& out, const engine_counters& counters, monotonic_time now);
    /// Throws unless it ended in order, and every outcome and every connection with it.
    void check_end(const engine_counters& counters, std::size_t outbox_bytes) const;

    [[nodiscard]] bool over() const noexcept { return over_; }
    /// Deliveries that the application has not answered.
    [[nodiscard]] const std::set<delivery>& unanswered() const noexcept { return unanswered_; }

private:
    struct link {
        std::uint32_t generation = 0;
        bool live = false;
        bool opened = false;
        bool registered = false;
        bool answered = false;
        bool writing = false;
        bool closing = false;
        std::optional<monotonic_time> attempted;
        std::map<std::string, int, std::less<>> may_end; // by task id: assigned, and not yet ended
    };

    link& live(std::uint32_t slot, std::uint32_t generation, const char* what);
    void check_frame(link& on, std::span<const std::byte> bytes, const engine_counters& counters);

    void see(std::uint32_t slot, const output::connect& o, monotonic_time now);
    void see(std::uint32_t slot, const output::ping& o);
    void see(std::uint32_t slot, const output::close& o);
    void see(std::uint32_t slot, const output::assigned& o);
    void see(std::uint32_t slot, const output::disconnected& o);
    void see(const output::undeliverable& o);

    session_policy session_;
    std::map<std::uint32_t, link> links_;
    std::set<std::pair<std::uint32_t, std::uint32_t>> asked_; // slot and generation
    std::set<std::pair<std::uint32_t, std::uint32_t>> told_;
    std::set<delivery> deliveries_;
    std::set<delivery> unanswered_;
    std::set<delivery> returned_;
    std::uint64_t accepted_ = 0;
    std::uint64_t undeliverable_ = 0;
    std::size_t outputs_ = 0; // since the last `idle`
    bool stopping_ = false;
    bool over_ = false;
};

} // namespace distworker::testing
