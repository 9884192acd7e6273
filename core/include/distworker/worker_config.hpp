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

/// What a worker needs to know. Ranges include both of their ends. The same as data, for `--help` and the
/// documentation: `worker_config_fields()`.
struct worker_config {
    // Whom to talk to, and as whom.
    /// The controller's worker port: http(s)://host[:port][/prefix], or a full ws(s)://host[:port]/path.
    /// 1 byte to 4 KiB.
    std::string controller;
    /// Name of the provisioner that this worker belongs to; it decides which queues are served. 1 byte to
    /// 1 KiB.
    std::string provisioner;
    /// Id of a worker that a provisioner made; empty: an anonymous one. At most 1 KiB.
    std::string worker_id;
    /// What a reconnect means for tasks and outcomes.
    session_policy session = session_policy::automatic;
    /// Refuse a controller that would be reached without TLS, except on this machine.
    bool require_tls = false;

    // What the machine has, told at registration.
    /// Empty: unknown; the SDK looks it up. At most 1 KiB.
    std::string hostname;
    /// Processors that tasks may use; 0: unknown, the SDK looks it up.
    std::int64_t cpu_cores = 0;
    /// MiB that tasks may use; 0: unknown, the SDK looks it up.
    std::int64_t memory_mb = 0;
    /// Further facts, such as accelerators: an object of at most 64 KiB as BSON, or null.
    value resource_info;

    // How much at once.
    /// Tasks at once, each on a connection of its own. 1 to 10,000.
    std::uint64_t slots = 1;
    /// As many handlers that ignore their stop request make the worker drain and end. 1 to 10,000.
    std::uint64_t max_stuck = 4;
    /// The largest message that is taken; a task in a larger one is refused. 1 KiB to 1 GiB, as the two
    /// below.
    std::uint64_t max_message_bytes = 32ULL << 20U;
    /// Outcomes without a receipt that a slot keeps; at half of it a receipt is asked for at once.
    std::uint64_t outbox_bytes = 4ULL << 20U;
    /// Streamed data that a slot queues before `stream` answers `would_block`.
    std::uint64_t stream_bytes = 256ULL << 10U;

    // The connection's life.
    /// Between two reports of health and usage. 1 s to 1 h.
    std::chrono::milliseconds heartbeat_interval{30'000};
    /// The longest that TCP, TLS and upgrade may take; looking the name up has as much again. 100 ms to
    /// 1 h, as the three below.
    std::chrono::milliseconds connect_timeout{10'000};
    /// The longest wait for the answer to a registration.
    std::chrono::milliseconds registration_timeout{15'000};
    /// After so long without a byte the controller is pinged.
    std::chrono::milliseconds silence_probe{10'000};
    /// After so long without a byte the link is dead. More than `silence_probe`.
    std::chrono::milliseconds silence_timeout{15'000};
    /// After so long without one of the pings that the controller used to send the connection is
    /// replaced, once it is idle. 1 s to 1 h.
    std::chrono::milliseconds deaf_timeout{15'000};
    /// The longest time without a new byte of an unfinished message. 1 s to 1 h.
    std::chrono::milliseconds message_stall_timeout{60'000};
    /// The longest that the closing handshake may take. 10 ms to 1 h.
    std::chrono::milliseconds close_timeout{5'000};

    // Coming back.
    /// How the time between attempts grows.
    reconnect_policy reconnect = reconnect_policy::jitter;
    /// Base of that time: the first wave after a drop returns within it. 250 ms to 1 h.
    std::chrono::milliseconds reconnect_interval{5'000};
    /// The longest time while nothing refuses us; no less than `reconnect_interval`. 250 ms to 24 h.
    std::chrono::milliseconds reconnect_cap{30'000};
    /// After so many failed attempts in a row the worker ends; -1: it never does.
    std::int64_t max_reconnect_attempts = -1;

    // Tasks and their outcomes.
    /// Shortest time between two updates of a task; those between are coalesced. At most 1 h.
    std::chrono::milliseconds progress_interval{250};
    /// So long an outcome waits for others before a receipt is asked for. At most 1 min.
    std::chrono::milliseconds receipt_delay{100};
    /// So long after an unanswered receipt ping there is another. 100 ms to 1 h.
    std::chrono::milliseconds receipt_retry{5'000};
    /// The longest wait for a receipt, beside 1 s per KiB written. More than `receipt_retry`; 100 ms to 1 h.
    std::chrono::milliseconds receipt_timeout{30'000};
    /// What a handler that was asked to stop gets before its task is answered without it. At most 1 h.
    std::chrono::milliseconds stop_grace{5'000};
    /// What running tasks get at the end before WORKER_SHUTDOWN answers for them. At most 24 h.
    std::chrono::milliseconds drain_timeout{25'000};

    /// Every fault at once, in the order of the fields, or a configuration to work with. Pure.
    [[nodiscard]] std::expected<valid_worker_config, std::vector<config_fault>> validate() const;
};

/// A checked configuration. Immutable; copies share it and are cheap; may be used from any thread.
class valid_worker_config {
public:
    /// The settings as they were checked; valid as long as this object or a copy of it lives.
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
    std::string worker_config::* member; ///< The field that it is about.
    std::size_t min_bytes = 0;           ///< 1: may not be empty.
    std::size_t max_bytes = 1024;        ///< Of UTF-8.
};
struct flag_rule {
    bool worker_config::* member; ///< The field that it is about.
};
enum class number_unit : std::uint8_t {
    count,    ///< A plain number.
    bytes,    ///< Written with B, KiB, MiB or GiB.
    mebibytes ///< The field counts MiB; written with the same.
};
struct count_rule {
    std::uint64_t worker_config::* member; ///< The field that it is about.
    std::uint64_t min;                     ///< In what the field counts.
    std::uint64_t max;                     ///< In what the field counts.
    number_unit unit = number_unit::count; ///< How a person writes it.
};
struct integer_rule {
    std::int64_t worker_config::* member;  ///< The field that it is about.
    std::int64_t min;                      ///< In what the field counts.
    std::int64_t max;                      ///< In what the field counts.
    number_unit unit = number_unit::count; ///< How a person writes it.
};
struct time_rule {
    std::chrono::milliseconds worker_config::* member; ///< The field that it is about.
    std::chrono::milliseconds min;                     ///< The shortest.
    std::chrono::milliseconds max;                     ///< The longest.
};
struct session_rule {
    session_policy worker_config::* member;       ///< The field that it is about.
    session_policy last = session_policy::stable; ///< Every value up to this one is allowed.
};
struct reconnect_rule {
    reconnect_policy worker_config::* member;        ///< The field that it is about.
    reconnect_policy last = reconnect_policy::fixed; ///< Every value up to this one is allowed.
};
struct object_rule {
    value worker_config::* member;  ///< The field that it is about.
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
    std::string_view name;    ///< As in `worker_config`.
    field_rule rule;          ///< Kind, member and range.
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
