// The task that every benchmark runs, as bytes written by hand.
#pragma once

#include <cstddef>
#include <string_view>

namespace distworker::bench {

/// A TASK_ASSIGN: task_id, queue "bench.add", input {a: 1, b: 2, operation: "add"}, timeout_ms 30000.
inline constexpr std::string_view assignment{"\x08\x0a\x52\x6b"
                                             "\x0a\x24"
                                             "019a0000-0000-7000-8000-000000000000"
                                             "\x12\x09"
                                             "bench.add"
                                             "\x22\x34"
                                             "\x0a\x0e\x0a\x01"
                                             "a\x12\x09\x11\0\0\0\0\0\0\xf0\x3f"
                                             "\x0a\x0e\x0a\x01"
                                             "b\x12\x09\x11\0\0\0\0\0\0\0\x40"
                                             "\x0a\x12\x0a\x09"
                                             "operation\x12\x05\x1a\x03"
                                             "add"
                                             "\x28\xb0\xea\x01",
                                             111};
/// Where the last `counter_digits` digits of its task id stand.
inline constexpr std::size_t counter_at = 6 + 24;
inline constexpr std::size_t counter_digits = 12;

} // namespace distworker::bench
