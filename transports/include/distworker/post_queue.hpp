// What other threads posted to a loop, and a descriptor that tells of it: the part of a loop that is the same
// on all.
//
// Use it to write a `loop`: watch `descriptor()` for reading, call `run()` when it is readable, and let
// `loop::post` be `add`. docs/write_a_loop.md shows one.
#pragma once

#include <functional>
#include <mutex>
#include <vector>

namespace distworker {

/// Thread safety: `add` and `wake` from any thread; `run` and the destructor on the loop's own.
class post_queue {
public:
    /// Run once at most, on the loop's thread.
    using task = std::move_only_function<void()>;

    /// Throws std::system_error when the kernel has no descriptors left.
    post_queue();
    post_queue(const post_queue&) = delete;
    post_queue& operator=(const post_queue&) = delete;
    /// Destroys what has not run. May be called by a task that runs.
    ~post_queue();

    /// Readable while there is something to run, and after `wake`; never to be read.
    [[nodiscard]] int descriptor() const noexcept { return descriptor_; }
    /// Puts a task behind those that wait.
    void add(task what);
    /// Makes the descriptor readable until the next `run`.
    void wake() noexcept;
    /// Runs what was added before this call, in order; what these add in turn is left for the next one.
    void run();

private:
    int descriptor_;
    bool* gone_ = nullptr; // while `run` is under way: told when this is destroyed
    std::mutex mutex_;     // guards what follows
    std::vector<task> tasks_;
};

} // namespace distworker
