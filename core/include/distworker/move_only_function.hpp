// A callable that is moved and never copied: std::move_only_function, or as much of it where the standard
// library, as libc++ 19, has none.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <type_traits>
#include <utility>

namespace distworker {

#if defined(__cpp_lib_move_only_function)

template <typename Signature>
using move_only_function = std::move_only_function<Signature>;

#else

template <typename Signature>
class move_only_function;

/// Empty until it is given a callable; an empty one may not be called.
template <typename Result, typename... Arguments>
class move_only_function<Result(Arguments...)> {
public:
    move_only_function() noexcept = default;
    /// Empty.
    move_only_function(std::nullptr_t) noexcept {}
    /// Takes a callable, which lives on the heap from here on.
    template <typename Callable>
        requires(!std::is_same_v<std::remove_cvref_t<Callable>, move_only_function> &&
                 std::is_invocable_r_v<Result, std::decay_t<Callable>&, Arguments...>)
    move_only_function(Callable&& callable)
        : held_{std::make_unique<held<std::decay_t<Callable>>>(std::forward<Callable>(callable))} {}

    /// Calls it. There must be one.
    Result operator()(Arguments... arguments) { return held_->call(std::forward<Arguments>(arguments)...); }
    /// Whether there is a callable.
    explicit operator bool() const noexcept { return held_ != nullptr; }

private:
    struct callable {
        virtual ~callable() = default;
        virtual Result call(Arguments... arguments) = 0;
    };
    template <typename Callable>
    struct held final : callable {
        template <typename Given>
        explicit held(Given&& given) : what{std::forward<Given>(given)} {}
        Result call(Arguments... arguments) override {
            return std::invoke(what, std::forward<Arguments>(arguments)...);
        }
        Callable what;
    };

    std::unique_ptr<callable> held_;
};

#endif

} // namespace distworker
