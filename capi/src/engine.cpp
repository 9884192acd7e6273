#include "handles.hpp"

#include <distworker/group_input.hpp>

#include <memory>
#include <utility>

namespace dw = distworker;
namespace c_abi = distworker::c_abi;

// An engine whose signer is called back is busy with that: until it returns, nothing else is let in.
struct dw_engine {
    dw_engine(const dw::valid_worker_config& config, dw_sign sign, void* context, std::uint64_t seed)
        : group{config, signer_of(sign, context), seed} {}

    dw::signer signer_of(dw_sign sign, void* context) {
        return [this, sign,
                context](std::string_view date,
                         std::span<const std::byte> data) -> std::expected<dw::digest32, dw::signing_error> {
            dw::digest32 signature{};
            signing = true;
            const int failed =
                sign(context, date.data(), date.size(), reinterpret_cast<const unsigned char*>(data.data()),
                     data.size(), reinterpret_cast<unsigned char*>(signature.data()));
            signing = false;
            if (failed != 0) {
                return std::unexpected{dw::signing_error{dw::signing_error::kind::crypto_failed,
                                                         "the application could not sign the registration"}};
            }
            return signature;
        };
    }

    /// Hands an input on, unless this comes from inside `sign`.
    int give(const dw::group_input& what, dw_instant now) {
        return signing ? int{DW_NOT_IN_STATE} : c_abi::status_of(dw::give(group, what, from_c(now)));
    }
    static dw::instant from_c(dw_instant now) noexcept {
        return {.monotonic = dw::monotonic_time{std::chrono::nanoseconds{now.monotonic_ns}},
                .wall = dw::wall_time{std::chrono::milliseconds{now.wall_ms}}};
    }

    bool signing = false;
    dw::worker_group group;
    c_abi::event_maker events;
};

int dw_engine_new(dw_config* config, dw_sign sign, void* context, std::uint64_t seed, dw_engine** engine) {
    return c_abi::guarded([&]() -> int {
        const auto valid = config->settings.validate();
        if (!valid || !config->of_set.empty()) {
            return DW_BAD_CONFIG;
        }
        *engine = new dw_engine{*valid, sign, context, seed};
        return DW_OK;
    });
}

void dw_engine_free(dw_engine* engine) {
    delete engine;
}

int dw_engine_start(dw_engine* engine, dw_instant now) {
    return c_abi::guarded([&] { return engine->give(dw::input::start{}, now); });
}

int dw_engine_stop(dw_engine* engine, std::uint32_t drain_ms, dw_instant now) {
    return c_abi::guarded([&] {
        return engine->give(dw::input::stop{dw::end_reason::stop_requested,
                                            dw::stop_limits{std::chrono::milliseconds{drain_ms}}},
                            now);
    });
}

int dw_engine_pause(dw_engine* engine, dw_instant now) {
    return c_abi::guarded([&] { return engine->give(dw::input::pause{}, now); });
}

int dw_engine_resume(dw_engine* engine, dw_instant now) {
    return c_abi::guarded([&] { return engine->give(dw::input::resume{}, now); });
}

int dw_engine_set_slots(dw_engine* engine, std::uint32_t count, dw_instant now) {
    return c_abi::guarded([&] { return engine->give(dw::input::set_slots{count}, now); });
}

int dw_engine_poll(dw_engine* engine, dw_instant now, dw_event* event) {
    if (engine->signing) {
        return DW_NOT_IN_STATE;
    }
    return c_abi::guarded([&]() -> int {
        if (!engine->events.owes()) {
            dw::group_output out = engine->group.poll(dw_engine::from_c(now));
            engine->events.take(out.slot, std::move(out.out));
        }
        c_abi::write_event(engine->events.make(), event);
        return DW_OK;
    });
}

int dw_engine_link(dw_engine* engine, std::uint32_t slot, std::uint32_t generation, int event,
                   dw_instant now) {
    return c_abi::guarded([&]() -> int {
        switch (event) {
        case DW_OPENED:
            return engine->give(dw::input::opened{slot, generation}, now);
        case DW_SENT:
            return engine->give(dw::input::sent{slot, generation}, now);
        case DW_PINGED:
            return engine->give(dw::input::pinged{slot, generation}, now);
        case DW_ALIVE:
            return engine->give(dw::input::alive{slot, generation}, now);
        default:
            return DW_INVALID_VALUE;
        }
    });
}

int dw_engine_received(dw_engine* engine, std::uint32_t slot, std::uint32_t generation, int text,
                       const void* data, std::size_t size, int last, dw_instant now) {
    return c_abi::guarded([&] {
        const auto kind = text != 0 ? dw::message_kind::text : dw::message_kind::binary;
        return engine->give(
            dw::input::received{slot, generation, kind, c_abi::bytes(data, size), last != 0, 0}, now);
    });
}

int dw_engine_pong(dw_engine* engine, std::uint32_t slot, std::uint32_t generation, const void* data,
                   std::size_t size, dw_instant now) {
    return c_abi::guarded(
        [&] { return engine->give(dw::input::pong{slot, generation, c_abi::bytes(data, size)}, now); });
}

int dw_engine_closed(dw_engine* engine, std::uint32_t slot, std::uint32_t generation, int end, int code,
                     const char* detail, std::size_t size, dw_instant now) {
    return c_abi::guarded([&]() -> int {
        if (end < DW_END_NAME_RESOLUTION || end > DW_END_CLOSED) {
            return DW_INVALID_VALUE;
        }
        dw::link_end told{.what = dw::link_end::kind{static_cast<std::uint8_t>(end)},
                          .detail = std::string{c_abi::view(detail, size)}};
        told.http_status = end == DW_END_UPGRADE ? code : 0;
        told.close_code = end == DW_END_PEER_CLOSE ? static_cast<std::uint16_t>(code) : std::uint16_t{0};
        return engine->give(dw::input::closed{slot, generation, std::move(told)}, now);
    });
}

int dw_engine_complete(dw_engine* engine, dw_writer* answer, dw_instant now) {
    return c_abi::hand_over_answer(answer, [&](const dw::delivery& task, dw::outcome& outcome) {
        return engine->give(dw::input::complete{task, &outcome}, now);
    });
}

int dw_engine_progress(dw_engine* engine, dw_delivery task, double fraction, const char* message,
                       std::size_t size, dw_instant now) {
    return c_abi::guarded([&] {
        return engine->give(dw::input::progress{c_abi::from_c(task), fraction, c_abi::view(message, size)},
                            now);
    });
}

int dw_engine_stream(dw_engine* engine, dw_writer* item, dw_instant now) {
    return c_abi::hand_over_item(item, [&](const dw::delivery& task, dw::stream_item& finished) {
        return engine->give(dw::input::stream{task, &finished}, now);
    });
}

void dw_engine_set_usage(dw_engine* engine, float cpu_percent, std::int64_t memory_used_mb, dw_instant now) {
    for (std::uint32_t slot = 0; engine->group.has_slot(slot); ++slot) {
        const dw::resource_usage usage{.cpu_percent = cpu_percent, .memory_used_mb = memory_used_mb};
        static_cast<void>(
            c_abi::guarded([&] { return engine->give(dw::input::set_usage{slot, usage}, now); }));
    }
}
