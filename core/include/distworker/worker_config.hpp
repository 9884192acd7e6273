// How a worker is set up: one struct with a default for everything but two fields, and its check.
//
// Fill the struct, call `validate()`, and hand the `valid_worker_config` on; nothing else accepts an
// unchecked one. The token is not part of it: it lives in a `signer`. `worker_config_fields()` describes
// every field, for the check, `--help` and docs/configuration.md alike.
#pragma once

#include <distworker/backoff.hpp>
#include <distworker/config_fault.hpp>
#include <distworker/controller_url.hpp>
#include <distworker/secret.hpp>
#include <distworker/value.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace distworker {

class valid_worker_config;

/// What a reconnect means for tasks and outcomes.
enum class session_policy : std::uint8_t {
    automatic, ///< `anonymous` without a worker id, `one_shot` with one.
    anonymous, ///< The controller takes us for a new worker each time; it reconnects for ever.
    one_shot,  ///< The session dies with its connection (what the deployed controller's provisioners make).
    stable,    ///< The controller keeps sessions: handlers go on, unreceipted outcomes are sent again.
};

[[nodiscard]] const char* to_string(session_policy policy) noexcept;

/// Meanings, units and ranges are in `worker_config_fields()` and in the documentation made from it.
struct worker_config {
    // Whom to talk to, and as whom.
    std::string controller;
    std::string provisioner;
    std::string worker_id;
    session_policy session = session_policy::automatic;
    bool require_tls = false;

    // What the machine has, told at registration.
    std::string hostname;
    std::int64_t cpu_cores = 0;
    std::int64_t memory_mb = 0;
    value resource_info;

    // How much at once.
    std::uint64_t slots = 1;
    std::uint64_t max_stuck = 4;
    std::uint64_t max_message_bytes = 32ULL << 20U;
    std::uint64_t outbox_bytes = 4ULL << 20U;
    std::uint64_t stream_bytes = 256ULL << 10U;

    // The connection's life.
    std::chrono::milliseconds heartbeat_interval{30'000};
    std::chrono::milliseconds connect_timeout{10'000};
    std::chrono::milliseconds registration_timeout{15'000};
    std::chrono::milliseconds silence_probe{10'000};
    std::chrono::milliseconds silence_timeout{15'000};
    std::chrono::milliseconds deaf_timeout{15'000};
    std::chrono::milliseconds message_stall_timeout{60'000};
    std::chrono::milliseconds close_timeout{5'000};

    // Coming back.
    reconnect_policy reconnect = reconnect_policy::jitter;
    std::chrono::milliseconds reconnect_interval{5'000};
    std::chrono::milliseconds reconnect_cap{30'000};
    std::int64_t max_reconnect_attempts = -1;

    // Tasks and their outcomes.
    std::chrono::milliseconds progress_interval{250};
    std::chrono::milliseconds receipt_delay{100};
    std::chrono::milliseconds receipt_retry{5'000};
    std::chrono::milliseconds receipt_timeout{30'000};
    std::chrono::milliseconds stop_grace{5'000};
    std::chrono::milliseconds drain_timeout{25'000};

    /// Every fault at once, in the order of the fields, or a configuration to work with. Pure.
    [[nodiscard]] std::expected<valid_worker_config, std::vector<config_fault>> validate() const;
};

/// A checked configuration. Immutable; copies share it and are cheap; may be used from any thread.
class valid_worker_config {
public:
    [[nodiscard]] const worker_config& get() const noexcept { return contents_->config; }
    [[nodiscard]] const worker_config* operator->() const noexcept { return &contents_->config; }
    /// `controller`, taken apart.
    [[nodiscard]] const controller_url& url() const noexcept { return contents_->url; }
    /// The policy in force: never `automatic`.
    [[nodiscard]] session_policy session() const noexcept;
    /// What `backoff` needs.
    [[nodiscard]] backoff_policy reconnect() const noexcept;

private:
    friend struct worker_config;
    struct contents {
        worker_config config;
        controller_url url;
    };
    explicit valid_worker_config(std::shared_ptr<const contents> checked) noexcept
        : contents_{std::move(checked)} {}

    std::shared_ptr<const contents> contents_; // never null
};

/// What a field is, and which values it may have. Numbers and times include both ends of their range.
struct text_rule {
    std::string worker_config::* member;
    std::size_t min_bytes = 0; ///< 1: may not be empty.
    std::size_t max_bytes = 1024;
};
struct flag_rule {
    bool worker_config::* member;
};
enum class number_unit : std::uint8_t { count, bytes, mebibytes };
struct count_rule {
    std::uint64_t worker_config::* member;
    std::uint64_t min;
    std::uint64_t max;
    number_unit unit = number_unit::count;
};
struct integer_rule {
    std::int64_t worker_config::* member;
    std::int64_t min;
    std::int64_t max;
    number_unit unit = number_unit::count;
};
struct time_rule {
    std::chrono::milliseconds worker_config::* member;
    std::chrono::milliseconds min;
    std::chrono::milliseconds max;
};
struct session_rule {
    session_policy worker_config::* member;
    session_policy last = session_policy::stable;
};
struct reconnect_rule {
    reconnect_policy worker_config::* member;
    reconnect_policy last = reconnect_policy::fixed;
};
struct object_rule {
    value worker_config::* member;
    std::size_t max_document_bytes; ///< As BSON.
};
using field_rule = std::variant<text_rule, flag_rule, count_rule, integer_rule, time_rule, session_rule,
                                reconnect_rule, object_rule>;

/// What belongs together, in the order of the fields.
namespace config_group {
inline constexpr std::string_view identity = "Whom to talk to, and as whom";
inline constexpr std::string_view machine = "What the machine has";
inline constexpr std::string_view amounts = "How much at once";
inline constexpr std::string_view connection = "The life of a connection";
inline constexpr std::string_view reconnecting = "Coming back";
inline constexpr std::string_view tasks = "Tasks and their outcomes";
} // namespace config_group

/// One row of the table of fields.
struct config_field {
    std::string_view name; ///< As in `worker_config`.
    field_rule rule;
    std::string_view meaning; ///< One sentence, for `--help` and the documentation.
    std::string_view group;   ///< One of `config_group`.

    /// "30 s", "32 MiB", "-1", "jitter"; empty for what is empty by default.
    [[nodiscard]] std::string default_text() const;
    /// "1 s to 1 h", "true or false", "1 to 1024 bytes of UTF-8".
    [[nodiscard]] std::string range_text() const;
    /// Sets the field as a person writes it, and as `default_text` does. A fault leaves it as it was: the
    /// text is none of this kind (its range is checked by `validate`), or the field is an object.
    [[nodiscard]] std::expected<void, config_fault> set(worker_config& config, std::string_view text) const;
};

/// Every field of `worker_config`, in its order. The table lives as long as the program.
[[nodiscard]] std::span<const config_field> worker_config_fields() noexcept;

/// What is wrong with a token, if anything: empty; white space at an end, a line break or a NUL inside (as
/// from a file with a trailing newline). The fault's field is "token" and holds nothing of the value.
[[nodiscard]] std::optional<config_fault> check_token(const secret& token);

/// "250 ms", "30 s", "5 min", "1 h": in the largest unit that divides it.
[[nodiscard]] std::string format_duration(std::chrono::milliseconds value);
/// "512 B", "256 KiB", "32 MiB", "1 GiB": in the largest unit that divides it.
[[nodiscard]] std::string format_bytes(std::uint64_t value);
/// Reads "250 ms", "1.5s", "5min", "1h"; a bare number is in seconds. Empty for anything else.
[[nodiscard]] std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) noexcept;
/// Reads "512 B", "256KiB", "1.5 MiB", "1 GiB"; a bare number is in bytes. Empty for anything else.
[[nodiscard]] std::optional<std::uint64_t> parse_bytes(std::string_view text) noexcept;

} // namespace distworker
