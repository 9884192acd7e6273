// The steps of the broker's model, controller_model.hpp.
#pragma once

#include <cstdint>

namespace distworker::testing {

/// What may happen next. `a` and `b` choose among its variants.
struct controller_step {
    enum class kind : std::uint8_t {
        join,
        join_session,
        refused_join,
        connect,
        disconnect,
        submit,
        cancel,
        wait,
        complete,
        fail,
        progress,
        stream,
        noise,
        part,
        alive,
        store_all,
        hold,
        leap,
        pass,
        damaged,
    };
    static constexpr kind last = kind::damaged;
    kind what{};
    std::uint32_t a = 0;
    std::uint32_t b = 0;
};

} // namespace distworker::testing
