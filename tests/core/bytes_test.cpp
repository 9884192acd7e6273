// Bytes: buffers and their pool, and UTF-8.
#include <distworker/byte_buffer.hpp>
#include <distworker/utf8.hpp>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>
#include <thread>
#include <vector>

namespace distworker {
namespace {

TEST(ByteBuffer, KeepsWhatItHoldsWhenItGrows) {
    for (const std::size_t held : {std::size_t{1}, std::size_t{2}, std::size_t{100}}) {
        byte_buffer buffer;
        buffer.append(as_byte_span(std::string(held, 'a')));
        buffer.append(as_byte_span(std::string(100'000, 'b')));
        EXPECT_EQ(as_text(buffer.bytes()), std::string(held, 'a') + std::string(100'000, 'b'));
    }
}

TEST(ByteBuffer, GrowsAndKeepsItsContent) {
    byte_buffer buffer;
    EXPECT_TRUE(buffer.empty());
    std::string wanted;
    for (int i = 0; i < 1000; ++i) {
        const std::string piece = std::to_string(i);
        buffer.append(as_byte_span(piece));
        wanted += piece;
    }
    EXPECT_EQ(as_text(buffer.bytes()), wanted);
    buffer.truncate(5);
    EXPECT_EQ(as_text(buffer.bytes()), wanted.substr(0, 5));
    buffer.truncate(100);
    EXPECT_EQ(buffer.size(), 5U) << "truncating never grows";
}

TEST(ByteBuffer, HoldsNothingUntilItIsGivenSomething) {
    byte_buffer buffer;
    EXPECT_EQ(buffer.data(), nullptr);
    EXPECT_EQ(buffer.size(), 0U);
    buffer.append({});
    buffer.truncate(0);
    EXPECT_EQ(buffer.data(), nullptr);
    EXPECT_TRUE(std::move(buffer).share().bytes().empty());
}

TEST(ByteBuffer, KeepsItsContentWhenItIsMovedToItself) {
    byte_buffer buffer;
    buffer.append(as_byte_span("kept"));
    byte_buffer& same = buffer;
    buffer = std::move(same);
    EXPECT_EQ(as_text(buffer.bytes()), "kept");
}

TEST(ByteBuffer, SharedBytesOutliveBufferPoolAndThread) {
    shared_bytes kept;
    {
        const buffer_pool pool;
        byte_buffer buffer{pool};
        buffer.append(as_byte_span("still here"));
        kept = std::move(buffer).share();
        EXPECT_TRUE(buffer.empty()); // NOLINT(bugprone-use-after-move): what this tests
    }
    std::thread{[copy = kept] { EXPECT_EQ(as_text(copy.bytes()), "still here"); }}.join();
    EXPECT_EQ(as_text(kept.bytes()), "still here");
}

TEST(BufferPool, TakesBackAndHandsOutAgainUpToItsBound) {
    const buffer_pool pool{10'000};
    const std::byte* first = nullptr;
    {
        byte_buffer buffer{pool, 1000};
        first = buffer.extend(1);
    }
    EXPECT_GT(pool.idle_bytes(), 0U);
    {
        byte_buffer again{pool, 1000};
        EXPECT_EQ(again.extend(1), first) << "the same memory";
        EXPECT_EQ(pool.idle_bytes(), 0U);
    }
    {
        std::vector<byte_buffer> many;
        for (int i = 0; i < 100; ++i) {
            many.emplace_back(pool, 1000);
            many.back().extend(1);
        }
    }
    EXPECT_LE(pool.idle_bytes(), 10'000U);
    {
        byte_buffer large{pool, 1 << 20};
        large.extend(1);
    }
    EXPECT_LE(pool.idle_bytes(), 10'000U) << "large ones are not kept";
}

TEST(BufferPool, ThatKeepsNothingHasNothing) {
    const buffer_pool pool = buffer_pool::none();
    {
        byte_buffer{pool, 1000}.extend(1);
    }
    EXPECT_EQ(pool.idle_bytes(), 0U);
}

TEST(BufferPool, IsSafeFromAnyThread) {
    const buffer_pool pool;
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
        threads.emplace_back([pool] {
            for (int i = 0; i < 1000; ++i) {
                byte_buffer buffer{pool};
                buffer.append(as_byte_span("some bytes"));
                const shared_bytes shared = std::move(buffer).share();
                const shared_bytes copy = shared;
                EXPECT_EQ(as_text(copy.bytes()), "some bytes");
            }
        });
    }
}

TEST(Utf8, FollowsRfc3629) {
    for (const std::string_view good :
         {"", "plain", "\xC2\x80", "\xDF\xBF", "\xE0\xA0\x80", "\xED\x9F\xBF", "\xEE\x80\x80", "\xEF\xBF\xBF",
          "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF", "eight bytes and then \xF0\x9F\x98\x80"}) {
        EXPECT_TRUE(is_valid_utf8(good)) << escape_for_log(good);
    }
    for (char ascii = 0; ascii < 0x7F; ++ascii) {
        EXPECT_TRUE(is_valid_utf8(std::string(1, ascii))) << int{ascii};
    }
    EXPECT_TRUE(is_valid_utf8("\x7F"));
    for (const std::string_view bad :
         {"\x80", "\xC0\x80", "\xC1\xBF", "\xC2", "\xC2 ", "\xE0\x9F\xBF", "\xE1\x80", "\xED\xA0\x80",
          "\xED\xBF\xBF", "\xF0\x8F\xBF\xBF", "\xF0\x90\x80", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFE",
          "\xFF", "eight bytes and then \xFF", "\xFF and then eight bytes"}) {
        EXPECT_FALSE(is_valid_utf8(bad)) << escape_for_log(bad);
    }
}

RC_GTEST_PROP(Utf8, WhatIsMendedIsValidAndShort, ()) {
    const auto text = *rc::gen::string<std::string>();
    const auto limit = *rc::gen::inRange<std::size_t>(3, 60);
    const std::string mended = to_valid_utf8(text, limit);
    RC_ASSERT(is_valid_utf8(mended));
    RC_ASSERT(mended.size() <= limit);
    if (is_valid_utf8(text) && text.size() <= limit) {
        RC_ASSERT(mended == text);
    }
}

TEST(Utf8, WhatIsCutEndsAtACharacter) {
    EXPECT_EQ(to_valid_utf8("abcdef", 5), "ab...");
    EXPECT_EQ(to_valid_utf8("a\u20AC\u20AC", 7), "a\u20AC\u20AC");
    EXPECT_EQ(to_valid_utf8("a\u20AC\u20AC", 6), "a...") << "half a character is none";
    EXPECT_EQ(to_valid_utf8("abcdef", 3), "...");
    EXPECT_EQ(to_valid_utf8("abcdef", 2), "") << "no room even for the dots";
    EXPECT_EQ(to_valid_utf8("abcdef", 0), "");
}

TEST(Utf8, EachByteThatBeginsNothingIsReplaced) {
    const std::string mark = to_valid_utf8("\xFF", 10);
    for (const std::string_view lead : {"\xC0", "\xC3", "\xE0", "\xED", "\xF0", "\xF4", "\xF5"}) {
        EXPECT_EQ(to_valid_utf8("a" + std::string{lead} + "b", 100), "a" + mark + "b")
            << escape_for_log(lead);
    }
    EXPECT_EQ(to_valid_utf8("a" + std::string{"\xE0\x9F"} + "b", 100), "a" + mark + mark + "b");
}

TEST(Utf8, LogsShowNoControlCharacters) {
    EXPECT_EQ(escape_for_log("a\x1B[31mb\n\xFF"), "a\\x1b[31mb\\x0a\\xff");
    EXPECT_EQ(escape_for_log("Grüße"), "Grüße");
    EXPECT_EQ(escape_for_log("del \x7F"), "del \\x7f");
    EXPECT_EQ(escape_for_log("next line \u0085, no break \u00A0"), "next line \\xc2\\x85, no break \u00A0");
}

TEST(Utf8, LogsAreShort) {
    EXPECT_EQ(escape_for_log(std::string(200, 'x')), std::string(200, 'x'));
    EXPECT_EQ(escape_for_log(std::string(201, 'x')), std::string(200, 'x') + "...");
}

} // namespace
} // namespace distworker
