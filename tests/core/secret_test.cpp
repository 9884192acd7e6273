#include <distworker/secret.hpp>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <new>
#include <sstream>
#include <type_traits>
#include <utility>

namespace {

// What lay in the watched memory when it was given back.
const void* watched = nullptr;
std::array<char, 5> left_behind{};

} // namespace

void* operator new[](std::size_t size) {
    if (void* const memory = std::malloc(size)) {
        return memory;
    }
    throw std::bad_alloc{};
}
void operator delete[](void* memory) noexcept {
    if (memory != nullptr && memory == watched) {
        std::memcpy(left_behind.data(), memory, left_behind.size());
    }
    std::free(memory);
}
void operator delete[](void* memory, std::size_t) noexcept {
    operator delete[](memory);
}

namespace distworker {
namespace {

template <typename T>
concept printable = requires(std::ostream& out, const T& value) { out << value; };

static_assert(printable<std::string>);
static_assert(!printable<secret>);
static_assert(!std::is_copy_constructible_v<secret> && !std::is_copy_assignable_v<secret>);
static_assert(!std::is_convertible_v<secret, std::string> &&
              !std::is_convertible_v<secret, std::string_view>);
static_assert(!std::is_convertible_v<std::string, secret> && !std::is_convertible_v<const char*, secret>);

std::span<const std::byte> bytes_of(std::string_view text) {
    return std::as_bytes(std::span{text});
}

TEST(Secret, HoldsAnyBytes) {
    const std::string_view text{"a\0b\xff", 4};
    const secret held{text};
    EXPECT_EQ(held.view(), text);
    EXPECT_EQ(held.size(), 4U);
    EXPECT_FALSE(held.empty());
    EXPECT_TRUE(std::ranges::equal(held.bytes(), bytes_of(text)));
}

TEST(Secret, EmptyIsEmpty) {
    const secret from_nothing;
    const secret from_text{""};
    EXPECT_TRUE(from_nothing.empty());
    EXPECT_EQ(from_nothing.view(), "");
    EXPECT_TRUE(from_nothing == from_text);
    EXPECT_TRUE(from_text.copy().empty());
}

TEST(Secret, TakesAStringOverAndWipesIt) {
    for (std::string text : {std::string{"short"}, std::string(200, 'x')}) {
        const std::string before = text;
        const char* storage = text.data();
        const std::size_t size = text.size();
        const secret held{std::move(text)};
        EXPECT_EQ(held.view(), before);
        EXPECT_TRUE(text.empty()); // NOLINT(bugprone-use-after-move): wiped, not moved from
        ASSERT_EQ(text.data(), storage) << "the storage is still the string's own, so it may be looked at";
        EXPECT_EQ(std::count(storage, storage + size, '\0'), static_cast<std::ptrdiff_t>(size));
    }
}

TEST(Secret, MovesLeaveTheSourceEmpty) {
    secret first{"one"};
    secret second{std::move(first)};
    EXPECT_TRUE(first.empty()); // NOLINT(bugprone-use-after-move)
    EXPECT_EQ(second.view(), "one");
    secret third{"two"};
    third = std::move(second);
    EXPECT_TRUE(second.empty()); // NOLINT(bugprone-use-after-move)
    EXPECT_EQ(third.view(), "one");
    secret& same = third;
    third = std::move(same);
    EXPECT_EQ(third.view(), "one");
}

TEST(Secret, LeavesNothingInTheMemoryThatItGivesBack) {
    const auto left_by = [](auto&& end) {
        secret held{"token"};
        watched = held.bytes().data();
        left_behind.fill('?');
        end(held);
        watched = nullptr;
        return std::string{left_behind.data(), left_behind.size()};
    };
    const std::string wiped(5, '\0');
    EXPECT_EQ(left_by([](secret& held) { const secret gone{std::move(held)}; }), wiped);
    EXPECT_EQ(left_by([](secret& held) { held = secret{"other"}; }), wiped);
}

TEST(Secret, CopiesOnlyWhenAsked) {
    const secret first{"token"};
    const secret second = first.copy();
    EXPECT_TRUE(first == second);
    EXPECT_NE(first.bytes().data(), second.bytes().data());
}

TEST(Secret, JoinsPrefixAndRest) {
    EXPECT_EQ(secret::join("DISTWORKER1", secret{"abc"}).view(), "DISTWORKER1abc");
    EXPECT_EQ(secret::join("", secret{""}).size(), 0U);
}

TEST(Wipe, ZeroesBytes) {
    std::array<std::byte, 7> bytes{};
    bytes.fill(std::byte{0xAA});
    wipe(bytes);
    EXPECT_TRUE(std::ranges::all_of(bytes, [](std::byte b) { return b == std::byte{0}; }));
    wipe(std::span<std::byte>{});
}

TEST(Wipe, ZeroesAStringUpToItsCapacity) {
    std::string text(100, 's');
    const std::size_t capacity = text.capacity();
    text.resize(10); // the other 90 are still in the storage
    wipe(text);
    EXPECT_TRUE(text.empty());
    ASSERT_EQ(text.capacity(), capacity);
    EXPECT_EQ(std::count(text.data(), text.data() + 100, '\0'), 100)
        << "the storage is still the string's own";
}

RC_GTEST_PROP(ConstantTimeEqual, AgreesWithEquality, (const std::string& a, const std::string& b)) {
    RC_ASSERT(constant_time_equal(bytes_of(a), bytes_of(b)) == (a == b));
    RC_ASSERT(constant_time_equal(bytes_of(a), bytes_of(std::string{a})));
}

RC_GTEST_PROP(ConstantTimeEqual, SeesEverySingleBit, ()) {
    const auto size = *rc::gen::inRange<std::size_t>(1, 64);
    std::string a = *rc::gen::container<std::string>(size, rc::gen::arbitrary<char>());
    std::string b = a;
    const auto at = *rc::gen::inRange<std::size_t>(0, size);
    const auto bit = *rc::gen::inRange(0, 8);
    b[at] = static_cast<char>(static_cast<unsigned char>(b[at]) ^ (1U << bit));
    RC_ASSERT(!constant_time_equal(bytes_of(a), bytes_of(b)));
}

} // namespace
} // namespace distworker
