#include "support/allocation_count.hpp"

#include <malloc.h>

#include <atomic>
#include <cstdlib>
#include <new>

namespace {
std::atomic<std::size_t> count{0};
std::atomic<std::size_t> bytes{0};
std::atomic<std::size_t> largest{0};

void give_back(void* memory) noexcept {
    bytes -= malloc_usable_size(memory);
    std::free(memory);
}
} // namespace

std::size_t distworker::testing::allocations() noexcept {
    return count.load();
}
std::size_t distworker::testing::allocated_bytes() noexcept {
    return bytes.load();
}
std::size_t distworker::testing::largest_allocation() noexcept {
    return largest.exchange(0);
}

void* operator new(std::size_t size) {
    ++count;
    if (size > largest.load()) {
        largest = size;
    }
    if (void* const memory = std::malloc(size == 0 ? 1 : size)) {
        bytes += malloc_usable_size(memory);
        return memory;
    }
    throw std::bad_alloc{};
}
void operator delete(void* memory) noexcept {
    give_back(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
    give_back(memory);
}
