// Memory for messages: a pool of buffers, a growable one to fill, and a shared one to read.
//
// A message is read into a `byte_buffer`, then frozen into `shared_bytes`, which tasks on any thread keep
// alive. Both give their memory back to the pool they came from, on whichever thread that happens. Not a
// general container: no erase, no insert.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

namespace distworker {

class buffer_pool;

namespace detail {

class pool_state;

/// One allocation: this header, then `capacity` bytes.
struct buffer_block {
    std::shared_ptr<pool_state> owner; // empty while the block lies in the pool
    std::atomic<std::uint32_t> references{1};
    std::uint32_t size_class = 0;
    std::size_t capacity = 0;
    std::size_t size = 0;
    buffer_block* next_free = nullptr;

    [[nodiscard]] std::byte* bytes() noexcept { return reinterpret_cast<std::byte*>(this + 1); }
};

void release(buffer_block* block) noexcept;

} // namespace detail

/// Immutable bytes with shared ownership. Copies are cheap (one atomic count) and may live on any thread.
class shared_bytes {
public:
    shared_bytes() = default;
    /// Copies share the bytes, and the last one gives them back; one that was moved from is empty.
    shared_bytes(const shared_bytes& other) noexcept : block_{other.block_} {
        if (block_ != nullptr) {
            block_->references.fetch_add(1, std::memory_order_relaxed);
        }
    }
    shared_bytes(shared_bytes&& other) noexcept : block_{std::exchange(other.block_, nullptr)} {}
    shared_bytes& operator=(shared_bytes other) noexcept {
        std::swap(block_, other.block_);
        return *this;
    }
    ~shared_bytes() { detail::release(block_); }

    /// The content, valid as long as this object or a copy of it lives; empty when it was default-made.
    [[nodiscard]] std::span<const std::byte> bytes() const noexcept {
        return block_ == nullptr ? std::span<const std::byte>{} : std::span{block_->bytes(), block_->size};
    }

private:
    friend class byte_buffer;
    explicit shared_bytes(detail::buffer_block* block) noexcept : block_{block} {}
    detail::buffer_block* block_ = nullptr;
};

/// A growable run of bytes from a pool. Move-only; one owner; not shared between threads while it changes.
class byte_buffer {
public:
    byte_buffer() = default;
    /// Empty, with memory for `reserve` bytes. May throw std::bad_alloc.
    explicit byte_buffer(buffer_pool pool, std::size_t reserve = 0);
    /// The buffer that was moved from is empty.
    byte_buffer(byte_buffer&& other) noexcept;
    byte_buffer& operator=(byte_buffer&& other) noexcept;
    ~byte_buffer() { detail::release(block_); }

    /// What it holds. `data` and `bytes` are valid until the next `extend`, `append` or move, and the
    /// buffer's end; `data` is null while it has no memory.
    [[nodiscard]] std::size_t size() const noexcept { return block_ == nullptr ? 0 : block_->size; }
    [[nodiscard]] bool empty() const noexcept { return size() == 0; }
    [[nodiscard]] std::byte* data() noexcept { return block_ == nullptr ? nullptr : block_->bytes(); }
    [[nodiscard]] std::span<const std::byte> bytes() const noexcept {
        return block_ == nullptr ? std::span<const std::byte>{} : std::span{block_->bytes(), block_->size};
    }

    /// Appends `count` bytes whose content is the caller's to fill; returns where they begin. Grows by
    /// doubling; throws std::bad_alloc, and is then as before.
    std::byte* extend(std::size_t count) {
        if (block_ == nullptr || block_->capacity - block_->size < count) {
            grow(count);
        }
        std::byte* const begin = block_->bytes() + block_->size;
        block_->size += count;
        return begin;
    }
    /// Appends a copy of `more`, which must lie elsewhere. Throws std::bad_alloc, and is then as before.
    void append(std::span<const std::byte> more);
    /// Drops what lies behind the first `size` bytes.
    void truncate(std::size_t size) noexcept {
        if (block_ != nullptr && size < block_->size) {
            block_->size = size;
        }
    }
    /// Freezes the content. This buffer is empty afterwards.
    [[nodiscard]] shared_bytes share() && noexcept { return shared_bytes{std::exchange(block_, nullptr)}; }

private:
    void grow(std::size_t count);

    std::shared_ptr<detail::pool_state> pool_;
    detail::buffer_block* block_ = nullptr;
};

/// A bounded store of free buffers, in classes of 256 bytes to 64 KiB; what is larger is not kept. A handle:
/// copies name the same pool, which lives as long as a handle or a buffer of it. Safe from any thread.
class buffer_pool {
public:
    /// A pool that keeps at most `max_idle_bytes` of free buffers for reuse.
    explicit buffer_pool(std::size_t max_idle_bytes = std::size_t{1} << 20);
    /// A pool that keeps nothing, and costs nothing to make.
    [[nodiscard]] static buffer_pool none() noexcept {
        return buffer_pool{std::shared_ptr<detail::pool_state>{}};
    }

    /// Bytes that lie free in the pool now.
    [[nodiscard]] std::size_t idle_bytes() const noexcept;

private:
    friend class byte_buffer;
    explicit buffer_pool(std::shared_ptr<detail::pool_state> state) noexcept : state_{std::move(state)} {}
    std::shared_ptr<detail::pool_state> state_; // null: keeps nothing
};

/// Text as bytes, without a copy.
[[nodiscard]] inline std::span<const std::byte> as_byte_span(std::string_view text) noexcept {
    return std::as_bytes(std::span{text.data(), text.size()});
}

/// Bytes as text, without a copy.
[[nodiscard]] inline std::string_view as_text(std::span<const std::byte> bytes) noexcept {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

} // namespace distworker
