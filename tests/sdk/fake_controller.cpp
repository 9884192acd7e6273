#include "sdk/fake_controller.hpp"

#include <distworker/value_writer.hpp>

#include <algorithm>
#include <stdexcept>
#include <thread>

namespace distworker::testing {
namespace {

std::span<const std::byte> bytes_of(std::string_view text) {
    return std::as_bytes(std::span{text});
}

std::string_view text_of(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

void write_object(wire::writer& wire, std::uint32_t field, const value& object) {
    wire.open(field);
    value_writer members{wire, "test", SIZE_MAX, max_input_depth};
    write_members(members, object);
    wire.close();
}

} // namespace

void controller_session::await_registration() {
    peer_.upgrade();
    const auto frame = read();
    const auto* const asked = frame ? std::get_if<worker_register_view>(&*frame) : nullptr;
    if (asked == nullptr) {
        throw std::runtime_error{"the worker did not register"};
    }
    registration.assign(asked->data.begin(), asked->data.end());
    signature.assign(asked->signature.begin(), asked->signature.end());
}

void controller_session::respond(std::int32_t idle_time) {
    byte_buffer out;
    write_register_response(out, idle_time);
    peer_.send(ws_frame::binary, text_of(out.bytes()));
}

void controller_session::assign(const given_task& task) {
    byte_buffer out;
    wire::writer wire{out};
    wire::begin_frame(wire, frame_type::task_assign);
    wire.text(wire::assign_field::task_id, task.id);
    wire.text(wire::assign_field::queue, task.queue);
    write_object(wire, wire::assign_field::metadata, task.metadata);
    write_object(wire, wire::assign_field::input, task.input);
    if (task.timeout_ms != 0) {
        wire.varint(wire::assign_field::timeout_ms, static_cast<std::uint64_t>(task.timeout_ms));
    }
    for (const file_view& file : task.files) {
        wire::write_file(wire, wire::assign_field::files, file);
    }
    wire::end_frame(wire);
    peer_.send(ws_frame::binary, text_of(out.bytes()));
}

std::optional<frame_view> controller_session::read() {
    message_.clear();
    for (;;) {
        auto frame = peer_.read();
        if (!frame) {
            return std::nullopt;
        }
        switch (frame->opcode) {
        case ws_frame::ping:
            peer_.send(ws_frame::pong, frame->payload);
            break;
        case ws_frame::pong:
            break;
        case ws_frame::close:
            peer_.send(ws_frame::close, frame->payload);
            peer_.hang_up();
            return std::nullopt;
        default:
            message_ += frame->payload;
            if (frame->fin) {
                const auto read = read_frame(bytes_of(message_));
                if (!read) {
                    throw std::runtime_error{"the worker sent a frame that cannot be read"};
                }
                return *read;
            }
        }
    }
}

task_answer controller_session::next_answer() {
    task_answer answer;
    while (const auto frame = read()) {
        if (const auto* progress = std::get_if<task_progress_view>(&*frame)) {
            if (progress->has_data) {
                answer.items.emplace_back(progress->data);
            } else {
                answer.progress.emplace_back(progress->progress, progress->message);
            }
        } else if (const auto* complete = std::get_if<task_complete_view>(&*frame)) {
            answer.id = complete->task_id;
            answer.completed = true;
            answer.result = value{complete->result};
            return answer;
        } else if (const auto* failed = std::get_if<task_failed_view>(&*frame)) {
            answer.id = failed->task_id;
            answer.code = failed->error_code;
            answer.message = failed->error_message;
            answer.details = value{failed->error_details};
            return answer;
        }
    }
    throw std::runtime_error{"the connection ended before the task's outcome"};
}

std::pair<float, std::string> controller_session::next_progress() {
    while (const auto frame = read()) {
        if (const auto* progress = std::get_if<task_progress_view>(&*frame);
            progress != nullptr && !progress->has_data) {
            return {progress->progress, std::string{progress->message}};
        }
    }
    throw std::runtime_error{"the connection ended before any progress"};
}

void controller_session::await_end() {
    while (read()) {
    }
}

log_sink log_book::sink() const {
    return [shared = shared_](log_level level, std::string_view line) {
        const std::lock_guard lock{shared->mutex};
        shared->lines.push_back(std::string{to_string(level)} + " " + std::string{line});
        shared->changed.notify_all();
    };
}

std::vector<std::string> log_book::lines() const {
    const std::lock_guard lock{shared_->mutex};
    return shared_->lines;
}

std::string log_book::text() const {
    std::string all;
    for (const std::string& line : lines()) {
        all += line + "\n";
    }
    return all;
}

void log_book::await(const std::string& part) const {
    std::unique_lock lock{shared_->mutex};
    if (!shared_->changed.wait_for(lock, std::chrono::minutes{1}, [&] {
            return std::ranges::any_of(shared_->lines, [&](const std::string& line) {
                return line.find(part) != std::string::npos;
            });
        })) {
        throw std::runtime_error{"waited in vain for '" + part + "' in the log"};
    }
}

stage::stage(const settings_change& change) : worker_{std::make_unique<worker>(settings(change))} {}

stage::~stage() {
    if (running_) {
        server_.close();
        const std::jthread listening{[&] {
            try {
                session().await_end();
            } catch (const std::exception&) { // a test that failed left it in some middle
            }
        }};
        worker_.reset();
    }
}

config stage::settings(const settings_change& change) const {
    config settings;
    settings.controller = "http://127.0.0.1:" + std::to_string(server_.port());
    settings.provisioner = "p";
    settings.token = secret{std::string_view{canary_token}};
    settings.reconnect = reconnect_policy::fixed;
    settings.reconnect_interval = std::chrono::seconds{1};
    settings.level = log_level::debug;
    settings.sink = log_.sink();
    if (change) {
        change(settings);
    }
    return settings;
}

controller_session& stage::start() {
    if (!worker_->start()) {
        throw std::runtime_error{"the worker did not start:\n" + log_.text()};
    }
    running_ = true;
    return next_session();
}

controller_session& stage::next_session() {
    auto& made = *sessions_.emplace_back(std::make_unique<controller_session>(server_.accept()));
    made.await_registration();
    made.respond();
    return made;
}

worker_end stage::stop() {
    worker_->stop();
    session().await_end();
    return end();
}

worker_end stage::end() {
    running_ = false;
    return worker_->wait();
}

} // namespace distworker::testing
