// The words for the engine's enumerations.
#include <distworker/connection_end.hpp>
#include <distworker/engine_output.hpp>
#include <distworker/engine_state.hpp>

namespace distworker {

const char* to_string(engine_state state) noexcept {
    switch (state) {
    case engine_state::stopped:
        return "stopped";
    case engine_state::connecting:
        return "connecting";
    case engine_state::registering:
        return "registering";
    case engine_state::ready:
        return "ready";
    case engine_state::busy:
        return "busy";
    case engine_state::draining:
        return "draining";
    case engine_state::closing:
        return "closing";
    case engine_state::backoff:
        return "backoff";
    case engine_state::paused:
        return "paused";
    }
    return "unknown";
}

const char* to_string(engine_event event) noexcept {
    switch (event) {
    case engine_event::started:
        return "started";
    case engine_event::put_off:
        return "put_off";
    case engine_event::opened:
        return "opened";
    case engine_event::registered:
        return "registered";
    case engine_event::task_began:
        return "task_began";
    case engine_event::task_ended:
        return "task_ended";
    case engine_event::drain:
        return "drain";
    case engine_event::carry_on:
        return "carry_on";
    case engine_event::close:
        return "close";
    case engine_event::ended:
        return "ended";
    case engine_event::halted:
        return "halted";
    case engine_event::retry:
        return "retry";
    case engine_event::finished:
        return "finished";
    }
    return "unknown";
}

const char* to_string(engine_action action) noexcept {
    switch (action) {
    case engine_action::none:
        return "none";
    case engine_action::dial:
        return "dial";
    case engine_action::introduce:
        return "introduce";
    case engine_action::join:
        return "join";
    case engine_action::work:
        return "work";
    case engine_action::rest:
        return "rest";
    case engine_action::hang_up:
        return "hang_up";
    case engine_action::wait:
        return "wait";
    case engine_action::sleep:
        return "sleep";
    case engine_action::finish:
        return "finish";
    }
    return "unknown";
}

const char* to_string(link_end::kind kind) noexcept {
    switch (kind) {
    case link_end::kind::name_resolution:
        return "name_resolution";
    case link_end::kind::connect:
        return "connect";
    case link_end::kind::tls:
        return "tls";
    case link_end::kind::upgrade:
        return "upgrade";
    case link_end::kind::protocol:
        return "protocol";
    case link_end::kind::peer_close:
        return "peer_close";
    case link_end::kind::lost:
        return "lost";
    case link_end::kind::closed:
        return "closed";
    }
    return "unknown";
}

const char* to_string(end_cause cause) noexcept {
    switch (cause) {
    case end_cause::refused:
        return "refused";
    case end_cause::peer_violation:
        return "peer_violation";
    case end_cause::peer_closed:
        return "peer_closed";
    case end_cause::transport:
        return "transport";
    case end_cause::timed_out:
        return "timed_out";
    case end_cause::local:
        return "local";
    }
    return "unknown";
}

const char* to_string(deadline_reason reason) noexcept {
    switch (reason) {
    case deadline_reason::connect:
        return "connect";
    case deadline_reason::registration:
        return "registration";
    case deadline_reason::heartbeat:
        return "heartbeat";
    case deadline_reason::silence_probe:
        return "silence_probe";
    case deadline_reason::silence:
        return "silence";
    case deadline_reason::deaf:
        return "deaf";
    case deadline_reason::message_stall:
        return "message_stall";
    case deadline_reason::close:
        return "close";
    case deadline_reason::receipt_due:
        return "receipt_due";
    case deadline_reason::receipt_retry:
        return "receipt_retry";
    case deadline_reason::receipt_deadline:
        return "receipt_deadline";
    case deadline_reason::progress:
        return "progress";
    case deadline_reason::task_timeout:
        return "task_timeout";
    case deadline_reason::stop_grace:
        return "stop_grace";
    case deadline_reason::drain_stop:
        return "drain_stop";
    case deadline_reason::drain_answer:
        return "drain_answer";
    case deadline_reason::drain_end:
        return "drain_end";
    case deadline_reason::idle_exit:
        return "idle_exit";
    case deadline_reason::reconnect:
        return "reconnect";
    case deadline_reason::stable:
        return "stable";
    case deadline_reason::register_hold:
        return "register_hold";
    }
    return "unknown";
}

const char* to_string(stop_reason reason) noexcept {
    switch (reason) {
    case stop_reason::timeout:
        return "timeout";
    case stop_reason::connection_lost:
        return "connection_lost";
    case stop_reason::shutdown:
        return "shutdown";
    }
    return "unknown";
}

const char* to_string(certainty how_sure) noexcept {
    switch (how_sure) {
    case certainty::not_sent:
        return "not_sent";
    case certainty::maybe_processed:
        return "maybe_processed";
    }
    return "unknown";
}

const char* to_string(end_reason reason) noexcept {
    switch (reason) {
    case end_reason::stop_requested:
        return "stop_requested";
    case end_reason::signal:
        return "signal";
    case end_reason::idle:
        return "idle";
    case end_reason::attempts_exhausted:
        return "attempts_exhausted";
    case end_reason::session_gone:
        return "session_gone";
    case end_reason::stuck_handlers:
        return "stuck_handlers";
    }
    return "unknown";
}

const char* to_string(misuse what) noexcept {
    switch (what) {
    case misuse::stale_delivery:
        return "stale_delivery";
    case misuse::would_block:
        return "would_block";
    case misuse::invalid_value:
        return "invalid_value";
    case misuse::not_in_state:
        return "not_in_state";
    case misuse::unknown_slot:
        return "unknown_slot";
    }
    return "unknown";
}

} // namespace distworker
