#include "task_state.hpp"

#include <distworker/outcome.hpp>
#include <distworker/task.hpp>

namespace distworker {

const assigned_task& task::assigned() const noexcept {
    return state_->assigned();
}

std::optional<std::chrono::milliseconds> task::timeout() const noexcept {
    const std::int64_t ms = assigned().timeout_ms();
    return ms > 0 ? std::optional{std::chrono::milliseconds{ms}} : std::nullopt;
}

std::optional<file_view> task::file(std::string_view file_id) const noexcept {
    for (const file_view each : files()) {
        if (each.file_id == file_id) {
            return each;
        }
    }
    return std::nullopt;
}

std::optional<file_view> task::file_named(std::string_view filename) const noexcept {
    for (const file_view each : files()) {
        if (each.filename == filename) {
            return each;
        }
    }
    return std::nullopt;
}

void task::progress(progress_amount amount, std::string_view message) const {
    state_->progress(amount.as_fraction(), message);
}

bool task::stream(const value& item) const {
    stream_item_writer writer{assigned(), state_->last_fraction()};
    write_members(writer.data(), item);
    auto finished = std::move(writer).finish();
    if (!finished) {
        throw task_error{std::string{error_code::handler_error},
                         finished.error().path + ": " + to_string(finished.error().what)};
    }
    return state_->stream(*std::move(finished));
}

std::stop_token task::stop_token() const noexcept {
    return state_->stop_token();
}

std::optional<stop_reason> task::stop_reason() const noexcept {
    return state_->reason();
}

void task::throw_if_stopped() const {
    if (state_->reason()) {
        throw task_stopped{};
    }
}

bool task::wait_for(std::chrono::nanoseconds time) const {
    return state_->wait_for(time);
}

} // namespace distworker
