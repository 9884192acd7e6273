// Numbers are read as they were written, to the last bit.
#include "../../core/src/shortest_number.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string_view>

namespace distworker::detail {
namespace {

using ::testing::Optional;

template <typename T>
bool is_read_again(T number) {
    std::array<char, 32> text{};
    const auto end = std::to_chars(text.data(), text.data() + text.size(), number).ptr;
    const auto read = read_shortest<T>({text.data(), end});
    return read && std::signbit(*read) == std::signbit(number) &&
           (std::isnan(number) ? std::isnan(*read) : *read == number);
}

RC_GTEST_PROP(ShortestNumber, IsReadAsItWasWritten, (std::uint32_t small, std::uint64_t large)) {
    RC_ASSERT(is_read_again(std::bit_cast<float>(small)));
    RC_ASSERT(is_read_again(std::bit_cast<double>(large)));
    RC_ASSERT(is_read_again(static_cast<double>(small) / 65536.0));
}

TEST(ShortestNumber, HasItsLimits) {
    using limits = std::numeric_limits<double>;
    for (const double number :
         {0.0, -0.0, 0.1, 1e22, 1e23, limits::max(), limits::lowest(), limits::min(), limits::denorm_min(),
          limits::infinity(), -limits::infinity(), limits::quiet_NaN()}) {
        EXPECT_TRUE(is_read_again(number)) << number;
    }
    for (const float number :
         {0.1F, std::numeric_limits<float>::max(), std::numeric_limits<float>::denorm_min()}) {
        EXPECT_TRUE(is_read_again(number)) << number;
    }
}

TEST(ShortestNumber, MayBeWrittenInOtherWays) {
    EXPECT_THAT(read_shortest<double>("12.50"), Optional(12.5));
    EXPECT_THAT(read_shortest<double>("1.25e1"), Optional(12.5));
    EXPECT_THAT(read_shortest<float>("1250e-2"), Optional(12.5F));
    EXPECT_THAT(read_shortest<double>("5."), Optional(5.0));
    EXPECT_THAT(read_shortest<double>("1e400"), Optional(std::numeric_limits<double>::max()));
    EXPECT_THAT(read_shortest<double>("-1e99999"), Optional(std::numeric_limits<double>::lowest()));
    EXPECT_THAT(read_shortest<double>("1e-99999"), Optional(0.0));
}

TEST(ShortestNumber, IsNothingElse) {
    for (const std::string_view text : {"", "-", ".", "e5", "1e", "1e+", "1e5x", "1e99999999999", "1x",
                                        "1.5.2", "+1", "--1", " 1", "0x1", "infinity"}) {
        EXPECT_FALSE(read_shortest<double>(text)) << text;
    }
}

} // namespace
} // namespace distworker::detail
