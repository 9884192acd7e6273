// A task as an engine hands it out: views on the received frame, and what keeps that frame alive.
//
// Copies are cheap and valid on any thread, as long as one of them is held: all views (`id`, `queue`,
// `input`, files) point into the shared message. Answer with an `outcome_writer` made from the task.
#pragma once

#include <distworker/byte_buffer.hpp>
#include <distworker/delivery.hpp>
#include <distworker/frame.hpp>
#include <distworker/time.hpp>

#include <cstdint>
#include <string_view>

namespace distworker {

class assigned_task {
public:
    assigned_task() = default;
    /// `content` points into `message`; `deadline` is `never` without a timeout.
    assigned_task(shared_bytes message, const task_assign_view& content, delivery name,
                  monotonic_time deadline, buffer_pool pool) noexcept
        : message_{std::move(message)}, content_{content}, delivery_{name}, deadline_{deadline},
          pool_{std::move(pool)} {}

    /// Which acceptance this is: all answers go by it.
    [[nodiscard]] const delivery& name() const noexcept { return delivery_; }
    /// The controller's name for the task, 1 byte to 1 KiB of UTF-8: to be shown, never a path. A retry
    /// keeps it.
    [[nodiscard]] std::string_view id() const noexcept { return content_.task_id; }
    /// The exact queue that it came through, never a pattern; not empty.
    [[nodiscard]] std::string_view queue() const noexcept { return content_.queue; }
    /// What to work on, and what was said about it. Empty objects where the assignment holds none.
    [[nodiscard]] object_view input() const noexcept { return content_.input; }
    [[nodiscard]] object_view metadata() const noexcept { return content_.metadata; }
    /// What belongs to the task, for the handler to fetch. Names and URLs are the sender's text.
    [[nodiscard]] file_list_view files() const noexcept { return content_.files; }
    /// Milliseconds as assigned; 0 or less: none.
    [[nodiscard]] std::int64_t timeout_ms() const noexcept { return content_.timeout_ms; }
    /// When the timeout passes, on the clock of the engine's inputs.
    [[nodiscard]] monotonic_time deadline() const noexcept { return deadline_; }
    /// Size of metadata and input as BSON: what the result has to share the document's limit with.
    [[nodiscard]] std::size_t document_bytes() const noexcept { return content_.document_bytes; }
    /// Where answers get their memory from.
    [[nodiscard]] const buffer_pool& pool() const noexcept { return pool_; }

private:
    shared_bytes message_;
    task_assign_view content_;
    delivery delivery_;
    monotonic_time deadline_ = never;
    buffer_pool pool_ = buffer_pool::none();
};

} // namespace distworker
