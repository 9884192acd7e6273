// Words for people, as far as there is memory for them. Internal.
#pragma once

#include <new>
#include <string>

namespace distworker::detail {

/// What `make` returns; without memory so few words that a string holds them by itself.
template <typename Make>
std::string words(const Make& make) noexcept {
    try {
        return make();
    } catch (const std::bad_alloc&) {
        return "out of memory";
    }
}

} // namespace distworker::detail
