// A first-in-first-out queue that keeps its memory: pushing and popping allocate nothing once it has grown.
//
// `std::deque` gives blocks back and takes new ones as it moves along; the engines must not allocate per
// task.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

namespace distworker {

template <typename T>
class ring_queue {
public:
    /// What is in it. Of an empty queue there is no item to ask for.
    [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    /// The first item, which is number 0, and the others. References are valid until the next push.
    [[nodiscard]] T& front() noexcept { return slots_[head_]; }
    [[nodiscard]] const T& front() const noexcept { return slots_[head_]; }
    [[nodiscard]] T& operator[](std::size_t i) noexcept { return slots_[(head_ + i) & (slots_.size() - 1)]; }
    [[nodiscard]] const T& operator[](std::size_t i) const noexcept {
        return slots_[(head_ + i) & (slots_.size() - 1)];
    }

    /// Adds an item behind the others or before them. Throws only when it has to grow and cannot, and is
    /// then as before.
    void push_back(T item) {
        if (size_ == slots_.size()) {
            grow();
        }
        (*this)[size_] = std::move(item);
        ++size_;
    }
    void push_front(T item) {
        if (size_ == slots_.size()) {
            grow();
        }
        head_ = (head_ + slots_.size() - 1) & (slots_.size() - 1);
        ++size_;
        front() = std::move(item);
    }
    /// Takes the first item out; there must be one.
    T pop_front() {
        T item = std::exchange(front(), T{});
        head_ = (head_ + 1) & (slots_.size() - 1);
        --size_;
        return item;
    }

private:
    void grow() {
        std::vector<T> larger(slots_.empty() ? 4 : slots_.size() * 2);
        for (std::size_t i = 0; i < size_; ++i) {
            larger[i] = std::move((*this)[i]);
        }
        slots_ = std::move(larger);
        head_ = 0;
    }

    std::vector<T> slots_; // a power of two of them
    std::size_t head_ = 0;
    std::size_t size_ = 0;
};

} // namespace distworker
