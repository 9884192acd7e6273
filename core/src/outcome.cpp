#include <distworker/outcome.hpp>
#include <distworker/utf8.hpp>
#include <distworker/wire_reader.hpp>

#include <algorithm>

namespace distworker {
namespace {

constexpr std::size_t max_code_bytes = 256;
constexpr std::size_t typical_answer = 256;
// What a file takes of the document beside its text, at most: names, lengths, its size and its number.
constexpr std::size_t most_file_frame = 128;

std::string_view code_of(write_fault::kind kind) noexcept {
    switch (kind) {
    case write_fault::kind::not_utf8:
        return error_code::result_not_utf8;
    case write_fault::kind::not_finite:
        return error_code::result_not_finite;
    case write_fault::kind::too_deep:
        return error_code::result_too_deep;
    case write_fault::kind::bad_key:
        return error_code::result_bad_key;
    case write_fault::kind::too_large:
        return error_code::result_too_large;
    case write_fault::kind::misuse:
        break;
    }
    return error_code::internal_error;
}

// What the task leaves of the document for its answer.
std::size_t room_beside(std::size_t task_document_bytes) noexcept {
    return task_document_bytes < max_document_bytes ? max_document_bytes - task_document_bytes : 0;
}

byte_buffer copy_of(std::span<const std::byte> frame) {
    byte_buffer copy;
    copy.append(frame);
    return copy;
}

} // namespace

std::expected<outcome, std::string> outcome::from_frame(std::span<const std::byte> frame) {
    const auto read = read_frame(frame);
    if (!read) {
        return std::unexpected{"it is no frame: " + std::string{read.error().reason}};
    }
    const bool completed = std::holds_alternative<task_complete_view>(*read);
    if (!completed && !std::holds_alternative<task_failed_view>(*read)) {
        return std::unexpected{std::string{"it is neither TASK_COMPLETE nor TASK_FAILED"}};
    }
    return outcome{copy_of(frame), completed};
}

std::expected<stream_item, std::string> stream_item::from_frame(std::span<const std::byte> frame) {
    const auto read = read_frame(frame);
    if (!read) {
        return std::unexpected{"it is no frame: " + std::string{read.error().reason}};
    }
    if (!std::holds_alternative<task_progress_view>(*read)) {
        return std::unexpected{std::string{"it is no TASK_PROGRESS"}};
    }
    return stream_item{copy_of(frame)};
}

frame_view outcome::read() const noexcept {
    auto frame = read_frame(frame_.bytes());
    return frame ? *frame : frame_view{task_failed_view{}};
}

// The frame is sound: its writer or `from_frame` saw to that.
std::string_view outcome::task_id() const noexcept {
    static_assert(wire::complete_field::task_id == wire::failed_field::task_id);
    const auto payload =
        static_cast<std::uint32_t>(completed_ ? frame_type::task_complete : frame_type::task_failed);
    std::string_view id;
    wire::reader envelope{frame_.bytes()};
    wire::field f;
    while (envelope.next(f)) {
        if (f.is(payload, wire::wire_type::length)) {
            wire::reader fields{f.bytes};
            while (fields.next(f)) {
                if (f.is(wire::complete_field::task_id, wire::wire_type::length)) {
                    id = f.text();
                }
            }
        }
    }
    return id;
}

outcome_writer::outcome_writer(const assigned_task& task)
    : outcome_writer{task.id(), task.pool(), task.document_bytes()} {}

outcome_writer::outcome_writer(std::string_view task_id, const buffer_pool& pool,
                               std::size_t task_document_bytes)
    : pool_{pool}, task_id_{task_id}, task_document_bytes_{task_document_bytes}, frame_{pool, typical_answer},
      wire_{frame_}, result_{wire_, "result", room_beside(task_document_bytes)} {
    wire::begin_frame(wire_, frame_type::task_complete);
    wire_.text(wire::complete_field::task_id, task_id_);
    wire_.open(wire::complete_field::result);
}

void outcome_writer::end_result() {
    if (!result_ended_) {
        result_ended_ = true;
        result_.finish();
        if (!result_.fault()) {
            wire_.close();
        }
        in_order_ = frame_.size();
    }
}

// Whatever the result's writer wrote since would stand outside of the result.
bool outcome_writer::is_in_order() const noexcept {
    return frame_.size() == in_order_;
}

void outcome_writer::file(const file_view& file) {
    end_result();
    if (result_.fault() || !is_in_order()) {
        return;
    }
    for (const std::string_view text : {file.file_id, file.filename, file.content_type, file.storage_url}) {
        bad_file_ = bad_file_ || !is_valid_utf8(text);
        file_bytes_ += text.size();
    }
    file_bytes_ += most_file_frame;
    wire::write_file(wire_, wire::complete_field::result_files, file);
    in_order_ = frame_.size();
}

outcome outcome_writer::complete() && {
    end_result();
    const std::size_t bytes = result_.document_bytes() + file_bytes_;
    const std::size_t room = room_beside(task_document_bytes_);
    const auto sizes = [&] {
        return ": " + std::to_string(bytes) + " bytes or more, room for " + std::to_string(room) +
               " beside the task's own " + std::to_string(task_document_bytes_);
    };
    if (const auto& fault = result_.fault()) {
        std::string message = fault->path + ": " + to_string(fault->what);
        if (fault->what == write_fault::kind::too_large) {
            message += sizes();
        }
        return failed(code_of(fault->what), message, value{{"path", fault->path}});
    }
    if (!is_in_order()) {
        return failed(error_code::internal_error, "result: written behind its files", {});
    }
    if (bad_file_) {
        return failed(error_code::result_not_utf8, "result_files: text that is not UTF-8", {});
    }
    if (bytes > room) {
        return failed(error_code::result_too_large,
                      "result_files: " + std::string{to_string(write_fault::kind::too_large)} + sizes(), {});
    }
    wire::end_frame(wire_);
    return outcome{std::move(frame_), true};
}

outcome outcome_writer::fail(std::string_view code, std::string_view message, const value& details) && {
    return failed(code, message, details);
}

outcome outcome_writer::failed(std::string_view code, std::string_view message, const value& details) const {
    namespace id = wire::failed_field;
    constexpr std::size_t most_details = std::size_t{1} << 20U;
    const std::size_t room = std::min(most_details, room_beside(task_document_bytes_));
    byte_buffer frame{pool_, typical_answer};
    bool with_details = !details.is_null();
    for (;;) {
        frame.truncate(0);
        wire::writer w{frame};
        wire::begin_frame(w, frame_type::task_failed);
        w.text(id::task_id, task_id_);
        w.text(id::error_code, to_valid_utf8(code, max_code_bytes));
        w.text(id::error_message, to_valid_utf8(message, max_error_message_bytes));
        if (with_details) {
            w.open(id::error_details);
            value_writer members{w, "error_details", room};
            write_members(members, details);
            members.finish();
            if (members.fault()) {
                with_details = false;
                continue;
            }
            w.close();
        }
        wire::end_frame(w);
        return outcome{std::move(frame), false};
    }
}

stream_item_writer::stream_item_writer(const assigned_task& task, float fraction)
    : frame_{task.pool(), typical_answer}, wire_{frame_}, data_{wire_, "data", max_document_bytes} {
    namespace id = wire::progress_field;
    wire::begin_frame(wire_, frame_type::task_progress);
    wire_.text(id::task_id, task.id());
    if (fraction > 0) {
        wire_.fixed32(id::progress, std::min(fraction, 1.0F));
    }
    wire_.open(id::data);
}

std::expected<stream_item, write_fault> stream_item_writer::finish() && {
    data_.finish();
    if (const auto& fault = data_.fault()) {
        return std::unexpected{*fault};
    }
    wire_.close();
    wire::end_frame(wire_);
    return stream_item{std::move(frame_)};
}

} // namespace distworker
