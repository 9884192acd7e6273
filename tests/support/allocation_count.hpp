// How often and how much memory this program has asked for, and memory that runs out: link
// `allocation_count.cpp` into a program of its own, since it replaces the global operator new. Under a
// sanitizer the counts are those of the instrumented code, and a new that meets a wrong delete is not found.
#pragma once

#include <cstddef>

namespace distworker::testing {

/// Calls of operator new so far, on all threads.
[[nodiscard]] std::size_t allocations() noexcept;
/// Bytes that are allocated now.
[[nodiscard]] std::size_t allocated_bytes() noexcept;
/// The largest request since the last call of this.
[[nodiscard]] std::size_t largest_allocation() noexcept;

/// From now on `count` allocations throw std::bad_alloc, after the first `spared` ones; of this thread, and
/// only of those made while a `needy` lives.
void fail_allocations(std::size_t spared, std::size_t count) noexcept;
/// How many have failed since.
[[nodiscard]] std::size_t failed_allocations() noexcept;

/// How far tests step that fail each allocation in turn: the environment's DISTWORKER_ALLOCATION_STRIDE, or
/// 1; an instrumented build is too slow for that.
[[nodiscard]] std::size_t allocation_stride() noexcept;

/// Around what is tested: the test's own allocations succeed.
class needy {
public:
    needy() noexcept;
    ~needy();
    needy(const needy&) = delete;
    needy& operator=(const needy&) = delete;
};

} // namespace distworker::testing
