// A task, as a handler sees it: what to do, and how to report while doing it.
//
// A handler gets a `task&`; copies are cheap, share everything, and stay safe after the task has ended:
// reports then do nothing. All member functions may be called from any thread.
#pragma once

#include <distworker/assigned_task.hpp>
#include <distworker/engine_output.hpp>
#include <distworker/input_reader.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

namespace distworker {

/// How far a task is: `percent(25)` and `fraction(0.25)` are the same thing.
class progress_amount {
public:
    /// Of 1; as it was given, not clamped yet.
    [[nodiscard]] double as_fraction() const noexcept { return fraction_; }

private:
    friend constexpr progress_amount fraction(double) noexcept;
    friend constexpr progress_amount percent(double) noexcept;
    explicit constexpr progress_amount(double fraction) noexcept : fraction_{fraction} {}
    double fraction_;
};
/// How much of a task is done, of 1.
[[nodiscard]] constexpr progress_amount fraction(double from_0_to_1) noexcept {
    return progress_amount{from_0_to_1};
}
/// The same of 100.
[[nodiscard]] constexpr progress_amount percent(double from_0_to_100) noexcept {
    return progress_amount{from_0_to_100 / 100};
}

namespace detail {
class task_state;
}

class task {
public:
    /// The SDK's own: handlers are given their task.
    explicit task(std::shared_ptr<detail::task_state> state) noexcept : state_{std::move(state)} {}

    /// The controller's name for the task, and the queue that it came through. Valid as long as the task
    /// or a copy is held.
    [[nodiscard]] std::string_view id() const noexcept { return assigned().id(); }
    [[nodiscard]] std::string_view queue() const noexcept { return assigned().queue(); }
    /// The task's time limit; nothing when it has none.
    [[nodiscard]] std::optional<std::chrono::milliseconds> timeout() const noexcept;

    /// The whole input and metadata, to read as you like; valid as long as the task or a copy is held.
    [[nodiscard]] object_view input() const noexcept { return assigned().input(); }
    [[nodiscard]] object_view metadata() const noexcept { return assigned().metadata(); }

    /// The input at a path ("user.name"), as a T: numbers, bool, strings, vectors, optionals, `value`,
    /// structs with `members`. What is missing or of another type fails the task with INVALID_INPUT naming
    /// the path.
    template <typename T>
    [[nodiscard]] T input(std::string_view path) const {
        return detail::read_required<T>(input(), "input", path);
    }
    /// The same, with a value for when it is missing or null: `task.input("a", 0.0)`.
    template <typename T>
        requires(!std::convertible_to<T, std::string_view>)
    [[nodiscard]] T input(std::string_view path, T fallback) const {
        return detail::read_or<T>(input(), "input", path, std::move(fallback));
    }
    [[nodiscard]] std::string input(std::string_view path, std::string_view fallback) const {
        return detail::read_or<std::string>(input(), "input", path, std::string{fallback});
    }
    /// The whole input as a struct with `members`.
    template <detail::described T>
    [[nodiscard]] T input() const {
        return detail::read_struct<T>(input(), "input");
    }
    /// The metadata at a path, with a value for when it is missing or null.
    template <typename T>
        requires(!std::convertible_to<T, std::string_view>)
    [[nodiscard]] T metadata(std::string_view path, T fallback) const {
        return detail::read_or<T>(metadata(), "metadata", path, std::move(fallback));
    }
    [[nodiscard]] std::string metadata(std::string_view path, std::string_view fallback) const {
        return detail::read_or<std::string>(metadata(), "metadata", path, std::string{fallback});
    }

    /// The task's files. Names and URLs are the sender's text: never a path to trust.
    [[nodiscard]] file_list_view files() const noexcept { return assigned().files(); }
    /// The first file of that id or name; nothing when there is none.
    [[nodiscard]] std::optional<file_view> file(std::string_view file_id) const noexcept;
    [[nodiscard]] std::optional<file_view> file_named(std::string_view filename) const noexcept;

    /// Says how far the task is; the latest wins, and not every one is sent. Never blocks.
    void progress(progress_amount amount, std::string_view message = {}) const;
    /// Sends one item of the task's data stream, an object: in order, lossless, to whoever follows the task.
    /// On the pool it blocks while the connection is behind. False when nobody takes it any more: the task
    /// has ended, its connection is gone, or (inline only) the queue is full. Throws task_error for data that
    /// cannot be sent.
    bool stream(const value& item) const;

    /// Whether and why the task should end: its time is up, its connection is lost, the worker shuts down.
    [[nodiscard]] std::stop_token stop_token() const noexcept;
    [[nodiscard]] bool stop_requested() const noexcept { return stop_reason().has_value(); }
    [[nodiscard]] std::optional<distworker::stop_reason> stop_reason() const noexcept;
    /// Throws task_stopped when the task should end.
    void throw_if_stopped() const;
    /// Waits, but no longer than until the task should end. False when it should.
    bool wait_for(std::chrono::nanoseconds time) const;

    /// What the engine handed out, for those who build outcomes themselves.
    [[nodiscard]] const assigned_task& assigned() const noexcept;

private:
    std::shared_ptr<detail::task_state> state_;
};

} // namespace distworker
