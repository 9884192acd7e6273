// Frames: what is accepted reads back the same when it is written again; what is refused says why, and whose
// it is.
#include "target.hpp"
#include "values.hpp"

#include <distworker/frame.hpp>
#include <distworker/outcome.hpp>
#include <distworker/overloaded.hpp>
#include <distworker/utf8.hpp>

#include <algorithm>
#include <cmath>
#include <ranges>
#include <vector>

namespace distworker::fuzz {
namespace {

using bytes_view = std::span<const std::byte>;

constexpr std::size_t salvaged_from = 4096;

bool same_bytes(bytes_view a, bytes_view b) {
    return std::ranges::equal(a, b);
}
// Whether `b` is what a writer makes of `a`: what is not finite it leaves out, as it does zero.
bool same_number(float a, float b) {
    return std::isfinite(a) ? a == b : b == 0;
}

std::vector<file_view> files_of(file_list_view files, std::size_t frame_bytes) {
    std::vector<file_view> all;
    for (const file_view file : files) {
        all.push_back(file);
        require(all.size() <= frame_bytes / 2, "each file of a frame has bytes of its own");
        for (const std::string_view text :
             {file.file_id, file.filename, file.content_type, file.storage_url}) {
            require(is_valid_utf8(text), "the text of a file is UTF-8");
        }
    }
    require(files.empty() == all.empty(), "a list of files is empty when nothing is in it");
    return all;
}

bool same_files(const std::vector<file_view>& a, const std::vector<file_view>& b) {
    return std::ranges::equal(a, b, [](const file_view& x, const file_view& y) {
        return x.file_id == y.file_id && x.filename == y.filename && x.content_type == y.content_type &&
               x.size == y.size && x.storage_url == y.storage_url;
    });
}

/// Writes a frame by `write`, reads it, and gives it to `compare`.
template <typename View, typename Write, typename Compare>
void check_rewritten(Write write, Compare compare) {
    byte_buffer out;
    write(out);
    const auto again = read_frame(out.bytes());
    const View* const view = again ? std::get_if<View>(&*again) : nullptr;
    require(view != nullptr, "what is written is read as the frame that it is");
    require(compare(*view), "what is written reads back the same");
}

/// One accepted frame of any kind, from `size` bytes.
struct accepted {
    bytes_view input;

    void operator()(const worker_register_view& v) const {
        check_rewritten<worker_register_view>(
            [&](byte_buffer& out) { write_register(out, v.data, v.signature); },
            [&](const worker_register_view& w) {
                return same_bytes(v.data, w.data) && same_bytes(v.signature, w.signature);
            });
    }
    void operator()(const register_response_view& v) const {
        check_rewritten<register_response_view>(
            [&](byte_buffer& out) { write_register_response(out, v.idle_time); },
            [&](const register_response_view& w) { return v.idle_time == w.idle_time; });
    }
    void operator()(const heartbeat_view& v) const {
        check_rewritten<heartbeat_view>([&](byte_buffer& out) { write_heartbeat(out, v); },
                                        [&](const heartbeat_view& w) {
                                            return v.timestamp_ms == w.timestamp_ms && v.health == w.health &&
                                                   same_number(v.usage.cpu_percent, w.usage.cpu_percent) &&
                                                   v.usage.memory_used_mb == w.usage.memory_used_mb &&
                                                   same_number(v.usage.gpu_utilization,
                                                               w.usage.gpu_utilization);
                                        });
    }
    void operator()(const task_assign_view& v) const {
        require(!v.task_id.empty() && v.task_id.size() <= max_task_id_bytes && is_valid_utf8(v.task_id) &&
                    !v.queue.empty() && is_valid_utf8(v.queue),
                "an accepted assignment can be answered and handled");
        const std::string_view salvaged = salvage_task_id(input);
        require(salvaged.empty() || salvaged == v.task_id, "a salvaged id is the assignment's");
        const auto files = files_of(v.files, input.size());
        check_rewritten<task_assign_view>([&](byte_buffer& out) { write_task_assign(out, v, files); },
                                          [&](const task_assign_view& w) {
                                              return v.task_id == w.task_id && v.queue == w.queue &&
                                                     v.timeout_ms == w.timeout_ms &&
                                                     same_bytes(v.metadata.bytes(), w.metadata.bytes()) &&
                                                     same_bytes(v.input.bytes(), w.input.bytes()) &&
                                                     v.document_bytes == w.document_bytes &&
                                                     same_files(files, files_of(w.files, SIZE_MAX));
                                          });
    }
    void operator()(const task_progress_view& v) const {
        require(v.has_data || v.data.empty(), "progress without data has none");
        const auto item = stream_item::from_frame(input);
        require(item && same_bytes(item->frame(), input), "progress is kept as a stream item, byte for byte");
        check_rewritten<task_progress_view>(
            [&](byte_buffer& out) { write_progress(out, v.task_id, v.progress, v.message); },
            [&](const task_progress_view& w) {
                return v.task_id == w.task_id && same_number(v.progress, w.progress) &&
                       v.message == w.message && !w.has_data;
            });
        if (v.has_data) {
            task_assign_view task;
            task.task_id = v.task_id;
            stream_item_writer writer{assigned_task{{}, task, {}, never, buffer_pool::none()}, v.progress};
            write_members(writer.data(), v.data);
            const auto written = std::move(writer).finish();
            if (written) { // or a number that is not finite, a key with NUL, too deep for an answer
                const auto frame = read_frame(written->frame());
                const auto* const w = frame ? std::get_if<task_progress_view>(&*frame) : nullptr;
                require(w != nullptr && w->task_id == v.task_id && same(value{w->data}, value{v.data}),
                        "a stream item reads back the same");
            }
        }
    }
    void operator()(const task_complete_view& v) const {
        check_kept(true);
        const auto files = files_of(v.result_files, input.size());
        outcome_writer writer{v.task_id, buffer_pool::none()};
        write_members(writer.result(), v.result);
        for (const file_view& file : files) {
            writer.file(file);
        }
        const outcome written = std::move(writer).complete();
        const frame_view frame = written.read();
        if (const auto* const w = std::get_if<task_complete_view>(&frame)) {
            require(w->task_id == v.task_id && same(value{w->result}, value{v.result}) &&
                        same_files(files, files_of(w->result_files, SIZE_MAX)),
                    "a result reads back the same");
        } else {
            const auto& failed = std::get<task_failed_view>(frame);
            require(failed.task_id == v.task_id && failed.error_code.starts_with("RESULT_"),
                    "a result that cannot be kept becomes a failure that names why");
        }
    }
    void operator()(const task_failed_view& v) const {
        check_kept(false);
        const outcome written = outcome_writer{v.task_id, buffer_pool::none()}.fail(
            v.error_code, v.error_message, value{v.error_details});
        const frame_view frame = written.read();
        const auto* const w = std::get_if<task_failed_view>(&frame);
        require(w != nullptr && w->task_id == v.task_id, "a failure is written as one");
        require(w->error_code == to_valid_utf8(v.error_code, 256) &&
                    w->error_message == to_valid_utf8(v.error_message, max_error_message_bytes),
                "code and message of a failure are whole, or cut at a character");
        require(w->error_details.empty() || same(value{w->error_details}, value{v.error_details}),
                "details of a failure are the same or left out");
    }

private:
    void check_kept(bool completed) const {
        const auto kept = outcome::from_frame(input);
        require(kept && kept->completed() == completed && same_bytes(kept->frame(), input),
                "an outcome is taken back byte for byte");
    }
};

void check_salvage(bytes_view input) {
    const std::string_view id = salvage_task_id(input);
    const std::string_view head = as_text(input.first(std::min(input.size(), salvaged_from)));
    require(id.empty() || (id.data() >= head.data() && id.data() + id.size() <= head.data() + head.size()),
            "an id is salvaged from the first 4 KiB");
    require(id.size() <= max_task_id_bytes && is_valid_utf8(id), "a salvaged id can be answered");
}

void check_signed_register(bytes_view input) {
    const auto read = read_signed_register(input);
    if (!read) {
        return;
    }
    byte_buffer out;
    write_signed_register(out, *read);
    const auto again = read_signed_register(out.bytes());
    require(again && again->provisioner == read->provisioner && again->worker_id == read->worker_id &&
                again->date == read->date && again->hostname == read->hostname &&
                again->cpu_cores == read->cpu_cores && again->memory_mb == read->memory_mb &&
                same_bytes(again->additional.bytes(), read->additional.bytes()),
            "what is signed reads back the same");
}

void check_frame(bytes_view input) {
    check_salvage(input);
    check_signed_register(input);
    const auto frame = read_frame(input);
    if (frame) {
        std::visit(accepted{input}, *frame);
        return;
    }
    require(!frame.error().reason.empty(), "a refusal says why");
    require(frame.error().task_id.empty() || frame.error().task_id == salvage_task_id(input),
            "a refusal names the task that can be salvaged");
}

const registration frame_target{{"frame", check_frame}};

} // namespace
} // namespace distworker::fuzz
