// Each frame field by field: what makes it unusable, and what of it is skipped since this version does not
// know it.
#include "core/engine_rig.hpp"

#include <distworker/frame.hpp>

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace distworker {
namespace {

using testing::copy_of;
using bytes = std::vector<std::byte>;

constexpr std::string_view repeated = "a field that may stand once is given twice";
constexpr std::string_view malformed = "not a well-formed message";
constexpr std::string_view bad_text = "text that is not UTF-8";

/// What a field holds; `raw` is bytes that nobody looks at here.
enum class holds { text, object, integer, real, raw, files, usage, resources };

struct field_spec {
    std::uint32_t id;
    holds what;
};
using message_spec = std::vector<field_spec>;

// Protocol, section 2.
const message_spec file_info{
    {1, holds::text}, {2, holds::text}, {3, holds::text}, {4, holds::integer}, {5, holds::text}};
const message_spec resource_usage_{
    {1, holds::real}, {2, holds::integer}, {3, holds::real}, {4, holds::object}};
const message_spec resource_info{
    {1, holds::text}, {2, holds::integer}, {3, holds::integer}, {4, holds::object}};
const message_spec signed_register{
    {1, holds::text}, {2, holds::text}, {3, holds::text}, {4, holds::resources}};

struct frame_spec {
    frame_type type;
    message_spec fields;
};
const std::vector<frame_spec> all_frames{
    {frame_type::worker_register, {{1, holds::raw}, {2, holds::raw}}},
    {frame_type::worker_register_response, {{10, holds::integer}}},
    {frame_type::heartbeat, {{1, holds::integer}, {2, holds::integer}, {3, holds::usage}}},
    {frame_type::task_assign,
     {{1, holds::text},
      {2, holds::text},
      {3, holds::object},
      {4, holds::object},
      {5, holds::integer},
      {6, holds::files}}},
    {frame_type::task_progress, {{1, holds::text}, {2, holds::real}, {3, holds::text}, {4, holds::object}}},
    {frame_type::task_complete, {{1, holds::text}, {2, holds::object}, {3, holds::files}}},
    {frame_type::task_failed, {{1, holds::text}, {2, holds::text}, {3, holds::text}, {4, holds::object}}},
};

const message_spec* nested(holds what) {
    switch (what) {
    case holds::files:
        return &file_info;
    case holds::usage:
        return &resource_usage_;
    case holds::resources:
        return &resource_info;
    default:
        return nullptr;
    }
}

// Writes every field, sound.
void write_fields(wire::writer& w, const message_spec& fields);

void write_field(wire::writer& w, const field_spec& field) {
    switch (field.what) {
    case holds::integer:
        return w.varint(field.id, 1);
    case holds::real:
        return w.fixed32(field.id, 0.5F);
    case holds::object:
        return w.bytes(field.id, testing::struct_bytes({{"key", "value"}}));
    case holds::text:
    case holds::raw:
        return w.text(field.id, "text");
    case holds::files:
    case holds::usage:
    case holds::resources:
        w.open(field.id);
        write_fields(w, *nested(field.what));
        w.close();
    }
}

void write_fields(wire::writer& w, const message_spec& fields) {
    for (const field_spec& field : fields) {
        write_field(w, field);
    }
}

bytes frame(frame_type type, auto write_payload) {
    byte_buffer out;
    wire::writer w{out};
    wire::begin_frame(w, type);
    write_payload(w);
    wire::end_frame(w);
    return copy_of(out.bytes());
}

/// Why a message is refused; empty when it is not.
struct verdict {
    std::string reason;
    std::string task_id;
};
verdict read_again(const bytes& message) {
    const auto read = read_frame(message);
    return read ? verdict{} : verdict{std::string{read.error().reason}, std::string{read.error().task_id}};
}

/// A message in which one thing can be wrong: its fields, and how it is written and read.
struct subject {
    std::string name;
    const message_spec& fields;
    std::function<verdict(const std::function<void(wire::writer&)>&)> read;
};

// Every message that stands in a frame or in a registration's signed part, with the sound rest around it.
std::vector<subject> subjects() {
    std::vector<subject> out;
    for (const frame_spec& f : all_frames) {
        out.push_back({"frame " + std::to_string(static_cast<int>(f.type)), f.fields,
                       [&f](const auto& write) { return read_again(frame(f.type, write)); }});
        for (const field_spec& field : f.fields) {
            if (const message_spec* inner = nested(field.what)) {
                out.push_back({out.back().name + ", field " + std::to_string(field.id), *inner,
                               [&f, &field](const auto& write) {
                                   return read_again(frame(f.type, [&](wire::writer& w) {
                                       for (const field_spec& other : f.fields) {
                                           if (other.id != field.id) {
                                               write_field(w, other);
                                           }
                                       }
                                       w.open(field.id);
                                       write(w);
                                       w.close();
                                   }));
                               }});
            }
        }
    }
    const auto read_signed = [](const byte_buffer& written) {
        const auto read = read_signed_register(written.bytes());
        return read ? verdict{} : verdict{std::string{read.error().reason}, {}};
    };
    out.push_back({"signed part", signed_register, [=](const auto& write) {
                       byte_buffer data;
                       wire::writer w{data};
                       write(w);
                       w.finish();
                       return read_signed(data);
                   }});
    out.push_back({"resources", resource_info, [=](const auto& write) {
                       byte_buffer data;
                       wire::writer w{data};
                       w.open(4);
                       write(w);
                       w.close();
                       w.finish();
                       return read_signed(data);
                   }});
    return out;
}

TEST(FrameFields, OfAVersionToComeAreSkipped) {
    for (const subject& s : subjects()) {
        const auto news = [](wire::writer& w) { // a number that nothing has, with each wire type
            w.varint(15, 7);
            w.fixed64(15, 7);
            w.fixed32(15, 7);
            w.text(15, "news");
        };
        const verdict v = s.read([&](wire::writer& w) {
            news(w);
            write_fields(w, s.fields);
            news(w);
        });
        EXPECT_EQ(v.reason, "") << s.name;
    }
}

TEST(FrameFields, OfAnotherWireTypeAreUnknownOnes) {
    for (const subject& s : subjects()) {
        for (const field_spec& field : s.fields) {
            const verdict v = s.read([&](wire::writer& w) {
                write_fields(w, s.fields);
                w.fixed64(field.id, 7); // which none of them is
            });
            EXPECT_EQ(v.reason, "") << s.name << ", its field " << field.id;
        }
    }
}

TEST(FrameFields, GivenTwiceRefuseTheFrame) {
    for (const subject& s : subjects()) {
        for (const field_spec& field : s.fields) {
            const verdict v = s.read([&](wire::writer& w) {
                write_fields(w, s.fields);
                write_field(w, field);
            });
            EXPECT_EQ(v.reason, field.what == holds::files ? "" : repeated)
                << s.name << ", its field " << field.id;
        }
    }
}

TEST(FrameFields, ThatReachPastTheEndRefuseTheFrame) {
    for (const subject& s : subjects()) {
        const verdict v = s.read([&](wire::writer& w) {
            write_fields(w, s.fields);
            w.open_known(15, 1000); // of which nothing comes
        });
        EXPECT_EQ(v.reason, malformed) << s.name;
    }
}

TEST(FrameFields, OfTextMustBeUtf8) {
    for (const subject& s : subjects()) {
        for (const field_spec& field : s.fields) {
            if (field.what == holds::text) {
                const verdict v = s.read([&](wire::writer& w) {
                    for (const field_spec& other : s.fields) {
                        other.id == field.id ? w.text(field.id, "\xFF") : write_field(w, other);
                    }
                });
                EXPECT_EQ(v.reason, bad_text) << s.name << ", its field " << field.id;
            }
        }
    }
}

TEST(FrameFields, OfPayloadAreChecked) {
    for (const subject& s : subjects()) {
        for (const field_spec& field : s.fields) {
            if (field.what == holds::object) {
                const verdict v = s.read([&](wire::writer& w) {
                    for (const field_spec& other : s.fields) {
                        other.id == field.id ? w.text(field.id, "\x0A\x7F") : write_field(w, other);
                    }
                });
                EXPECT_EQ(v.reason, malformed) << s.name << ", its field " << field.id;
            }
        }
    }
}

TEST(FrameFields, OfABrokenFrameNameATaskOnlyInAnAssignment) {
    for (const frame_spec& f : all_frames) {
        const verdict v = read_again(frame(f.type, [&](wire::writer& w) {
            write_fields(w, f.fields);
            write_field(w, f.fields.front());
        }));
        EXPECT_EQ(v.task_id, f.type == frame_type::task_assign ? "text" : "") << static_cast<int>(f.type);
    }
}

TEST(FrameFields, AnIdThatCannotBeUsedNamesNoTask) {
    for (const std::string& id : {std::string{}, std::string{"\xFF"}, std::string(1025, 'x')}) {
        const verdict v = read_again(frame(frame_type::task_assign, [&](wire::writer& w) {
            w.text(wire::assign_field::task_id, id);
            w.text(wire::assign_field::queue, "\xFF");
        }));
        EXPECT_NE(v.reason, "");
        EXPECT_EQ(v.task_id, "");
    }
}

TEST(FrameFields, OfABrokenAssignmentNameItsTaskWhereverTheTypeStands) {
    byte_buffer out;
    wire::writer w{out};
    w.open(static_cast<std::uint32_t>(frame_type::task_assign));
    w.text(wire::assign_field::task_id, "late");
    w.text(wire::assign_field::queue, "\xFF");
    w.close();
    w.varint(1, static_cast<std::uint64_t>(frame_type::task_assign));
    w.finish();
    const verdict v = read_again(copy_of(out.bytes()));
    EXPECT_EQ(v.reason, bad_text);
    EXPECT_EQ(v.task_id, "late");
}

TEST(FrameFields, OfPayloadsThatAnotherReplacesTheFirstFaultIsTold) {
    byte_buffer out;
    wire::writer w{out};
    w.varint(1, static_cast<std::uint64_t>(frame_type::heartbeat));
    w.open(static_cast<std::uint32_t>(frame_type::task_progress));
    w.text(wire::progress_field::message, "\xFF");
    w.close();
    w.text(static_cast<std::uint32_t>(frame_type::task_failed), "\x0A\x7F");
    w.text(static_cast<std::uint32_t>(frame_type::heartbeat), "");
    w.finish();
    EXPECT_EQ(read_again(copy_of(out.bytes())).reason, bad_text);
}

TEST(FrameFields, AHealthThatDoesNotExistIsUnspecified) {
    for (const std::int64_t health : {4LL, 9999LL, -1LL}) {
        const bytes message = frame(
            frame_type::heartbeat, [&](wire::writer& w) { w.varint(2, static_cast<std::uint64_t>(health)); });
        const auto read = read_frame(message);
        ASSERT_TRUE(read) << health;
        EXPECT_EQ(std::get<heartbeat_view>(*read).health, worker_health::unspecified) << health;
    }
}

TEST(FrameFields, AMessageThatSaysNothingIsOfAnUnknownType) {
    EXPECT_EQ(read_again({}).reason, "a message of an unknown type");
    for (const std::int64_t type : {-1LL, 0LL, 1LL, 4LL, 14LL, 9999LL}) {
        byte_buffer out;
        wire::writer w{out};
        w.varint(1, static_cast<std::uint64_t>(type));
        w.finish();
        EXPECT_EQ(read_again(copy_of(out.bytes())).reason, "a message of an unknown type") << type;
    }
}

TEST(FrameFields, TheTypeAndThePayloadMustAgree) {
    for (const frame_spec& said : all_frames) {
        for (const frame_spec& sent : all_frames) {
            byte_buffer out;
            wire::writer w{out};
            w.varint(1, static_cast<std::uint64_t>(said.type));
            w.open(static_cast<std::uint32_t>(sent.type));
            write_fields(w, sent.fields);
            w.close();
            w.finish();
            EXPECT_EQ(read_again(copy_of(out.bytes())).reason,
                      said.type == sent.type ? "" : "a message whose type and payload disagree");
        }
    }
}

} // namespace
} // namespace distworker
