// An owning JSON-like value: what handlers return and what is built in memory.
//
// Numbers are doubles, as on the wire (protobuf's Struct has no others): integers beyond 2^53 lose digits,
// send those as strings. Objects keep the order in which their members were added. Building and destroying a
// value recurses as deep as it is nested. For reading a task's input without copying it use `value_view`.
#pragma once

#include <distworker/value_view.hpp>

#include <concepts>
#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace distworker {

class value {
public:
    struct member;
    /// Both keep their order.
    using list = std::vector<value>;
    using object = std::vector<member>;

    /// Null.
    value() noexcept;
    value(std::nullptr_t) noexcept;
    /// What it is given. Every number becomes a double; a pointer to text is not null.
    template <std::same_as<bool> Boolean>
    value(Boolean boolean);
    template <typename Number>
        requires(std::integral<Number> || std::floating_point<Number>) && (!std::same_as<Number, bool>)
    value(Number number);
    value(std::string text);
    value(std::string_view text);
    value(const char* text);
    value(list items);
    value(object members);
    /// An object: `value{{"result", 3}, {"unit", "m"}}`.
    value(std::initializer_list<member> members);
    /// A deep copy of what a view shows. Of equal keys the last one counts.
    explicit value(const value_view& view);
    explicit value(const object_view& view);
    /// Copies are deep; one that was moved from holds anything, and may be assigned to.
    value(const value& other);
    value(value&&) noexcept = default;
    value& operator=(const value& other);
    value& operator=(value&&) noexcept = default;
    ~value() = default;

    /// Which kind of content it holds.
    [[nodiscard]] value_kind kind() const noexcept;
    [[nodiscard]] bool is_null() const noexcept { return kind() == value_kind::null; }

    /// The content, when it is of that kind; nullptr otherwise. Valid until the value changes.
    [[nodiscard]] const double* number() const noexcept { return std::get_if<double>(&content_); }
    [[nodiscard]] const bool* boolean() const noexcept { return std::get_if<bool>(&content_); }
    [[nodiscard]] const std::string* string() const noexcept { return std::get_if<std::string>(&content_); }
    [[nodiscard]] const list* items() const noexcept { return std::get_if<list>(&content_); }
    [[nodiscard]] const object* members() const noexcept { return std::get_if<object>(&content_); }

    /// The member of that key; nullptr when there is none or this is no object.
    [[nodiscard]] const value* find(std::string_view key) const noexcept;
    /// Sets a member; null becomes an empty object first. An existing member of that key is replaced.
    /// Anything but null and an object stays as it is.
    void set(std::string_view key, value content);

    /// An empty object.
    [[nodiscard]] static value empty_object();
    /// A list: `value::of({1, "two", nullptr})`.
    [[nodiscard]] static value of(std::initializer_list<value> items);

    /// Deep, members in the same order. A NaN is equal to nothing.
    friend bool operator==(const value&, const value&);

private:
    std::variant<std::monostate, double, bool, std::string, list, object> content_;
};

/// One member of an object.
struct value::member {
    std::string key; ///< UTF-8 without NUL, if it is to be sent.
    value content;   ///< Any value, nested ones too.
    friend bool operator==(const member&, const member&) = default;
};

// Here, where a member is whole: clang asks for that as soon as it meets what makes or ends a vector of them.
inline value::value() noexcept = default;
inline value::value(std::nullptr_t) noexcept {}
template <std::same_as<bool> Boolean>
value::value(Boolean boolean) : content_{boolean} {}
template <typename Number>
    requires(std::integral<Number> || std::floating_point<Number>) && (!std::same_as<Number, bool>)
value::value(Number number) : content_{static_cast<double>(number)} {}
inline value::value(std::string text) : content_{std::move(text)} {}
inline value::value(std::string_view text) : content_{std::string{text}} {}
inline value::value(const char* text) : content_{std::string{text}} {}
inline value value::empty_object() {
    return value{object{}};
}
inline value value::of(std::initializer_list<value> items) {
    return value{list{items}};
}

} // namespace distworker
