// I2, I8, I11 to I13, I15: what becomes of each message, and of the task that it brings.
#pragma once

#include "core/invariants/fingerprint.hpp"
#include "core/invariants/incoming_message.hpp"
#include "core/invariants/link_watch.hpp"
#include "core/invariants/moment.hpp"
#include "core/invariants/outbox_watch.hpp"
#include "core/invariants/progress_watch.hpp"
#include "core/invariants/rulebook.hpp"

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <vector>

namespace distworker::testing {

using call_result = std::expected<void, misuse>;

class task_watch {
public:
    explicit task_watch(rulebook& book) noexcept : book_{&book} {}

    // --- Inputs: before the slot gets them, as far as they are taken, and after ---

    void giving(const input::complete& in);
    void giving(const input::stream& in, const worker_engine& slot);
    void gave(const input::received& in, link_watch& link, outbox_watch& outbox, const moment& m);
    void gave(const input::complete& in, const call_result& result, outbox_watch& outbox, const moment& m);
    void gave(const input::progress& in, const call_result& result, progress_watch& progress,
              const moment& m);
    void gave(const input::stream& in, const call_result& result, outbox_watch& outbox, const moment& m);
    void gave_pong(const moment& m) { held_may_have_begun(m); }
    /// The slot began to end, at a call or by itself.
    void ending(outbox_watch& outbox, const moment& m);
    void gave_pause(const call_result& result, outbox_watch& outbox, const moment& m);

    // --- What time did: before the end of a connection, and behind it ---

    void started_without_answer(link_watch& link, const moment& m);
    void timers_fired(outbox_watch& outbox, const moment& m);
    /// The connection ended, with its session unless that is `kept`.
    void ended(bool kept, const moment& m);

    // --- Outputs ---

    void took(const output::assigned& out, const link_watch& link, const moment& m);
    void took(const output::stop_task& out);
    void took(const output::writable& out);
    /// Nothing is left to be polled.
    void rests(const engine_snapshot& now, const link_watch& link, const moment& m) const;
    /// The slot ended: whoever answers now is not heard.
    void all_over() noexcept { orphans_.clear(); }
    /// A new engine goes on where this one ended.
    void renewed();

    [[nodiscard]] bool is_ending() const noexcept { return ending_; }

    void add_to(fingerprint& all) const;

private:
    struct running_task {
        std::string id;
        delivery name;
        monotonic_time deadline;
        bool told = false;
        bool timed_out = false;
        bool timeout_told = false;

        void add_to(fingerprint& all) const {
            all.add(id, name.generation, name.serial, deadline, told, timed_out, timeout_told);
        }
    };
    struct held_task {
        std::string id;
        std::int64_t timeout_ms = 0;

        void add_to(fingerprint& all) const { all.add(id, timeout_ms); }
    };

    void check_counts(int rule, std::uint64_t engine_counters::* only, const moment& m,
                      const char* what) const;
    void strike(const outbox_watch& outbox, const moment& m);
    void refusal(const std::string& id, std::string_view code, int rule, outbox_watch& outbox,
                 const moment& m);
    void assignment(const message_meaning& what, const link_watch& link, outbox_watch& outbox,
                    const moment& m);
    void begun(const std::string& id, std::int64_t timeout_ms, const moment& m);
    void held_may_have_begun(const moment& m);
    void answered(outbox_watch& outbox, std::string_view code, int rule, std::uint64_t digest);
    void held_is_refused(outbox_watch& outbox, const moment& m);
    [[nodiscard]] bool runs(const delivery& task) const noexcept {
        return running_ && running_->name == task;
    }

    rulebook* book_;
    incoming_message incoming_;
    std::optional<running_task> running_;
    std::optional<held_task> held_;
    std::vector<delivery> orphans_; // told, and their connection is gone
    std::vector<delivery> stuck_;   // told, and answered for
    std::optional<delivery> lost_;  // to be asked to stop
    std::uint64_t last_serial_ = 0;
    std::uint32_t strikes_ = 0;
    bool ending_ = false;
    bool blocked_ = false; // a stream item was put off

    // Of the answer or item that is being given
    std::uint64_t given_digest_ = 0;
    std::size_t given_size_ = 0;
    std::size_t queued_before_ = 0;
};

} // namespace distworker::testing
