#include "payload.hpp"

#include "core/engine_rig.hpp"
#include "words.hpp"

#include <distworker/json.hpp>

#include <cmath>

namespace distworker::testing {
namespace {

value object_of(std::string_view text) {
    if (text.empty()) {
        return value::empty_object();
    }
    auto parsed = parse_json(text);
    if (!parsed || parsed->members() == nullptr) {
        throw script_error{"'" + std::string{text} + "' is no object"};
    }
    return *std::move(parsed);
}

std::string_view json_in(const script_input& input) {
    for (const std::string& word : input.words) {
        if (word.starts_with('{')) {
            return word;
        }
    }
    return {};
}

// What an assignment, a result or an item of a stream holds.
value content_of(const script_input& input) {
    value content = object_of(json_in(input));
    if (const auto size = input.named("text")) {
        content.set("text", std::string(number_of<std::size_t>(*size), 'x'));
    }
    return content;
}

// An encoded object of so many levels, itself the first: written by hand, for a writer refuses too many.
std::vector<std::byte> nested(std::size_t levels) {
    std::vector<std::byte> object;
    for (; levels > 1; --levels) {
        byte_buffer outer;
        wire::writer wire{outer};
        wire.open(1); // fields
        wire.text(1, "in");
        wire.open(2); // the member's value
        wire.bytes(5, object);
        wire.close();
        wire.close();
        wire.finish();
        object = copy_of(outer.bytes());
    }
    return object;
}

} // namespace

std::vector<std::byte> assignment_of(const script_input& input) {
    const auto levels = input.named("deep");
    const auto content = levels ? nested(number_of<std::size_t>(*levels)) : struct_bytes(content_of(input));
    task_assign_view task;
    task.task_id = input.at(0);
    task.queue = input.has("bad_utf8") ? "bad \xFF" : input.named("queue").value_or("math.add");
    task.input = object_view{content};
    if (const auto timeout = input.named("timeout")) {
        task.timeout_ms = std::chrono::duration_cast<std::chrono::milliseconds>(time_of(*timeout)).count();
    }
    byte_buffer frame;
    if (input.has("id_last")) {
        wire::writer wire{frame};
        wire::begin_frame(wire, frame_type::task_assign);
        wire.text(wire::assign_field::queue, task.queue);
        wire.bytes(wire::assign_field::input, content);
        wire.text(wire::assign_field::task_id, task.task_id);
        wire::end_frame(wire);
    } else {
        write_task_assign(frame, task);
    }
    return copy_of(frame.bytes());
}

outcome outcome_of(const assigned_task& task, const script_input& input) {
    if (input.has("empty")) {
        return {};
    }
    outcome_writer answer{task};
    write_members(answer.result(), content_of(input));
    if (input.has("nan")) {
        answer.result().member("n", std::nan(""));
    }
    if (input.has("bad_utf8")) {
        answer.result().member("text", std::string_view{"bad \xFF"});
    }
    if (input.has("bad_key")) {
        answer.result().member(std::string_view{"a\0b", 3}, 1);
    }
    const auto levels = number_of<std::size_t>(input.named("deep").value_or("1"));
    for (std::size_t level = 1; level < levels; ++level) {
        answer.result().key("in").begin_object();
    }
    for (std::size_t level = 1; level < levels; ++level) {
        answer.result().end_object();
    }
    return std::move(answer).complete();
}

stream_item item_of(const assigned_task& task, const script_input& input) {
    if (input.has("empty")) {
        return {};
    }
    stream_item_writer item{task, 0};
    write_members(item.data(), content_of(input));
    return *std::move(item).finish();
}

link_end end_of(const script_input& input) {
    link_end end{.what = value_named<link_end::kind>(input.at(0)), .detail = "script"};
    const auto seconds = [&](std::string_view key) -> std::optional<std::chrono::seconds> {
        const auto word = input.named(key);
        return word ? std::optional{std::chrono::duration_cast<std::chrono::seconds>(time_of(*word))}
                    : std::nullopt;
    };
    end.http_status = number_of<int>(input.named("status").value_or("0"));
    end.close_code = number_of<std::uint16_t>(input.named("code").value_or("0"));
    end.retry_after = seconds("retry_after");
    end.clock_skew = seconds("skew");
    return end;
}

} // namespace distworker::testing
