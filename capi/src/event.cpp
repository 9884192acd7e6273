#include "handles.hpp"

#include <algorithm>

namespace distworker::c_abi {

int status_of(misuse what) noexcept {
    switch (what) {
    case misuse::stale_delivery:
        return DW_STALE_DELIVERY;
    case misuse::would_block:
        return DW_WOULD_BLOCK;
    case misuse::invalid_value:
        return DW_INVALID_VALUE;
    case misuse::not_in_state:
        return DW_NOT_IN_STATE;
    case misuse::unknown_slot:
        return DW_UNKNOWN_SLOT;
    }
    return DW_FAILED;
}

dw_event event_of(dw_event_kind kind) noexcept {
    return {.size = sizeof(dw_event),
            .kind = kind,
            .slot = 0,
            .generation = 0,
            .deadline_ns = DW_NEVER,
            .text = {nullptr, 0},
            .code = 0,
            .reserved = 0,
            .delivery = {0, 0, 0},
            .task = nullptr};
}

// A caller of an older version has a smaller event: it gets the part that it knows.
void write_event(const dw_event& from, dw_event* to) noexcept {
    const std::uint32_t size = std::min<std::uint32_t>(to->size, sizeof from);
    std::memcpy(to, &from, size);
    to->size = size;
}

static_assert(int{DW_STOP_SHUTDOWN} == int{std::to_underlying(stop_reason::shutdown)});
static_assert(int{DW_END_STUCK_HANDLERS} == int{std::to_underlying(end_reason::stuck_handlers)});
static_assert(int{DW_END_CLOSED} == int{std::to_underlying(link_end::kind::closed)});

dw_event event_maker::make() {
    dw_event made = std::visit(overloaded{
                                   [](output::idle& o) {
                                       dw_event event = event_of(DW_IDLE);
                                       event.deadline_ns = o.deadline.time_since_epoch().count();
                                       return event;
                                   },
                                   [&](output::connect& o) {
                                       text_ = o.url->uri();
                                       dw_event event = event_of(DW_CONNECT);
                                       event.generation = o.generation;
                                       event.text = text(text_);
                                       return event;
                                   },
                                   [](output::send& o) {
                                       dw_event event = event_of(DW_SEND);
                                       event.generation = o.generation;
                                       event.text = text(o.bytes);
                                       return event;
                                   },
                                   [](output::ping& o) {
                                       dw_event event = event_of(DW_PING);
                                       event.generation = o.generation;
                                       event.text = text(std::span<const std::byte>{o.payload});
                                       return event;
                                   },
                                   [](output::close& o) {
                                       dw_event event = event_of(DW_CLOSE);
                                       event.generation = o.generation;
                                       event.code = o.code;
                                       return event;
                                   },
                                   [](output::abort& o) {
                                       dw_event event = event_of(DW_ABORT);
                                       event.generation = o.generation;
                                       return event;
                                   },
                                   [](output::assigned& o) {
                                       dw_event event = event_of(DW_ASSIGNED);
                                       event.delivery = to_c(o.task.name());
                                       event.task = new dw_task{o.task};
                                       return event;
                                   },
                                   [](output::stop_task& o) {
                                       dw_event event = event_of(DW_STOP_TASK);
                                       event.delivery = to_c(o.task);
                                       event.code = std::to_underlying(o.reason);
                                       return event;
                                   },
                                   [](output::writable& o) {
                                       dw_event event = event_of(DW_WRITABLE);
                                       event.delivery = to_c(o.task);
                                       return event;
                                   },
                                   [](output::undeliverable& o) {
                                       dw_event event = event_of(DW_UNDELIVERABLE);
                                       event.delivery = to_c(o.task);
                                       event.code = std::to_underlying(o.how_sure);
                                       event.text = text(o.answer.frame());
                                       return event;
                                   },
                                   [](output::sample_wanted&) { return event_of(DW_SAMPLE_WANTED); },
                                   [](output::state_changed& o) {
                                       dw_event event = event_of(DW_STATE_CHANGED);
                                       event.text = text(to_string(o.state));
                                       return event;
                                   },
                                   [](output::disconnected& o) {
                                       dw_event event = event_of(DW_DISCONNECTED);
                                       event.generation = o.generation;
                                       event.deadline_ns = o.end.retry_at.time_since_epoch().count();
                                       event.code = std::to_underlying(o.end.cause);
                                       event.text = text(o.end.detail);
                                       return event;
                                   },
                                   [](output::stopped& o) {
                                       dw_event event = event_of(DW_STOPPED);
                                       event.code = std::to_underlying(o.reason);
                                       event.text = text(to_string(o.reason));
                                       return event;
                                   },
                               },
                               kept_);
    made.slot = slot_;
    told_ = true;
    return made;
}

} // namespace distworker::c_abi

uint32_t dw_abi_version(void) {
    return DW_ABI_MAJOR << 16U | DW_ABI_MINOR;
}

const char* dw_status_text(int status) {
    switch (status) {
    case DW_OK:
        return "all is well";
    case DW_UNKNOWN_SETTING:
        return "there is no such setting, or it cannot be set by text";
    case DW_BAD_CONFIG:
        return "the configuration cannot be used";
    case DW_NO_MEMORY:
        return "there is no memory";
    case DW_FAILED:
        return "the system or a library below refused";
    default:
        break;
    }
    if (status >= DW_STALE_DELIVERY && status <= DW_UNKNOWN_SLOT) {
        return distworker::to_string(
            distworker::misuse{static_cast<std::uint8_t>(status - DW_STALE_DELIVERY)});
    }
    return "there is no such status";
}
