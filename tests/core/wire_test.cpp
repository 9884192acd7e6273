// The wire format: numbers, lengths and nesting as protobuf has them, and nothing read outside of a message.
#include "support/vectors.hpp"

#include <distworker/wire_reader.hpp>
#include <distworker/wire_writer.hpp>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <limits>

namespace distworker::wire {
namespace {

using testing::from_hex;
using bytes = std::vector<std::byte>;

wire_error error_of(std::string_view hex) {
    const bytes message = from_hex(hex);
    reader fields{message};
    field f;
    while (fields.next(f)) {
    }
    return fields.error();
}

TEST(WireReader, IsDoneBehindTheLastFieldOfASoundMessage) {
    constexpr std::array sound{std::byte{0x08}, std::byte{0x01}, std::byte{0x10}, std::byte{0x02}};
    wire::reader fields{sound};
    wire::field field;
    EXPECT_FALSE(fields.done());
    ASSERT_TRUE(fields.next(field));
    EXPECT_FALSE(fields.done());
    ASSERT_TRUE(fields.next(field));
    EXPECT_TRUE(fields.done());
    wire::reader broken{std::span{sound}.first(3)};
    while (broken.next(field)) {
    }
    EXPECT_FALSE(broken.done());
    EXPECT_TRUE(wire::reader{{}}.done());
}

TEST(WireReader, RefusesWhatIsNoMessage) {
    EXPECT_EQ(error_of(""), wire_error::none);
    EXPECT_EQ(error_of("08"), wire_error::truncated);
    EXPECT_EQ(error_of("0880"), wire_error::truncated);
    EXPECT_EQ(error_of("08ffffffffffffffffffff01"), wire_error::varint_too_long);
    EXPECT_EQ(error_of("0a05aabb"), wire_error::truncated);
    EXPECT_EQ(error_of("0affffffffff01"), wire_error::varint_too_long); // a length of 6 bytes
    EXPECT_EQ(error_of("0a8280808010"), wire_error::truncated);         // 2^32 + 2 is not 2
    EXPECT_EQ(error_of("8080808010"), wire_error::bad_field_number);    // a tag of 2^32
    EXPECT_EQ(error_of("888080808000"), wire_error::varint_too_long);   // a tag of 6 bytes
    EXPECT_EQ(error_of("0000"), wire_error::bad_field_number);
    EXPECT_EQ(error_of("0b0c"), wire_error::group);
    EXPECT_EQ(error_of("0c"), wire_error::group);
    EXPECT_EQ(error_of("0e"), wire_error::bad_wire_type);
    EXPECT_EQ(error_of("0f"), wire_error::bad_wire_type);
    EXPECT_EQ(error_of("09aabbccdd"), wire_error::truncated);
    EXPECT_EQ(error_of("0daabbcc"), wire_error::truncated);
}

TEST(WireReader, ReadsNothingBehindAnError) {
    const bytes message = from_hex("0c"
                                   "0805");
    reader fields{message};
    field f;
    EXPECT_FALSE(fields.next(f));
    EXPECT_FALSE(fields.next(f)) << "a field of a message that is none";
    EXPECT_EQ(fields.error(), wire_error::group);
}

TEST(WireReader, TakesLongWaysToSayANumberAsProtobufDoes) {
    const bytes message = from_hex("08818000"
                                   "f8ffffff0f05");
    reader fields{message};
    field f;
    ASSERT_TRUE(fields.next(f));
    EXPECT_TRUE(f.is(1, wire_type::varint));
    EXPECT_EQ(f.number, 1U);
    ASSERT_TRUE(fields.next(f));
    EXPECT_EQ(f.id, (1U << 29U) - 1) << "the largest field number";
    EXPECT_EQ(f.number, 5U);
    EXPECT_FALSE(fields.next(f));
}

TEST(WireReader, TellsWhereTheNextFieldBegins) {
    const bytes message = from_hex("0801"
                                   "1202aabb"
                                   "1880ff01");
    reader fields{message};
    for (const std::ptrdiff_t begin : {0, 2, 6, 10}) {
        EXPECT_EQ(fields.position() - message.data(), begin);
        field f;
        EXPECT_EQ(fields.next(f), begin != 10);
    }
}

TEST(WireReader, GivesThePartOfAFieldThatIsThere) {
    const bytes message = from_hex("0a05aabb");
    reader fields{message};
    field f;
    EXPECT_FALSE(fields.next(f));
    ASSERT_EQ(f.bytes.size(), 2U);
    EXPECT_EQ(f.bytes[0], std::byte{0xAA});
}

RC_GTEST_PROP(WireCodec, ReadsTheNumbersThatItWrote, ()) {
    const auto number = *rc::gen::oneOf(
        rc::gen::arbitrary<std::uint64_t>(),
        rc::gen::map(rc::gen::inRange(0, 64), [](int bit) { return std::uint64_t{1} << bit; }));
    const auto id = *rc::gen::inRange<std::uint32_t>(1, 1U << 29U);
    const auto real = *rc::gen::arbitrary<double>();
    byte_buffer out;
    writer w{out};
    w.varint(id, number);
    w.fixed64(id, real);
    w.fixed32(id, 1.5F);
    w.finish();
    reader fields{out.bytes()};
    field f;
    RC_ASSERT(fields.next(f));
    RC_ASSERT(f.is(id, wire_type::varint));
    RC_ASSERT(f.number == number);
    RC_ASSERT(fields.next(f));
    RC_ASSERT(f.is(id, wire_type::fixed64));
    RC_ASSERT(f.number == std::bit_cast<std::uint64_t>(real));
    RC_ASSERT(fields.next(f));
    RC_ASSERT(f.is(id, wire_type::fixed32));
    RC_ASSERT(!fields.next(f));
    RC_ASSERT(fields.error() == wire_error::none);
}

// A tree of nested messages with texts of every length, written and walked again.
struct node {
    std::size_t text = 0;
    std::vector<node> inner;
};

rc::Gen<node> any_node(int depth) {
    const auto size =
        rc::gen::element<std::size_t>(0, 1, 100, 120, 126, 127, 128, 200, 16'381, 16'384, 20'000);
    if (depth == 0) {
        return rc::gen::map(size, [](std::size_t s) { return node{s, {}}; });
    }
    return rc::gen::mapcat(rc::gen::inRange<std::size_t>(0, 4), [=](std::size_t n) {
        return rc::gen::map(
            rc::gen::pair(size, rc::gen::container<std::vector<node>>(n, any_node(depth - 1))),
            [](auto p) { return node{p.first, std::move(p.second)}; });
    });
}

void write(writer& out, const node& content) {
    out.open(1);
    out.text(2, std::string(content.text, 't'));
    for (const node& inner : content.inner) {
        write(out, inner);
    }
    out.close();
}

void check(reader& fields, const node& content) {
    field f;
    RC_ASSERT(fields.next(f));
    RC_ASSERT(f.is(1, wire_type::length));
    reader inside{f.bytes};
    RC_ASSERT(inside.next(f));
    RC_ASSERT(f.is(2, wire_type::length));
    RC_ASSERT(f.bytes.size() == content.text);
    for (const node& inner : content.inner) {
        check(inside, inner);
    }
    RC_ASSERT(!inside.next(f));
    RC_ASSERT(inside.error() == wire_error::none);
}

RC_GTEST_PROP(WireCodec, WidensTheLengthsThatNeedIt, ()) {
    const node tree = *any_node(4);
    byte_buffer out;
    writer w{out};
    write(w, tree);
    const std::size_t announced = w.size();
    w.finish();
    RC_ASSERT(out.size() == announced);
    reader fields{out.bytes()};
    check(fields, tree);
    field f;
    RC_ASSERT(!fields.next(f));
}

TEST(WireCodec, ManyWideLengthsAreWidenedTogether) {
    byte_buffer out;
    writer w{out};
    w.open(1);
    for (int i = 0; i < 100; ++i) {
        w.open(2);
        w.text(3, std::string(300, 'x'));
        w.close();
    }
    w.close();
    w.finish();
    reader outer{out.bytes()};
    field f;
    ASSERT_TRUE(outer.next(f));
    reader inner{f.bytes};
    int met = 0;
    while (inner.next(f)) {
        EXPECT_EQ(f.bytes.size(), 303U);
        ++met;
    }
    EXPECT_EQ(met, 100);
    EXPECT_EQ(inner.error(), wire_error::none);
}

TEST(WireCodec, EmptyMessagesAreWritten) {
    byte_buffer out;
    writer w{out};
    w.open(1);
    w.close();
    w.finish();
    EXPECT_EQ((bytes{out.bytes().begin(), out.bytes().end()}), from_hex("0a00"));
}

} // namespace
} // namespace distworker::wire
