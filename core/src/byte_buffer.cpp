#include <distworker/byte_buffer.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <new>

namespace distworker {
namespace detail {

/// The free lists. A spin lock guards them: it is held for a handful of instructions, and the core has no
/// threads to block with.
class pool_state {
public:
    static constexpr std::uint32_t smallest_bits = 8; // 256 bytes
    static constexpr std::uint32_t classes = 9;       // up to 64 KiB
    static constexpr std::uint32_t unpooled = classes;

    explicit pool_state(std::size_t max_idle_bytes) : max_idle_{max_idle_bytes} {}
    pool_state(const pool_state&) = delete;
    pool_state& operator=(const pool_state&) = delete;
    ~pool_state() {
        for (buffer_block* block : free_) {
            while (block != nullptr) {
                destroy(std::exchange(block, block->next_free));
            }
        }
    }

    static std::uint32_t class_of(std::size_t capacity) noexcept {
        const auto bits = static_cast<std::uint32_t>(std::bit_width(std::max<std::size_t>(capacity, 1) - 1));
        return std::min(bits <= smallest_bits ? 0 : bits - smallest_bits, unpooled);
    }

    buffer_block* take(std::size_t capacity) {
        const std::uint32_t wanted = class_of(capacity);
        if (wanted != unpooled) {
            const std::size_t class_bytes = std::size_t{1} << (wanted + smallest_bits);
            lock();
            buffer_block* const block = free_[wanted];
            if (block != nullptr) {
                free_[wanted] = block->next_free;
                idle_ -= class_bytes;
            }
            unlock();
            if (block != nullptr) {
                block->next_free = nullptr;
                block->size = 0;
                block->references.store(1, std::memory_order_relaxed);
                return block;
            }
            capacity = class_bytes;
        }
        auto* const block = ::new (::operator new(sizeof(buffer_block) + capacity)) buffer_block;
        block->size_class = wanted;
        block->capacity = capacity;
        return block;
    }

    void give_back(buffer_block* block) noexcept {
        if (block->size_class != unpooled) {
            lock();
            const bool keep = idle_ + block->capacity <= max_idle_;
            if (keep) {
                block->next_free = std::exchange(free_[block->size_class], block);
                idle_ += block->capacity;
            }
            unlock();
            if (keep) {
                return;
            }
        }
        destroy(block);
    }

    std::size_t idle_bytes() noexcept {
        lock();
        const std::size_t bytes = idle_;
        unlock();
        return bytes;
    }

private:
    static void destroy(buffer_block* block) noexcept {
        block->~buffer_block();
        ::operator delete(block);
    }
    void lock() noexcept {
        do {
        } while (busy_.test_and_set(std::memory_order_acquire));
    }
    void unlock() noexcept { busy_.clear(std::memory_order_release); }

    std::atomic_flag busy_;
    std::array<buffer_block*, classes> free_{};
    std::size_t idle_ = 0;
    std::size_t max_idle_;
};

void release(buffer_block* block) noexcept {
    // A sole owner need not count down: nobody else can count up.
    if (block == nullptr || (block->references.load(std::memory_order_acquire) != 1 &&
                             block->references.fetch_sub(1, std::memory_order_acq_rel) != 1)) {
        return;
    }
    const auto owner = std::move(block->owner);
    owner->give_back(block);
}

} // namespace detail

buffer_pool::buffer_pool(std::size_t max_idle_bytes)
    : state_{std::make_shared<detail::pool_state>(max_idle_bytes)} {}

std::size_t buffer_pool::idle_bytes() const noexcept {
    return state_ == nullptr ? 0 : state_->idle_bytes();
}

byte_buffer::byte_buffer(buffer_pool pool, std::size_t reserve) : pool_{std::move(pool.state_)} {
    if (reserve > 0) {
        grow(reserve);
    }
}

byte_buffer::byte_buffer(byte_buffer&& other) noexcept
    : pool_{std::move(other.pool_)}, block_{std::exchange(other.block_, nullptr)} {}

byte_buffer& byte_buffer::operator=(byte_buffer&& other) noexcept {
    if (this != &other) {
        detail::release(block_);
        pool_ = std::move(other.pool_);
        block_ = std::exchange(other.block_, nullptr);
    }
    return *this;
}

void byte_buffer::append(std::span<const std::byte> more) {
    if (!more.empty()) {
        std::memcpy(extend(more.size()), more.data(), more.size());
    }
}

void byte_buffer::grow(std::size_t count) {
    if (pool_ == nullptr) {
        pool_ = std::make_shared<detail::pool_state>(0);
    }
    const std::size_t used = size();
    const std::size_t capacity = block_ == nullptr ? 0 : block_->capacity;
    detail::buffer_block* const larger = pool_->take(std::max(used + count, capacity * 2));
    larger->owner = pool_;
    larger->size = used;
    if (used > 0) {
        std::memcpy(larger->bytes(), block_->bytes(), used);
    }
    detail::release(std::exchange(block_, larger));
}

} // namespace distworker
