// The table of fields: the meaning and the range of each in one place.
#include <distworker/worker_config.hpp>

#include <array>

namespace distworker {
namespace {

using namespace std::chrono_literals;
using c = worker_config;
namespace group = config_group;

constexpr std::uint64_t kib = 1ULL << 10U;
constexpr std::uint64_t gib = 1ULL << 30U;

constexpr std::array fields{
    config_field{"controller", text_rule{&c::controller, 1, 4096},
                 "Where the controller's worker port is: http(s)://host[:port][/prefix], or a full "
                 "ws(s)://host[:port]/path.",
                 group::identity},
    config_field{"provisioner", text_rule{&c::provisioner, 1},
                 "Name of the provisioner that this worker belongs to; it decides which queues are served.",
                 group::identity},
    config_field{
        "worker_id", text_rule{&c::worker_id},
        "Id of a worker that a provisioner made; empty for an anonymous one. It is accepted only while "
        "the controller has a session of that id.",
        group::identity},
    config_field{"session", session_rule{&c::session},
                 "What a reconnect means; automatic is anonymous without a worker id and one_shot with one.",
                 group::identity},
    config_field{"require_tls", flag_rule{&c::require_tls},
                 "Refuse a controller that would be reached without TLS, except on this machine.",
                 group::identity},
    config_field{"hostname", text_rule{&c::hostname},
                 "This machine's name, told at registration; empty: the SDK looks it up.", group::machine},
    config_field{"cpu_cores", integer_rule{&c::cpu_cores, 0, INT32_MAX},
                 "Processors that tasks may use, told at registration; 0: the SDK looks them up.",
                 group::machine},
    config_field{"memory_mb", integer_rule{&c::memory_mb, 0, INT64_MAX >> 20U, number_unit::mebibytes},
                 "Memory that tasks may use, told at registration; 0: the SDK looks it up.", group::machine},
    config_field{"resource_info", object_rule{&c::resource_info, 64 * kib},
                 "Further facts about this machine (accelerators, zone), an object, told at registration.",
                 group::machine},
    config_field{
        "slots", count_rule{&c::slots, 1, 10'000},
        "Tasks at once: each slot is a connection of its own, the protocol runs one task per connection.",
        group::amounts},
    config_field{"max_stuck", count_rule{&c::max_stuck, 1, 10'000},
                 "Handlers that may be abandoned after their timeout before the worker drains and ends.",
                 group::amounts},
    config_field{"max_message_bytes", count_rule{&c::max_message_bytes, kib, gib, number_unit::bytes},
                 "The largest message taken from the controller; a task in a larger one is refused.",
                 group::amounts},
    config_field{
        "outbox_bytes", count_rule{&c::outbox_bytes, kib, gib, number_unit::bytes},
        "Outcomes without a receipt that a slot keeps; at half of it a receipt is asked for at once.",
        group::amounts},
    config_field{"stream_bytes", count_rule{&c::stream_bytes, kib, gib, number_unit::bytes},
                 "Streamed data that a slot queues before its handler has to wait.", group::amounts},
    config_field{"heartbeat_interval", time_rule{&c::heartbeat_interval, 1s, 1h},
                 "Time between two reports of health and usage.", group::connection},
    config_field{
        "connect_timeout", time_rule{&c::connect_timeout, 100ms, 1h},
        "Longest time for TCP, TLS and the WebSocket upgrade; looking the name up has as much again.",
        group::connection},
    config_field{"registration_timeout", time_rule{&c::registration_timeout, 100ms, 1h},
                 "Longest time for the answer to a registration.", group::connection},
    config_field{"silence_probe", time_rule{&c::silence_probe, 100ms, 1h},
                 "After so long without a byte the controller is pinged.", group::connection},
    config_field{"silence_timeout", time_rule{&c::silence_timeout, 100ms, 1h},
                 "After so long without a byte the link is dead; more than silence_probe.",
                 group::connection},
    config_field{
        "deaf_timeout", time_rule{&c::deaf_timeout, 1s, 1h},
        "After so long without a ping of the controller's own, where it had pinged before, the connection "
        "is replaced once it is idle.",
        group::connection},
    config_field{"message_stall_timeout", time_rule{&c::message_stall_timeout, 1s, 1h},
                 "Longest time without a new byte of an unfinished message.", group::connection},
    config_field{"close_timeout", time_rule{&c::close_timeout, 10ms, 1h},
                 "Longest time for the closing handshake.", group::connection},
    config_field{"reconnect", reconnect_rule{&c::reconnect},
                 "How the time between attempts to connect grows; fixed is always the interval.",
                 group::reconnecting},
    config_field{"reconnect_interval", time_rule{&c::reconnect_interval, min_reconnect_delay, 1h},
                 "Base of the time between attempts: the first wave after a drop returns within it.",
                 group::reconnecting},
    config_field{"reconnect_cap", time_rule{&c::reconnect_cap, min_reconnect_delay, 24h},
                 "Longest time between attempts while nothing refuses us; at least reconnect_interval.",
                 group::reconnecting},
    config_field{"max_reconnect_attempts", integer_rule{&c::max_reconnect_attempts, -1, INT32_MAX},
                 "Failed attempts in a row after which the worker ends; -1 for no limit.",
                 group::reconnecting},
    config_field{"progress_interval", time_rule{&c::progress_interval, 0ms, 1h},
                 "Shortest time between two progress updates of a task; those between are coalesced.",
                 group::tasks},
    config_field{"receipt_delay", time_rule{&c::receipt_delay, 0ms, 1min},
                 "An outcome waits so long for others before a receipt is asked for.", group::tasks},
    config_field{"receipt_retry", time_rule{&c::receipt_retry, 100ms, 1h},
                 "An unanswered receipt ping is repeated after so long.", group::tasks},
    config_field{"receipt_timeout", time_rule{&c::receipt_timeout, 100ms, 1h},
                 "Longest time for a receipt, beside 1 s per KiB written; more than receipt_retry.",
                 group::tasks},
    config_field{"stop_grace", time_rule{&c::stop_grace, 0ms, 1h},
                 "What a handler that was asked to stop gets before its task is answered without it.",
                 group::tasks},
    config_field{"drain_timeout", time_rule{&c::drain_timeout, 0ms, 24h},
                 "What running tasks get at the end before they are answered WORKER_SHUTDOWN.", group::tasks},
};

} // namespace

std::span<const config_field> worker_config_fields() noexcept {
    return fields;
}

} // namespace distworker
