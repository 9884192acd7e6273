#include <distworker/secret.hpp>

#include <algorithm>
#include <cstring>
#include <utility>

namespace distworker {

void wipe(std::span<std::byte> bytes) noexcept {
    if (bytes.empty()) {
        return;
    }
    std::memset(bytes.data(), 0, bytes.size());
    // The optimiser must assume that this reads the memory, so the stores above stay.
    __asm__ __volatile__("" : : "r"(bytes.data()) : "memory");
}

void wipe(std::string& text) noexcept {
    text.resize(text.capacity()); // within the capacity: neither allocates nor throws
    wipe(std::as_writable_bytes(std::span{text}));
    text.clear();
}

bool constant_time_equal(std::span<const std::byte> a, std::span<const std::byte> b) noexcept {
    if (a.size() != b.size()) {
        return false;
    }
    unsigned difference = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        difference |= std::to_integer<unsigned>(a[i] ^ b[i]);
        // Keeps the compiler from leaving early once the outcome is settled.
        __asm__ __volatile__("" : "+r"(difference));
    }
    return difference == 0;
}

secret::secret(std::size_t size) : data_{size == 0 ? nullptr : new std::byte[size]}, size_{size} {}

secret::secret(std::span<const std::byte> bytes) : secret{bytes.size()} {
    std::ranges::copy(bytes, data_.get());
}

secret::secret(std::string_view text) : secret{std::as_bytes(std::span{text})} {}

secret::secret(secret&& other) noexcept
    : data_{std::move(other.data_)}, size_{std::exchange(other.size_, 0)} {}

secret& secret::operator=(secret&& other) noexcept {
    if (this != &other) {
        wipe(std::span{data_.get(), size_});
        data_ = std::move(other.data_);
        size_ = std::exchange(other.size_, 0);
    }
    return *this;
}

secret::~secret() {
    wipe(std::span{data_.get(), size_});
}

secret secret::join(std::string_view prefix, const secret& rest) {
    secret out{prefix.size() + rest.size()};
    std::ranges::copy(std::as_bytes(std::span{prefix}), out.data_.get());
    std::ranges::copy(rest.bytes(), out.data_.get() + prefix.size());
    return out;
}

secret secret::copy() const {
    return secret{bytes()};
}

std::string_view secret::view() const noexcept {
    return {reinterpret_cast<const char*>(data_.get()), size_};
}

} // namespace distworker
