// What a handler throws to fail its task with a code of its own.
#pragma once

#include <distworker/value.hpp>

#include <stdexcept>
#include <string>

namespace distworker {

/// Any other exception fails the task as well, with HANDLER_ERROR and its text.
class task_error : public std::runtime_error {
public:
    /// `code` is for programs ("QUOTA_EXCEEDED"), `message` for people, `details` an object or null.
    task_error(std::string code, const std::string& message, value details = {})
        : std::runtime_error{message}, code_{std::move(code)}, details_{std::move(details)} {}
    /// As they were given; the message is `what()`.
    [[nodiscard]] const std::string& code() const noexcept { return code_; }
    [[nodiscard]] const value& details() const noexcept { return details_; }

private:
    std::string code_;
    value details_;
};

/// Thrown by `task::throw_if_stopped`; let it through.
class task_stopped : public std::runtime_error {
public:
    task_stopped() : std::runtime_error{"the task was asked to stop"} {}
};

} // namespace distworker
