// How often and how much memory this program has asked for: link `allocation_count.cpp` into a program of its
// own, since it replaces the global operator new. Not together with sanitizers, which have their own.
#pragma once

#include <cstddef>

namespace distworker::testing {

/// Calls of operator new so far, on all threads.
[[nodiscard]] std::size_t allocations() noexcept;
/// Bytes that are allocated now.
[[nodiscard]] std::size_t allocated_bytes() noexcept;
/// The largest request since the last call of this.
[[nodiscard]] std::size_t largest_allocation() noexcept;

} // namespace distworker::testing
