// Turns payload values into C++ values, naming the path of whatever does not fit.
#pragma once

#include <distworker/task_error.hpp>
#include <distworker/value.hpp>
#include <distworker/value_view.hpp>

#include <cmath>
#include <concepts>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <vector>

namespace distworker {

/// The members of a struct that `task::input<T>()` can read, by their JSON names:
///
///     struct numbers {
///         double a, b;
///         static constexpr auto members = distworker::members("a", &numbers::a, "b", &numbers::b);
///     };
template <typename... Pairs>
[[nodiscard]] constexpr auto members(Pairs... names_and_members) {
    return std::make_tuple(names_and_members...);
}

namespace detail {

/// INVALID_INPUT with the path and what was expected there.
[[noreturn]] void fail_input(std::string_view path, std::string_view wanted, std::optional<value_kind> found);

/// The value at a path: member names separated by dots; a name that holds dots itself is found first.
[[nodiscard]] std::optional<value_view> find_path(const object_view& object, std::string_view path);

template <typename T>
concept described = requires { T::members; };

template <typename T>
struct is_vector : std::false_type {};
template <typename T>
struct is_vector<std::vector<T>> : std::true_type {};
template <typename T>
struct is_optional : std::false_type {};
template <typename T>
struct is_optional<std::optional<T>> : std::true_type {};

template <typename T>
[[nodiscard]] T read_struct(const object_view& object, const std::string& path);

/// `view` as a T. Throws task_error INVALID_INPUT naming `path`.
template <typename T>
[[nodiscard]] T read_value(const value_view& view, const std::string& path) {
    if constexpr (is_optional<T>::value) {
        if (view.is_null()) {
            return std::nullopt;
        }
        return read_value<typename T::value_type>(view, path);
    } else if constexpr (std::same_as<T, value>) {
        return value{view};
    } else if constexpr (std::same_as<T, value_view>) {
        return view;
    } else if constexpr (std::same_as<T, bool>) {
        if (const auto boolean = view.boolean()) {
            return *boolean;
        }
        fail_input(path, "a boolean", view.kind());
    } else if constexpr (std::integral<T>) {
        const auto number = view.number();
        // The limits as doubles: exact for the lower one, one too many for the upper one.
        constexpr double below = -static_cast<double>(std::numeric_limits<T>::max()) - 1.0;
        constexpr double lowest = std::is_signed_v<T> ? below : 0.0;
        constexpr double above = static_cast<double>(std::numeric_limits<T>::max()) + 1.0;
        if (number && std::trunc(*number) == *number && *number >= lowest && *number < above) {
            return static_cast<T>(*number);
        }
        fail_input(path, "a whole number in range", view.kind());
    } else if constexpr (std::floating_point<T>) {
        if (const auto number = view.number()) {
            return static_cast<T>(*number);
        }
        fail_input(path, "a number", view.kind());
    } else if constexpr (std::same_as<T, std::string> || std::same_as<T, std::string_view>) {
        if (const auto text = view.string()) {
            return T{*text};
        }
        fail_input(path, "a string", view.kind());
    } else if constexpr (std::same_as<T, object_view>) {
        if (const auto object = view.object()) {
            return *object;
        }
        fail_input(path, "an object", view.kind());
    } else if constexpr (std::same_as<T, list_view>) {
        if (const auto list = view.list()) {
            return *list;
        }
        fail_input(path, "a list", view.kind());
    } else if constexpr (is_vector<T>::value) {
        const auto list = view.list();
        if (!list) {
            fail_input(path, "a list", view.kind());
        }
        T items;
        for (const value_view item : *list) {
            items.push_back(
                read_value<typename T::value_type>(item, path + "[" + std::to_string(items.size()) + "]"));
        }
        return items;
    } else {
        static_assert(described<T>,
                      "give the struct a `static constexpr auto members`, see distworker::members");
        const auto object = view.object();
        if (!object) {
            fail_input(path, "an object", view.kind());
        }
        return read_struct<T>(*object, path);
    }
}

template <typename T, std::size_t At = 0>
void read_members(T& out, const object_view& object, const std::string& path) {
    if constexpr (At < std::tuple_size_v<std::remove_cvref_t<decltype(T::members)>>) {
        const std::string_view name = std::get<At>(T::members);
        auto& member = out.*std::get<At + 1>(T::members);
        using member_type = std::remove_cvref_t<decltype(member)>;
        const std::string member_path = path + "." + std::string{name};
        if (const auto found = object.find(name)) {
            member = read_value<member_type>(*found, member_path);
        } else if constexpr (!is_optional<member_type>::value) {
            fail_input(member_path, "a value", std::nullopt);
        }
        read_members<T, At + 2>(out, object, path);
    }
}

template <typename T>
T read_struct(const object_view& object, const std::string& path) {
    T out{};
    read_members(out, object, path);
    return out;
}

template <typename T>
[[nodiscard]] T read_required(const object_view& object, std::string_view root, std::string_view path) {
    const std::string full = std::string{root} + "." + std::string{path};
    const auto found = find_path(object, path);
    if (!found) {
        fail_input(full, "a value", std::nullopt);
    }
    return read_value<T>(*found, full);
}

template <typename T>
[[nodiscard]] T read_or(const object_view& object, std::string_view root, std::string_view path, T fallback) {
    const auto found = find_path(object, path);
    if (!found || found->is_null()) {
        return fallback;
    }
    return read_value<T>(*found, std::string{root} + "." + std::string{path});
}

} // namespace detail

} // namespace distworker
