// I8 to I10: what is due to the controller goes out once, in order and as it was given, and leaves the outbox
// by its receipt or by being handed back.
#pragma once

#include "core/invariants/fingerprint.hpp"
#include "core/invariants/link_watch.hpp"
#include "core/invariants/moment.hpp"
#include "core/invariants/rulebook.hpp"

#include <cstddef>
#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace distworker::testing {

/// One frame that the slot owes the controller.
struct due_frame {
    std::string id{};          ///< Of its task.
    delivery task{};           ///< A serial of 0 marks a refusal.
    std::string_view code{};   ///< What the slot itself has to answer with; empty: what the handler gave.
    int rule = 8;              ///< The invariant that asks for this code.
    std::uint64_t digest = 0;  ///< Of its bytes, as far as they are known.
    bool is_stream = false;    ///< One item of a task's data stream; else an outcome.
    bool sent = false;         ///< Its writing was begun, on this connection or an earlier one.
    std::uint64_t covered = 0; ///< The first ping that can prove it; 0 before it is written.

    [[nodiscard]] bool is_refusal() const noexcept { return !is_stream && task.serial == 0; }
    void add_to(fingerprint& all) const;
};

[[nodiscard]] std::uint64_t digest_of(std::span<const std::byte> bytes);

class outbox_watch {
public:
    explicit outbox_watch(rulebook& book) noexcept : book_{&book} {}

    // --- Facts ---

    /// Refusals without a receipt.
    [[nodiscard]] std::size_t refusals() const noexcept;
    /// Whether an outcome of a delivery of this task waits to be written.
    [[nodiscard]] bool awaits(std::string_view task_id) const noexcept;
    [[nodiscard]] bool empty() const noexcept { return queue_.empty() && written_.empty(); }
    [[nodiscard]] std::size_t size() const noexcept {
        return queue_.size() + written_.size() + returned_.size();
    }

    // --- What becomes due, and what became of it ---

    void due(due_frame frame) { queue_.push_back(std::move(frame)); }
    /// Of a task whose connection is gone.
    void comes_back(due_frame frame);
    void written(const link_watch& link);
    void ponged(std::span<const std::byte> payload, const link_watch& link, const moment& m);
    /// The connection ended. `kept`: its session did not.
    void ended(bool kept);
    /// The wire is free, and nothing is left to be polled.
    void rests(const engine_snapshot& now, bool may_write) const;

    // --- Outputs ---

    void took_item(const task_progress_view& frame, std::span<const std::byte> bytes);
    /// Says which delivery it was due of. No `error_code`: a result.
    delivery took_outcome(std::string_view task_id, std::string_view error_code,
                          std::span<const std::byte> bytes);
    /// Of a frame that is not kept here.
    void took_other() noexcept { flight_ = flight::other; }
    void took(const output::undeliverable& out);

    void add_to(fingerprint& all) const;

private:
    enum class flight : std::uint8_t { none, due, other };

    due_frame* take_front(bool is_stream, std::string_view task_id, std::span<const std::byte> bytes);
    void hand_back(due_frame&& frame, bool maybe);

    rulebook* book_;
    std::vector<due_frame> queue_;
    std::vector<due_frame> written_;
    std::vector<due_frame> returned_;              // to be told; `sent` says how sure
    std::set<std::string, std::less<>> ended_ids_; // on this connection
    std::uint64_t ponged_ = 0;
    flight flight_ = flight::none;
};

} // namespace distworker::testing
