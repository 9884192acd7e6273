// Go's durations, as a task's timeout is given.
#include "src/go_duration.hpp"

#include <gtest/gtest.h>

namespace distworker::controller {
namespace {

TEST(go_duration, is_read_as_go_reads_it) {
    const std::pair<const char*, std::int64_t> good[] = {
        {"0", 0},
        {"30s", 30'000},
        {"1m30s", 90'000},
        {"1.5h", 5'400'000},
        {"250ms", 250},
        {"1h2m3s4ms", 3'723'004},
        {"999us", 0},
        {"1000\u00B5s", 1},
        {"1000000ns", 1},
        {"+5s", 5'000},
        {"-5s", -5'000},
        {".5s", 500},
        {"5.s", 5'000},
        {"0s", 0},
        {"2562047h", 9'223'369'200'000},
    };
    for (const auto& [text, milliseconds] : good) {
        EXPECT_EQ(parse_go_duration(text), milliseconds) << text;
    }
}

TEST(go_duration, refuses_what_go_refuses) {
    for (const char* text : {"", "30", "s", ".", ".s", "-", "+", "1 s", "1s ", "1d", "1x", "--1s", "1e3s",
                             "2562048h", "99999999999999999999s", "1s1", "s1s", "1.2.3s"}) {
        EXPECT_EQ(parse_go_duration(text), std::nullopt) << text;
    }
}

} // namespace
} // namespace distworker::controller
