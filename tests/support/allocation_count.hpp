// How often this program has asked for memory: link `allocation_count.cpp` into a program of its own, since
// it replaces the global operator new. Not together with sanitizers, which have their own.
#pragma once

#include <cstddef>

namespace distworker::testing {

/// Calls of operator new so far, on all threads.
[[nodiscard]] std::size_t allocations() noexcept;

} // namespace distworker::testing
