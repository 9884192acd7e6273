// Bytes that must not leak: tokens and the keys derived from them.
//
// Use `secret` wherever a token or key is held. It wipes its storage, cannot be printed or converted, and is
// copied only when asked. It does not lock memory against swapping, and it cannot wipe copies that were made
// before it got the bytes (an environment block, a file's page cache).
#pragma once

#include <concepts>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace distworker {

/// Overwrites `bytes` with zeros; the compiler does not remove it although nobody reads them again.
void wipe(std::span<std::byte> bytes) noexcept;
/// The same for text, including the unused rest of its capacity. Leaves it empty.
void wipe(std::string& text) noexcept;

/// True when both hold the same bytes. For equal lengths the time depends on the length only, not on where
/// they differ (RFC 2104 leaves that to us); different lengths return false at once.
[[nodiscard]] bool constant_time_equal(std::span<const std::byte> a, std::span<const std::byte> b) noexcept;

/// Owns secret bytes on the heap; wipes them when destroyed or assigned over. Moves are cheap and leave the
/// source empty. May hold any bytes, NUL included. Not synchronised: const access from any thread.
class secret {
public:
    secret() noexcept = default;
    /// Copies `text`. Wiping the original is the caller's.
    explicit secret(std::string_view text);
    /// Copies `bytes`. Wiping the original is the caller's.
    explicit secret(std::span<const std::byte> bytes);
    /// Takes the bytes of a temporary string over and wipes it: `secret{std::move(text)}`.
    template <std::same_as<std::string> String>
    explicit secret(String&& text) : secret{std::string_view{text}} {
        wipe(text);
    }
    /// One that was moved from is empty.
    secret(secret&& other) noexcept;
    secret& operator=(secret&& other) noexcept;
    secret(const secret&) = delete;
    secret& operator=(const secret&) = delete;
    ~secret();

    /// `prefix` followed by `rest`, put together in wiped memory.
    [[nodiscard]] static secret join(std::string_view prefix, const secret& rest);
    /// A second copy, where two owners are really needed.
    [[nodiscard]] secret copy() const;

    /// The bytes, valid as long as this object is neither assigned to, moved from nor destroyed.
    [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return {data_.get(), size_}; }
    /// The same bytes as text. Do not make a `std::string` of it.
    [[nodiscard]] std::string_view view() const noexcept;
    /// How many bytes there are.
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] bool empty() const noexcept { return size_ == 0; }

    /// Constant time for equal lengths.
    [[nodiscard]] friend bool operator==(const secret& a, const secret& b) noexcept {
        return constant_time_equal(a.bytes(), b.bytes());
    }
    /// A secret is never printed.
    template <typename Stream>
    friend Stream& operator<<(Stream&, const secret&) = delete;

private:
    explicit secret(std::size_t size);

    std::unique_ptr<std::byte[]> data_;
    std::size_t size_ = 0;
};

} // namespace distworker
