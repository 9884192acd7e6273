// I1 to I7: a slot has one connection at a time, begins it with a fresh REGISTER, and says nothing behind its
// end.
#pragma once

#include "core/invariants/fingerprint.hpp"
#include "core/invariants/moment.hpp"
#include "core/invariants/rulebook.hpp"
#include "core/invariants/signing_desk.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

namespace distworker::testing {

class link_watch {
public:
    using ping_payload = std::array<std::byte, 16>;

    explicit link_watch(rulebook& book) noexcept : book_{&book} {}

    // --- Facts ---

    /// Whether the slot has to take an event of this generation.
    [[nodiscard]] bool takes(std::uint32_t generation) const noexcept {
        return asked_ && live_ && generation == generation_;
    }
    [[nodiscard]] bool register_sent() const noexcept { return register_sent_; }
    [[nodiscard]] bool registered() const noexcept { return registered_; }
    [[nodiscard]] bool sending() const noexcept { return sending_; }
    /// Pings of this connection, in their order.
    [[nodiscard]] const std::vector<ping_payload>& pings() const noexcept { return pings_; }

    // --- Inputs, after the slot got them ---

    /// Any event of a connection.
    void event(std::uint32_t generation, const moment& m);
    void opened(const moment& m);
    void written() noexcept { sending_ = false; }

    // --- What became of the connection ---

    void begun() noexcept;
    void renewed();
    void answered() noexcept { registered_ = true; }
    void ended() noexcept;

    // --- Outputs ---

    void took(const output::connect& out, const moment& m);
    /// Of REGISTER, with what was signed in this very poll.
    void took_register(const worker_register_view& frame, const std::optional<signing>& signed_now,
                       const moment& m);
    /// Of any frame, REGISTER included.
    void took(const output::send& out, bool is_register);
    void took(const output::ping& out);
    void took(const output::close& out);
    void took(const output::abort& out);
    void took(const output::disconnected& out);
    void took(const output::stopped& out, const moment& m);

    void add_to(fingerprint& all) const;

private:
    void check_speaking(std::uint32_t generation, const char* what);

    rulebook* book_;
    std::uint32_t generation_ = 0;
    bool live_ = false;  // the slot has a connection, or asks for one
    bool asked_ = false; // the application knows of it
    bool opened_ = false;
    bool register_sent_ = false;
    bool registered_ = false;
    bool sending_ = false;
    bool closing_ = false;
    bool end_due_ = false;
    std::uint32_t last_aborted_ = 0;
    std::vector<ping_payload> pings_;
};

} // namespace distworker::testing
