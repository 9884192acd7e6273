// Answers to a task: built and checked on whichever thread the handler runs, then handed to the engine.
//
// An `outcome` is one encoded TASK_COMPLETE or TASK_FAILED; a `stream_item` is one TASK_PROGRESS with data.
// Both are move-only and own their bytes. Their writers are the only way to make one, so what reaches the
// engine can always be kept by the controller: a result that could not be becomes a FAILED with the code
// and the path of the culprit (reliability invariant I14).
#pragma once

#include <distworker/assigned_task.hpp>
#include <distworker/byte_buffer.hpp>
#include <distworker/frame.hpp>
#include <distworker/value_writer.hpp>

#include <cstddef>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace distworker {

/// The codes that a worker answers with (README lists when each is used). Any other text is allowed too.
namespace error_code {
inline constexpr std::string_view invalid_task = "INVALID_TASK";
inline constexpr std::string_view no_handler = "NO_HANDLER";
inline constexpr std::string_view worker_busy = "WORKER_BUSY";
inline constexpr std::string_view worker_shutdown = "WORKER_SHUTDOWN";
inline constexpr std::string_view timeout = "TIMEOUT";
inline constexpr std::string_view invalid_input = "INVALID_INPUT";
inline constexpr std::string_view handler_error = "HANDLER_ERROR";
inline constexpr std::string_view crashed = "CRASHED";
inline constexpr std::string_view internal_error = "INTERNAL_ERROR";
inline constexpr std::string_view result_not_utf8 = "RESULT_NOT_UTF8";
inline constexpr std::string_view result_not_finite = "RESULT_NOT_FINITE";
inline constexpr std::string_view result_too_deep = "RESULT_TOO_DEEP";
inline constexpr std::string_view result_too_large = "RESULT_TOO_LARGE";
inline constexpr std::string_view result_bad_key = "RESULT_BAD_KEY";
} // namespace error_code

/// The largest document that the controller keeps, metadata, input and result together (protocol, section
/// 4), less a margin for what it adds.
inline constexpr std::size_t max_document_bytes = (std::size_t{16} << 20U) - (std::size_t{64} << 10U);
/// Error messages are cut to this many bytes.
inline constexpr std::size_t max_error_message_bytes = 4096;

/// One answer. Move-only; an empty one (default-made or moved from) is refused by the engine as misuse.
class outcome {
public:
    outcome() = default;

    /// Whether there is nothing to send: it was default-made, moved from or taken.
    [[nodiscard]] bool empty() const noexcept { return frame_.empty(); }
    /// Whether it is a TASK_COMPLETE; false for a TASK_FAILED and for an empty one.
    [[nodiscard]] bool completed() const noexcept { return completed_; }
    /// The whole encoded frame.
    [[nodiscard]] std::span<const std::byte> frame() const noexcept { return frame_.bytes(); }
    /// Read back what it says, e.g. from an undeliverable one. Valid as long as the outcome lives.
    [[nodiscard]] frame_view read() const noexcept;
    /// Whose it is, without reading the rest of it. Valid as long as the outcome lives.
    [[nodiscard]] std::string_view task_id() const noexcept;
    /// Takes a frame back that was kept somewhere, such as a spool of undeliverable ones. The error says why
    /// it is no outcome's.
    [[nodiscard]] static std::expected<outcome, std::string> from_frame(std::span<const std::byte> frame);

private:
    friend class outcome_writer;
    outcome(byte_buffer frame, bool completed) noexcept : frame_{std::move(frame)}, completed_{completed} {}
    byte_buffer frame_;
    bool completed_ = false;
};

/// Builds one outcome: write the result, then `complete()`; or `fail(…)` at any time instead.
///
///     outcome_writer answer{task};
///     answer.result().member("sum", a + b);
///     engine.complete(task.name(), std::move(answer).complete(), now);
class outcome_writer {
public:
    /// `task`, or a copy of it, outlives the writer.
    explicit outcome_writer(const assigned_task& task);
    /// For an id alone, where no task could be made of the assignment; its text outlives the writer.
    /// `task_document_bytes` is what the result shares the document's limit with.
    outcome_writer(std::string_view task_id, const buffer_pool& pool, std::size_t task_document_bytes = 0);
    outcome_writer(const outcome_writer&) = delete;
    outcome_writer& operator=(const outcome_writer&) = delete;

    /// Where the members of the result go. Not after `file`: that is misuse, an INTERNAL_ERROR.
    [[nodiscard]] value_writer& result() noexcept { return result_; }
    /// Adds a file to the result, after the result's members. Its text must be UTF-8.
    void file(const file_view& file);

    /// A TASK_COMPLETE; or a TASK_FAILED with a RESULT_* code when the result cannot be kept.
    [[nodiscard]] outcome complete() &&;
    /// A TASK_FAILED. `code` and `message` become valid UTF-8, the message cut to `max_error_message_bytes`.
    /// `details` must be an object or null; details that cannot be kept are left out.
    [[nodiscard]] outcome fail(std::string_view code, std::string_view message, const value& details = {}) &&;

private:
    void end_result();
    [[nodiscard]] bool is_in_order() const noexcept;
    [[nodiscard]] outcome failed(std::string_view code, std::string_view message, const value& details) const;

    buffer_pool pool_;
    std::string_view task_id_;
    std::size_t task_document_bytes_;
    byte_buffer frame_;
    wire::writer wire_;
    value_writer result_;
    bool result_ended_ = false;
    std::size_t in_order_ = 0; // the frame's size when the result, or its last file, was whole
    bool bad_file_ = false;
    std::size_t file_bytes_ = 0; // of the files, as parts of the document, or a little more
};

/// One encoded TASK_PROGRESS with data. Move-only.
class stream_item {
public:
    stream_item() = default;
    /// Whether there is nothing to send: it was default-made, moved from or taken.
    [[nodiscard]] bool empty() const noexcept { return frame_.empty(); }
    /// Bytes of the frame: what counts against `stream_bytes`.
    [[nodiscard]] std::size_t size() const noexcept { return frame_.size(); }
    /// The whole encoded frame.
    [[nodiscard]] std::span<const std::byte> frame() const noexcept { return frame_.bytes(); }
    /// Takes a frame back that was kept somewhere. The error says why it is no item's.
    [[nodiscard]] static std::expected<stream_item, std::string> from_frame(std::span<const std::byte> frame);

private:
    friend class worker_engine;
    friend class stream_item_writer;
    explicit stream_item(byte_buffer frame) noexcept : frame_{std::move(frame)} {}
    byte_buffer frame_;
};

/// Builds one item of a task's data stream. `fraction` (0 to 1) is the progress that goes with it.
class stream_item_writer {
public:
    /// Keeps nothing of `task` but its memory pool. `fraction` is clamped; one that is not a number is 0.
    stream_item_writer(const assigned_task& task, float fraction);
    stream_item_writer(const stream_item_writer&) = delete;
    stream_item_writer& operator=(const stream_item_writer&) = delete;

    /// Where the members of the item go.
    [[nodiscard]] value_writer& data() noexcept { return data_; }
    /// The item; or why the controller could not relay it.
    [[nodiscard]] std::expected<stream_item, write_fault> finish() &&;

private:
    byte_buffer frame_;
    wire::writer wire_;
    value_writer data_;
};

} // namespace distworker
