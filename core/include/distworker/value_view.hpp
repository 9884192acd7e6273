// Reads a payload (task input, metadata, progress data) where it lies in the frame, without decoding it all.
//
// A view is a few words that point into bytes somebody else owns: for a task, its message buffer, so a view
// is good as long as the task (or a copy of it) is held. Reading costs what is looked at and allocates
// nothing. The bytes were validated when the frame came (`payload_check.hpp`); on bytes that were not, a
// view still never reads outside its span. Use `value` for an owning tree.
#pragma once

#include <distworker/wire_reader.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <span>
#include <string_view>

namespace distworker {

/// The JSON-like kinds of protobuf's `google.protobuf.Value`.
enum class value_kind : std::uint8_t {
    null,    ///< Nothing.
    number,  ///< A double, NaN and infinity included.
    string,  ///< Text.
    boolean, ///< True or false.
    object,  ///< Members with keys.
    list     ///< Items in order.
};

[[nodiscard]] const char* to_string(value_kind kind) noexcept;

class object_view;
class list_view;

/// One value. Copies are cheap; const member functions are safe from any thread.
class value_view {
public:
    /// Null.
    value_view() = default;
    /// Of a serialized `google.protobuf.Value`. A value of no kind is null; of several members the last wins.
    explicit value_view(std::span<const std::byte> message) noexcept;

    /// Which kind of content it shows; null when it was default-made.
    [[nodiscard]] value_kind kind() const noexcept { return kind_; }
    [[nodiscard]] bool is_null() const noexcept { return kind_ == value_kind::null; }
    /// The content, when it is of that kind. A number may be NaN or infinite: it is passed through as it
    /// came.
    [[nodiscard]] std::optional<double> number() const noexcept;
    [[nodiscard]] std::optional<bool> boolean() const noexcept;
    [[nodiscard]] std::optional<std::string_view> string() const noexcept;
    [[nodiscard]] std::optional<object_view> object() const noexcept;
    [[nodiscard]] std::optional<list_view> list() const noexcept;
    /// The items of a list, the members of an object; none for any other kind. To loop over: a loop over
    /// `*list()` would walk a view that is gone before its first turn (P2718 is not in every compiler).
    [[nodiscard]] list_view items() const noexcept;
    [[nodiscard]] object_view members() const noexcept;

private:
    value_kind kind_ = value_kind::null;
    std::uint64_t scalar_ = 0; // a double's bits, or a bool
    std::span<const std::byte> bytes_;
};

/// One member of an object.
struct member_view {
    std::string_view key; ///< UTF-8; may be empty. Valid as long as the bytes are.
    value_view value;     ///< Valid as long as the bytes are.
};

/// An object: a serialized `google.protobuf.Struct`. Iteration gives the members in wire order; of two equal
/// keys the last one counts (`find` gives that one).
class object_view {
public:
    /// Walks the members, one read of each. Valid as long as the bytes are; the view may go.
    class iterator {
    public:
        using value_type = member_view;
        using difference_type = std::ptrdiff_t;

        iterator() noexcept : fields_{{}} {}
        explicit iterator(std::span<const std::byte> body) noexcept : fields_{body} { ++*this; }
        member_view operator*() const noexcept { return member_view{key(), value()}; }
        /// The halves of `*`, for loops that need but one. Not at the end.
        [[nodiscard]] std::string_view key() const noexcept;
        [[nodiscard]] value_view value() const noexcept;
        iterator& operator++() noexcept;
        void operator++(int) noexcept { ++*this; }
        friend bool operator==(const iterator& it, std::default_sentinel_t) noexcept { return it.done_; }

    private:
        wire::reader fields_;
        bool done_ = true;
        std::span<const std::byte> entry_;
    };

    object_view() = default;
    /// Of a serialized `google.protobuf.Struct`, which outlives the view.
    explicit object_view(std::span<const std::byte> body) noexcept : body_{body} {}

    /// Members in wire order, each read as the loop comes to it.
    [[nodiscard]] iterator begin() const noexcept { return iterator{body_}; }
    [[nodiscard]] static std::default_sentinel_t end() noexcept { return {}; }
    [[nodiscard]] bool empty() const noexcept { return begin() == end(); }
    /// The member of that key, or nothing. Linear in the object's size.
    [[nodiscard]] std::optional<value_view> find(std::string_view key) const noexcept;
    /// The same where a missing member may count as null.
    [[nodiscard]] value_view operator[](std::string_view key) const noexcept {
        return find(key).value_or(value_view{});
    }
    /// The serialized Struct.
    [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return body_; }

private:
    std::span<const std::byte> body_;
};

/// A list: a serialized `google.protobuf.ListValue`.
class list_view {
public:
    /// Walks the items, one read of each. Valid as long as the bytes are; the view may go.
    class iterator {
    public:
        using value_type = value_view;
        using difference_type = std::ptrdiff_t;

        iterator() noexcept : fields_{{}} {}
        explicit iterator(std::span<const std::byte> body) noexcept : fields_{body} { ++*this; }
        value_view operator*() const noexcept { return value_view{item_}; }
        iterator& operator++() noexcept;
        void operator++(int) noexcept { ++*this; }
        friend bool operator==(const iterator& it, std::default_sentinel_t) noexcept { return it.done_; }

    private:
        wire::reader fields_;
        bool done_ = true;
        std::span<const std::byte> item_;
    };

    list_view() = default;
    /// Of a serialized `google.protobuf.ListValue`, which outlives the view.
    explicit list_view(std::span<const std::byte> body) noexcept : body_{body} {}

    /// Items in wire order, each read as the loop comes to it.
    [[nodiscard]] iterator begin() const noexcept { return iterator{body_}; }
    [[nodiscard]] static std::default_sentinel_t end() noexcept { return {}; }
    [[nodiscard]] bool empty() const noexcept { return begin() == end(); }
    /// The serialized ListValue.
    [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return body_; }

private:
    std::span<const std::byte> body_;
};

} // namespace distworker
