#include <distworker/frame.hpp>
#include <distworker/value_writer.hpp>

namespace distworker {
namespace wire {

void begin_frame(writer& out, frame_type type) {
    out.varint(1, static_cast<std::uint64_t>(type));
    out.open(static_cast<std::uint32_t>(type));
}

void end_frame(writer& out) {
    out.close();
    out.finish();
}

namespace {

// proto3 leaves scalars out that have their default value.
void text_unless_empty(writer& out, std::uint32_t id, std::string_view text) {
    if (!text.empty()) {
        out.text(id, text);
    }
}

void int_unless_zero(writer& out, std::uint32_t id, std::int64_t number) {
    if (number != 0) {
        out.varint(id, static_cast<std::uint64_t>(number));
    }
}

void float_unless_zero(writer& out, std::uint32_t id, float number) {
    if (number != 0) {
        out.fixed32(id, number);
    }
}

} // namespace

void write_file(writer& out, std::uint32_t field_id, const file_view& file) {
    out.open(field_id);
    text_unless_empty(out, 1, file.file_id);
    text_unless_empty(out, 2, file.filename);
    text_unless_empty(out, 3, file.content_type);
    int_unless_zero(out, 4, file.size);
    text_unless_empty(out, 5, file.storage_url);
    out.close();
}

} // namespace wire

void write_signed_register(byte_buffer& out, const signed_register_view& content) {
    wire::writer w{out};
    wire::text_unless_empty(w, 1, content.provisioner);
    wire::text_unless_empty(w, 2, content.worker_id);
    wire::text_unless_empty(w, 3, content.date);
    w.open(4);
    wire::text_unless_empty(w, 1, content.hostname);
    wire::int_unless_zero(w, 2, content.cpu_cores);
    wire::int_unless_zero(w, 3, content.memory_mb);
    if (!content.additional.bytes().empty()) {
        w.bytes(4, content.additional.bytes());
    }
    w.close();
    w.finish();
}

void write_register(byte_buffer& out, std::span<const std::byte> data, std::span<const std::byte> signature) {
    wire::writer w{out};
    wire::begin_frame(w, frame_type::worker_register);
    w.bytes(1, data);
    w.bytes(2, signature);
    wire::end_frame(w);
}

void write_register_response(byte_buffer& out, std::int32_t idle_time) {
    constexpr std::uint32_t idle_time_field = 10;
    wire::writer w{out};
    wire::begin_frame(w, frame_type::worker_register_response);
    wire::int_unless_zero(w, idle_time_field, idle_time);
    wire::end_frame(w);
}

void write_heartbeat(byte_buffer& out, const heartbeat_view& heartbeat) {
    wire::writer w{out};
    wire::begin_frame(w, frame_type::heartbeat);
    wire::int_unless_zero(w, 1, heartbeat.timestamp_ms);
    wire::int_unless_zero(w, 2, static_cast<std::int64_t>(heartbeat.health));
    w.open(3);
    wire::float_unless_zero(w, 1, heartbeat.usage.cpu_percent);
    wire::int_unless_zero(w, 2, heartbeat.usage.memory_used_mb);
    wire::float_unless_zero(w, 3, heartbeat.usage.gpu_utilization);
    w.close();
    wire::end_frame(w);
}

void write_progress(byte_buffer& out, std::string_view task_id, float progress, std::string_view message) {
    namespace id = wire::progress_field;
    wire::writer w{out};
    wire::begin_frame(w, frame_type::task_progress);
    w.text(id::task_id, task_id);
    wire::float_unless_zero(w, id::progress, progress);
    wire::text_unless_empty(w, id::message, message);
    wire::end_frame(w);
}

void write_task_assign(byte_buffer& out, const task_assign_view& task, std::span<const file_view> files) {
    namespace id = wire::assign_field;
    wire::writer w{out};
    wire::begin_frame(w, frame_type::task_assign);
    w.text(id::task_id, task.task_id);
    w.text(id::queue, task.queue);
    w.bytes(id::metadata, task.metadata.bytes());
    w.bytes(id::input, task.input.bytes());
    wire::int_unless_zero(w, id::timeout_ms, task.timeout_ms);
    for (const file_view& file : files) {
        wire::write_file(w, id::files, file);
    }
    wire::end_frame(w);
}

} // namespace distworker
