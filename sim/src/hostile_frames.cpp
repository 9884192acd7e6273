#include "hostile_frames.hpp"

#include <distworker/frame.hpp>
#include <distworker/sim/draw.hpp>
#include <distworker/sim/simulation.hpp>
#include <distworker/value_writer.hpp>
#include <distworker/wire_writer.hpp>

#include <algorithm>
#include <array>
#include <limits>
#include <string>

namespace distworker::sim {

using namespace std::chrono_literals;

namespace {

hostile_message message_of(const byte_buffer& frame) {
    return {{frame.bytes().begin(), frame.bytes().end()}, message_kind::binary, false};
}

// An assignment whose input is written by `write_input(value_writer&)`.
template <typename Write>
hostile_message assignment(std::string_view id, std::int64_t timeout_ms, Write&& write_input,
                           std::span<const file_view> files = {}) {
    byte_buffer input;
    wire::writer wire{input};
    value_writer members{wire, "input", SIZE_MAX, max_input_depth};
    write_input(members);
    wire.finish();
    task_assign_view task;
    task.task_id = id;
    task.queue = queue_name;
    task.input = object_view{input.bytes()};
    task.timeout_ms = timeout_ms;
    byte_buffer frame;
    write_task_assign(frame, task, files);
    return message_of(frame);
}

void append(std::vector<std::byte>& to, std::initializer_list<unsigned> bytes) {
    for (const unsigned byte : bytes) {
        to.push_back(static_cast<std::byte>(byte));
    }
}

void append_length(std::vector<std::byte>& to, std::uint64_t length) {
    for (; length > 127; length >>= 7U) {
        to.push_back(static_cast<std::byte>((length & 0x7FU) | 0x80U));
    }
    to.push_back(static_cast<std::byte>(length));
}

// One length-delimited field.
void append_field(std::vector<std::byte>& to, unsigned number, std::span<const std::byte> content) {
    append_length(to, (std::uint64_t{number} << 3U) | 2U);
    append_length(to, content.size());
    to.insert(to.end(), content.begin(), content.end());
}

std::string odd_id(std::string_view id, seeded_random& random) {
    switch (number(random, 0, 5)) {
    case 0:
        return {};
    case 1:
        return std::string(1'024, 'i');
    case 2:
        return std::string(1'025, 'i');
    case 3:
        return std::string{id} + '\0' + "/../../\x1B[31m";
    case 4:
        return std::string{id} + "\xFF";
    default:
        return "../../" + std::string{id};
    }
}

} // namespace

hostile_message response_frame(std::int32_t idle_time) {
    byte_buffer frame;
    write_register_response(frame, idle_time);
    return message_of(frame);
}

hostile_message honest_frame(std::string_view id, std::int64_t timeout_ms) {
    return assignment(id, timeout_ms, [](value_writer& input) { input.member("n", 1); });
}

hostile_message assignment_frame(std::string_view id, seeded_random& random) {
    constexpr std::int64_t timeouts[] = {std::numeric_limits<std::int64_t>::min(), -1, 0, 1, 500, 60'000,
                                         std::numeric_limits<std::int64_t>::max()};
    const auto size = static_cast<std::size_t>(across(random, 1ns, 100'000ns).count());
    return assignment(id, pick(random, timeouts), [&](value_writer& input) {
        input.member("text", std::string(size, 'x'));
        input.key("nothing").null();
    });
}

hostile_message odd_assignment(std::string_view id, seeded_random& random) {
    const file_view file{.file_id = "../../etc/passwd",
                         .filename = "/absolute\x01",
                         .content_type = "",
                         .size = std::numeric_limits<std::int64_t>::min(),
                         .storage_url = "file:///etc/passwd"};
    const auto nothing = [](value_writer&) {};
    switch (number(random, 0, 5)) {
    case 0:
        return assignment(odd_id(id, random), 0, nothing);
    case 1:
        return assignment(id, 0, nothing, std::array{file, file});
    case 2: { // the same key over and over
        const std::uint64_t times = number(random, 2, 5'000);
        return assignment(id, 0, [&](value_writer& input) {
            for (std::uint64_t n = 0; n < times; ++n) {
                input.member(n % 2 == 0 ? "same" : "n" + std::to_string(n), static_cast<double>(n));
            }
        });
    }
    default: { // the assignment, its type or its input twice; unknown fields; groups
        hostile_message frame = honest_frame(id, 0);
        std::vector<std::byte> inner;
        append_field(inner, 1, as_byte_span(id));
        for (std::uint64_t n = number(random, 2, 300); n > 0; --n) {
            append_field(inner, 4, {});
        }
        std::vector<std::byte>& bytes = frame.bytes;
        switch (number(random, 0, 3)) {
        case 0:
            bytes.clear();
            append(bytes, {8, 10});
            append_field(bytes, 10, inner);
            break;
        case 1:
            append(bytes, {8, 9});
            break;
        case 2:
            append_field(bytes, 10, inner);
            break;
        default:
            for (int n = 0; n < 100; ++n) {
                append(bytes, {0xFB, 0x07}); // a group begins
            }
        }
        return frame;
    }
    }
}

hostile_message deep_assignment(std::string_view id, unsigned depth) {
    // By hand: the writer refuses what is too deep. From the inside: a list in a list in a list.
    std::vector<std::byte> value;
    append(value, {0x20, 0x01}); // true
    for (unsigned level = 2; level < depth; ++level) {
        std::vector<std::byte> list;
        append_field(list, 1, value);
        value.clear();
        append_field(value, 6, list);
    }
    std::vector<std::byte> entry;
    append_field(entry, 1, as_byte_span("deep"));
    append_field(entry, 2, value);
    std::vector<std::byte> input;
    append_field(input, 1, entry);
    std::vector<std::byte> task;
    append_field(task, 1, as_byte_span(id));
    append_field(task, 2, as_byte_span(queue_name));
    append_field(task, 4, input);
    hostile_message frame;
    append(frame.bytes, {8, 10});
    append_field(frame.bytes, 10, task);
    return frame;
}

hostile_message oversized_assignment(std::string_view id, std::size_t bytes) {
    const hostile_message begin = honest_frame(id, 0);
    hostile_message frame{.bytes = {}, .kind = message_kind::binary, .raw = true};
    append(frame.bytes, {0x82, 127});
    for (int shift = 56; shift >= 0; shift -= 8) {
        frame.bytes.push_back(static_cast<std::byte>(bytes >> static_cast<unsigned>(shift)));
    }
    frame.bytes.insert(frame.bytes.end(), begin.bytes.begin(), begin.bytes.end());
    frame.bytes.resize(frame.bytes.size() + bytes - begin.bytes.size());
    return frame;
}

hostile_message misplaced_frame(std::string_view id, seeded_random& random) {
    byte_buffer frame;
    switch (number(random, 0, 2)) {
    case 0:
        write_heartbeat(frame, {});
        break;
    case 1:
        write_progress(frame, id, 0.5F, "yours");
        break;
    default:
        write_register(frame, {}, {});
    }
    return message_of(frame);
}

hostile_message noise_frame(seeded_random& random) {
    hostile_message frame;
    const auto size = number(random, 0, 40);
    for (std::uint64_t n = 0; n < size; ++n) {
        frame.bytes.push_back(static_cast<std::byte>(random.next() & 0xFFU));
    }
    if (chance(random, 30)) { // it begins as a frame does
        frame.bytes.insert(frame.bytes.begin(), {std::byte{8}, std::byte(number(random, 0, 20))});
    }
    return frame;
}

hostile_message damaged(hostile_message frame, seeded_random& random) {
    std::vector<std::byte>& bytes = frame.bytes;
    const std::uint64_t place = number(random, 0, bytes.size() - 1);
    switch (number(random, 0, 2)) {
    case 0:
        bytes.resize(place);
        break;
    case 1:
        bytes[place] ^= static_cast<std::byte>(1U << number(random, 0, 7));
        break;
    default:
        bytes[place] = std::byte{0xFF};
        bytes.push_back(std::byte{0x80});
    }
    return frame;
}

hostile_message empty_fragments(std::uint64_t count) {
    hostile_message frame{.bytes = {}, .kind = message_kind::binary, .raw = true};
    append(frame.bytes, {0x02, 0});
    for (std::uint64_t n = 1; n < count; ++n) {
        append(frame.bytes, {0x00, 0});
    }
    append(frame.bytes, {0x80, 0});
    return frame;
}

hostile_message unfinished_message(seeded_random& random) {
    hostile_message frame{.bytes = {}, .kind = message_kind::binary, .raw = true};
    append(frame.bytes, {0x02, 5, 8, 10, 82, 3, 10});
    if (chance(random, 50)) { // a header that announces more than comes
        append(frame.bytes, {0x80, 100, 1, 2, 3});
    }
    return frame;
}

hostile_message broken_framing(seeded_random& random) {
    constexpr std::array<std::array<unsigned, 10>, 8> frames{{
        {0xC2, 0},                                                   // a reserved bit
        {0x83, 0},                                                   // an unknown opcode
        {0x82, 0x81, 0, 0, 0, 0, 0},                                 // masked
        {0x89, 126, 0, 126},                                         // a long ping
        {0x09, 0},                                                   // a ping in pieces
        {0x80, 0},                                                   // a continuation of nothing
        {0x82, 127, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF}, // an impossible length
        {0x88, 1, 3},                                                // half a close code
    }};
    hostile_message frame{.bytes = {}, .kind = message_kind::binary, .raw = true};
    for (const unsigned byte : pick(random, frames)) {
        frame.bytes.push_back(static_cast<std::byte>(byte));
    }
    return frame;
}

} // namespace distworker::sim
