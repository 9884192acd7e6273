#include "support/allocation_count.hpp"

#include <malloc.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <new>

namespace {

std::atomic<std::size_t> count{0};
std::atomic<std::size_t> bytes{0};
std::atomic<std::size_t> largest{0};

void give_back(void* block) noexcept {
    bytes -= malloc_usable_size(block);
    std::free(block);
}

struct shortage {
    std::size_t spared = 0;
    std::size_t left = 0; // that will fail
    std::size_t failed = 0;
    int needy = 0;

    bool strikes() noexcept {
        if (needy == 0 || left == 0) {
            return false;
        }
        if (spared > 0) {
            --spared;
            return false;
        }
        --left;
        ++failed;
        return true;
    }
};
thread_local shortage memory;

} // namespace

namespace distworker::testing {

std::size_t allocations() noexcept {
    return count.load();
}
std::size_t allocated_bytes() noexcept {
    return bytes.load();
}
std::size_t largest_allocation() noexcept {
    return largest.exchange(0);
}

std::size_t allocation_stride() noexcept {
#ifdef DISTWORKER_INSTRUMENTED
    return 37;
#else
    static const char* const told = std::getenv("DISTWORKER_ALLOCATION_STRIDE");
    return told ? std::max(std::strtoul(told, nullptr, 10), 1UL) : 1;
#endif
}

void fail_allocations(std::size_t spared, std::size_t count) noexcept {
    memory = {.spared = spared, .left = count, .failed = 0, .needy = memory.needy};
}

std::size_t failed_allocations() noexcept {
    return memory.failed;
}

needy::needy() noexcept {
    ++memory.needy;
}

needy::~needy() {
    --memory.needy;
}

} // namespace distworker::testing

void* operator new(std::size_t size) {
    ++count;
    if (size > largest.load()) {
        largest = size;
    }
    if (!memory.strikes()) {
        if (void* const block = std::malloc(size == 0 ? 1 : size)) {
            bytes += malloc_usable_size(block);
            return block;
        }
    }
    throw std::bad_alloc{};
}
void operator delete(void* block) noexcept {
    give_back(block);
}
void operator delete(void* block, std::size_t) noexcept {
    give_back(block);
}
