// Frames: read as the vectors say, written byte for byte, refused where they cannot be used.
#include "core/engine_rig.hpp"
#include "support/vectors.hpp"

#include <distworker/frame.hpp>
#include <distworker/outcome.hpp>

#include <gtest/gtest.h>

#include <map>

namespace distworker {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using testing::copy_of;
using testing::from_hex;
using testing::load_vectors;
using bytes = std::vector<std::byte>;

json to_json(const value_view& content) {
    switch (content.kind()) {
    case value_kind::null:
        return nullptr;
    case value_kind::number:
        return *content.number();
    case value_kind::boolean:
        return *content.boolean();
    case value_kind::string:
        return std::string{*content.string()};
    case value_kind::list: {
        json items = json::array();
        for (const value_view item : content.items()) {
            items.push_back(to_json(item));
        }
        return items;
    }
    case value_kind::object:
        break;
    }
    json members = json::object();
    for (const member_view m : content.members()) {
        members[std::string{m.key}] = to_json(m.value);
    }
    return members;
}

json to_json(const object_view& object) {
    json members = json::object();
    for (const member_view m : object) {
        members[std::string{m.key}] = to_json(m.value);
    }
    return members;
}

// As protobuf's JSON: 64-bit integers are strings, what is empty or zero is left out.
json file_json(const file_view& file) {
    json out = json::object();
    const auto set = [&](const char* name, std::string_view text) {
        if (!text.empty()) {
            out[name] = std::string{text};
        }
    };
    set("file_id", file.file_id);
    set("filename", file.filename);
    set("content_type", file.content_type);
    if (file.size != 0) {
        out["size"] = std::to_string(file.size);
    }
    set("storage_url", file.storage_url);
    return out;
}

json files_json(file_list_view files) {
    json out = json::array();
    for (const file_view file : files) {
        out.push_back(file_json(file));
    }
    return out;
}

std::string text_of(const json& of, const char* name) {
    return of.value(name, "");
}
std::int64_t number_of(const json& of, const char* name) {
    return of.contains(name) ? std::stoll(of.at(name).get<std::string>()) : 0;
}
json object_of(const json& of, const char* name) {
    return of.value(name, json::object());
}
json list_of(const json& of, const char* name) {
    return of.value(name, json::array());
}

bytes written(const auto& write) {
    byte_buffer out;
    write(out);
    return copy_of(out.bytes());
}

/// Compares a frame with its vector's JSON, writes it anew with the core's writers and gives those bytes.
struct compare_and_rewrite {
    const json& vector;

    [[nodiscard]] const json& content(const char* name) const { return vector.at("json").at(name); }

    bytes operator()(const worker_register_view& view) const {
        const auto told = read_signed_register(view.data);
        if (!told) {
            ADD_FAILURE() << told.error().reason;
            return {};
        }
        const json& expected = vector.at("signed");
        EXPECT_EQ(told->provisioner, text_of(expected, "provisioner_name"));
        EXPECT_EQ(told->worker_id, text_of(expected, "worker_id"));
        EXPECT_EQ(told->date, text_of(expected, "date"));
        const json resources = object_of(expected, "resource_info");
        EXPECT_EQ(told->hostname, text_of(resources, "hostname"));
        EXPECT_EQ(told->cpu_cores, resources.value("cpu_cores", 0));
        EXPECT_EQ(told->memory_mb, number_of(resources, "memory_mb"));
        EXPECT_EQ(to_json(told->additional), object_of(resources, "additional"));
        const bytes data = written([&](byte_buffer& out) { write_signed_register(out, *told); });
        EXPECT_EQ(data, copy_of(view.data));
        return written([&](byte_buffer& out) { write_register(out, data, view.signature); });
    }
    bytes operator()(const register_response_view& view) const {
        EXPECT_EQ(view.idle_time, content("worker_register_response").value("idle_time", 0));
        return written([&](byte_buffer& out) { write_register_response(out, view.idle_time); });
    }
    bytes operator()(const heartbeat_view& view) const {
        const json& expected = content("heartbeat");
        const json usage = object_of(expected, "resource_usage");
        EXPECT_EQ(view.timestamp_ms, number_of(expected, "timestamp"));
        const std::map<std::string, worker_health> healths{{"", worker_health::unspecified},
                                                           {"WORKER_HEALTH_UP", worker_health::up},
                                                           {"WORKER_HEALTH_DOWN", worker_health::down},
                                                           {"WORKER_HEALTH_WARN", worker_health::warn}};
        EXPECT_EQ(view.health, healths.at(text_of(expected, "health")));
        EXPECT_FLOAT_EQ(view.usage.cpu_percent, usage.value("cpu_percent", 0.0F));
        EXPECT_EQ(view.usage.memory_used_mb, number_of(usage, "memory_used_mb"));
        EXPECT_FLOAT_EQ(view.usage.gpu_utilization, usage.value("gpu_utilization", 0.0F));
        // Nobody reads further usage here, so nothing writes it.
        return usage.contains("additional") ? from_hex(vector.at("hex").get<std::string>())
                                            : written([&](byte_buffer& out) { write_heartbeat(out, view); });
    }
    bytes operator()(const task_assign_view& view) const {
        const json& expected = content("task_assign");
        EXPECT_EQ(view.task_id, text_of(expected, "task_id"));
        EXPECT_EQ(view.queue, text_of(expected, "queue"));
        EXPECT_EQ(to_json(view.metadata), object_of(expected, "metadata"));
        EXPECT_EQ(to_json(view.input), object_of(expected, "input"));
        EXPECT_EQ(view.timeout_ms, number_of(expected, "timeout_ms"));
        EXPECT_EQ(files_json(view.files), list_of(expected, "files"));
        const std::vector<file_view> files = collect(view.files);
        return written([&](byte_buffer& out) { write_task_assign(out, view, files); });
    }
    bytes operator()(const task_progress_view& view) const {
        const json& expected = content("task_progress");
        EXPECT_EQ(view.task_id, text_of(expected, "task_id"));
        EXPECT_FLOAT_EQ(view.progress, expected.value("progress", 0.0F));
        EXPECT_EQ(view.message, text_of(expected, "message"));
        EXPECT_EQ(view.has_data, expected.contains("data"));
        EXPECT_EQ(to_json(view.data), object_of(expected, "data"));
        // Progress goes out without data, data without a message: no one writer writes all of them.
        return view.has_data ? from_hex(vector.at("hex").get<std::string>()) : written([&](byte_buffer& out) {
            write_progress(out, view.task_id, view.progress, view.message);
        });
    }
    bytes operator()(const task_complete_view& view) const {
        const json& expected = content("task_complete");
        EXPECT_EQ(view.task_id, text_of(expected, "task_id"));
        EXPECT_EQ(to_json(view.result), object_of(expected, "result"));
        EXPECT_EQ(files_json(view.result_files), list_of(expected, "result_files"));
        outcome_writer answer{view.task_id, buffer_pool{}};
        write_members(answer.result(), view.result);
        for (const file_view file : view.result_files) {
            answer.file(file);
        }
        const outcome done = std::move(answer).complete();
        EXPECT_TRUE(done.completed());
        return copy_of(done.frame());
    }
    bytes operator()(const task_failed_view& view) const {
        const json& expected = content("task_failed");
        EXPECT_EQ(view.task_id, text_of(expected, "task_id"));
        EXPECT_EQ(view.error_code, text_of(expected, "error_code"));
        EXPECT_EQ(view.error_message, text_of(expected, "error_message"));
        EXPECT_EQ(to_json(view.error_details), object_of(expected, "error_details"));
        const outcome failed = outcome_writer{view.task_id, buffer_pool{}}.fail(
            view.error_code, view.error_message, value{view.error_details});
        EXPECT_FALSE(failed.completed());
        return copy_of(failed.frame());
    }

private:
    static std::vector<file_view> collect(file_list_view files) {
        std::vector<file_view> out;
        for (const file_view file : files) {
            out.push_back(file);
        }
        return out;
    }
};

TEST(Frames, AreReadAsTheVectorsSayAndWrittenByteForByte) {
    for (const auto& vector : load_vectors("frames.json")) {
        SCOPED_TRACE(vector.dump());
        const bytes message = from_hex(vector.at("hex").get<std::string>());
        const auto frame = read_frame(message);
        ASSERT_TRUE(frame) << frame.error().reason;
        EXPECT_EQ(std::visit(compare_and_rewrite{vector}, *frame), message);
    }
}

// The stream's items leave through an engine, so their vectors do too.
TEST(Frames, AStreamItemIsTheProgressFrameOfItsVector) {
    int met = 0;
    for (const auto& vector : load_vectors("frames.json")) {
        const json& frame = vector.at("json");
        if (!frame.contains("task_progress") || !frame.at("task_progress").contains("data") ||
            frame.at("task_progress").contains("message")) {
            continue;
        }
        ++met;
        const bytes message = from_hex(vector.at("hex").get<std::string>());
        const auto view = std::get<task_progress_view>(read_frame(message).value());
        testing::engine_rig rig;
        rig.become_ready();
        rig.assign({.id = std::string{view.task_id}});
        stream_item_writer item{rig.tasks.back(), view.progress};
        write_members(item.data(), view.data);
        auto finished = std::move(item).finish();
        ASSERT_TRUE(finished);
        ASSERT_TRUE(rig.engine.stream(rig.tasks.back().name(), std::move(*finished), rig.now));
        rig.drain();
        EXPECT_EQ(*rig.frames.back().bytes, message);
    }
    EXPECT_GT(met, 0) << "no vector has data without a message";
}

// --- What cannot be used ---

std::string reason_of(std::string_view hex) {
    const bytes message = from_hex(hex);
    const auto frame = read_frame(message);
    return frame ? "" : std::string{frame.error().reason};
}

// The verdicts are those of a worker, which also needs the frame to be one for workers.
TEST(Frames, TheMalformedOnesGetTheVerdictsOfTheVectors) {
    for (const auto& vector : load_vectors("malformed_frames.json")) {
        const bytes message = from_hex(vector.at("hex").get<std::string>());
        const auto frame = read_frame(message);
        const bool assigns = frame && std::holds_alternative<task_assign_view>(*frame);
        const bool names_task = !frame && !frame.error().task_id.empty();
        EXPECT_EQ(assigns      ? "accept"
                  : names_task ? "refuse"
                               : "strike",
                  vector.at("expect"))
            << vector.at("name") << ": " << (frame ? "" : frame.error().reason);
    }
}

TEST(Frames, APayloadThatAnotherReplacesMustBeSoundToo) {
    // REGISTER_RESPONSE, after a REGISTER: of different payloads the last one wins.
    EXPECT_EQ(reason_of("0803"
                        "12020a00"
                        "1a00"),
              "");
    // The replaced REGISTER has a fixed64 that reaches past its end: protobuf refuses that as well.
    EXPECT_EQ(reason_of("0803"
                        "120271ff"
                        "1a00"),
              "not a well-formed message");
}

TEST(Frames, TheSamePayloadTwiceIsRefused) {
    EXPECT_EQ(reason_of("0803"
                        "1a00"
                        "1a00"),
              "a field that may stand once is given twice");
}

TEST(Frames, ABrokenAssignmentNamesItsTaskWhenItCan) {
    byte_buffer out;
    task_assign_view task;
    task.task_id = "task-7";
    task.queue = "q";
    write_task_assign(out, task);
    const bytes whole = copy_of(out.bytes());
    EXPECT_EQ(salvage_task_id(whole), "task-7");
    byte_buffer news; // an assignment without a payload, and a field that is not known
    wire::writer wire{news};
    wire.varint(1, static_cast<std::uint64_t>(frame_type::task_assign));
    wire.bytes(99, copy_of(as_byte_span("\x0a\x03"
                                        "abc")));
    wire.finish();
    EXPECT_EQ(salvage_task_id(news.bytes()), "");
    int named = 0;
    for (std::size_t size = 0; size < whole.size(); ++size) {
        const bytes cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
        const auto frame = read_frame(cut);
        ASSERT_FALSE(frame) << size;
        if (!frame.error().task_id.empty()) {
            EXPECT_EQ(frame.error().task_id, "task-7") << size;
            ++named;
        }
    }
    EXPECT_GT(named, 0);
}

TEST(Frames, FilesAreARange) {
    static_assert(std::ranges::input_range<file_list_view>);
    byte_buffer out;
    task_assign_view task;
    task.task_id = "t";
    task.queue = "q";
    write_task_assign(out, task, std::vector<file_view>{{.file_id = "one"}, {.file_id = "two"}});
    const auto files = std::get<task_assign_view>(read_frame(out.bytes()).value()).files;
    EXPECT_FALSE(files.empty());
    EXPECT_EQ(std::ranges::distance(files), 2);
    auto file = files.begin();
    file++;
    EXPECT_EQ((*file).file_id, "two");
    EXPECT_TRUE(file_list_view{}.empty());
    EXPECT_EQ(file_list_view::iterator{}, file_list_view::end()) << "one of no list is at its end";
}

} // namespace
} // namespace distworker
