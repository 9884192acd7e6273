// What stands behind the handles of distworker.h, and how C++ is kept on this side of them.
#pragma once

#include <distworker/config_fault.hpp>
#include <distworker/outcome.hpp>
#include <distworker/worker_group.hpp>

#include <distworker.h>
#ifdef DISTWORKER_C_WORKER
#include <distworker/config.hpp>
#endif

#include <cstring>
#include <expected>
#include <memory>
#include <new>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace distworker::c_abi {

#ifdef DISTWORKER_C_WORKER
using settings_type = config;
#else
using settings_type = worker_config;
#endif

inline std::string_view view(const char* text, std::size_t size) noexcept {
    return {text, size == DW_NUL ? std::strlen(text) : size};
}
inline dw_text text(std::string_view view) noexcept {
    return {view.data(), view.size()};
}
inline dw_text text(std::span<const std::byte> bytes) noexcept {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
inline std::span<const std::byte> bytes(const void* data, std::size_t size) noexcept {
    return {static_cast<const std::byte*>(data), size};
}

inline delivery from_c(dw_delivery name) noexcept {
    return {.slot = name.slot, .generation = name.generation, .serial = name.serial};
}
inline dw_delivery to_c(const delivery& name) noexcept {
    return {.slot = name.slot, .generation = name.generation, .serial = name.serial};
}

/// Calls, and makes a status of what it throws: nothing that C++ throws goes into C.
template <typename Call>
int guarded(Call&& call) noexcept {
    try {
        return std::forward<Call>(call)();
    } catch (const std::bad_alloc&) {
        return DW_NO_MEMORY;
    } catch (...) {
        return DW_FAILED;
    }
}

[[nodiscard]] int status_of(misuse what) noexcept;
[[nodiscard]] inline int status_of(const std::expected<void, misuse>& done) noexcept {
    return done ? int{DW_OK} : status_of(done.error());
}

/// An event that says nothing but its kind.
[[nodiscard]] dw_event event_of(dw_event_kind kind) noexcept;
/// Writes as much of it as the caller knows of.
void write_event(const dw_event& from, dw_event* to) noexcept;

/// Makes events of what an engine or a driver tells, and keeps what the last one points to.
class event_maker {
public:
    void take(std::uint32_t slot, engine_output&& out) noexcept {
        slot_ = slot;
        kept_ = std::move(out);
        told_ = false;
    }
    /// What was taken and could not be told for want of memory: it comes before anything else.
    [[nodiscard]] bool owes() const noexcept { return !told_; }
    /// May throw for want of memory.
    [[nodiscard]] dw_event make();

private:
    std::uint32_t slot_ = 0;
    engine_output kept_;
    std::string text_;
    bool told_ = true;
};

} // namespace distworker::c_abi

struct dw_config {
    distworker::c_abi::settings_type settings;
    std::vector<distworker::config_fault> of_set;
    std::string faults;

    /// All that is wrong: what could not be set, and what is out of its range.
    [[nodiscard]] std::vector<distworker::config_fault> check() const;
};

struct dw_task {
    distworker::assigned_task task;
};

struct dw_writer {
    explicit dw_writer(const distworker::assigned_task& answered);
    dw_writer(const distworker::assigned_task& streamed, float fraction);

    distworker::assigned_task task; // what the writers point into
    std::optional<distworker::outcome_writer> answer;
    std::optional<distworker::stream_item_writer> item;
    std::vector<int> open; // kinds that were begun
    std::optional<std::pair<std::string, std::string>> failure;
    distworker::stream_item finished; // an item that waits for room
    bool incomplete = false;          // something was left out for want of memory

    [[nodiscard]] distworker::value_writer& out() { return answer ? answer->result() : item->data(); }
    [[nodiscard]] distworker::outcome take_answer();
    /// Ends the item, once. False: it cannot be sent.
    [[nodiscard]] bool finish_item();
};

namespace distworker::c_abi {

/// Takes an answer from its writer, which is gone then, and gives it to `deliver(task, outcome&)`.
int hand_over_answer(dw_writer* answer, auto&& deliver) noexcept {
    const std::unique_ptr<dw_writer> taken{answer};
    return guarded([&]() -> int {
        if (!taken->answer) {
            return DW_INVALID_VALUE;
        }
        outcome made = taken->take_answer();
        return deliver(taken->task.name(), made);
    });
}

/// As above, an item to `deliver(task, stream_item&)`; for one without room the writer stays, to be given
/// again.
int hand_over_item(dw_writer* item, auto&& deliver) noexcept {
    std::unique_ptr<dw_writer> taken{item};
    const int status = guarded([&]() -> int {
        if (!taken->item || !taken->finish_item()) {
            return DW_INVALID_VALUE;
        }
        return deliver(taken->task.name(), taken->finished);
    });
    if (status == DW_WOULD_BLOCK) {
        static_cast<void>(taken.release());
    }
    return status;
}

} // namespace distworker::c_abi
