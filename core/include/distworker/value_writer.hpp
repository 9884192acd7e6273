// Writes a payload (a result, progress data, error details) straight into an outgoing frame.
//
// Calls mirror JSON: in an object, `key` precedes each value. Everything that the controller could not keep
// is noticed while writing and told by `fault()`, with the path of the culprit: text or keys that are not
// UTF-8, keys with NUL, numbers that are not finite, nesting too deep, and calls in an impossible order.
// After a fault further calls do nothing. For a ready-made tree see `write(value_writer&, const value&)`.
#pragma once

#include <distworker/payload_check.hpp>
#include <distworker/value.hpp>
#include <distworker/value_view.hpp>
#include <distworker/wire_writer.hpp>

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

namespace distworker {

/// What is wrong with a payload that somebody wrote.
struct write_fault {
    /// What the controller could not keep, or the caller got wrong.
    enum class kind : std::uint8_t {
        not_utf8,   ///< A string or key is not UTF-8.
        not_finite, ///< A number is NaN or infinite.
        too_deep,   ///< More containers than allowed.
        bad_key,    ///< A key holds NUL.
        too_large,  ///< More than the controller can keep.
        misuse,     ///< A value without a key, an end without a begin, something left open.
    };
    kind what{}; ///< Which of them.
    /// Where: `result.items[3].name`, escaped for a log.
    std::string path;

    friend bool operator==(const write_fault&, const write_fault&) = default;
};

[[nodiscard]] const char* to_string(write_fault::kind kind) noexcept;

/// A writer of one object. Not thread-safe; used by the thread that builds the answer.
class value_writer {
public:
    /// Writes the members of a Struct into `out`, whose enclosing message is open. `root` names the object in
    /// paths. A document larger than `document_limit` (as BSON) is a fault, and so is one nested deeper
    /// than `max_depth`: the default is for answers, `max_input_depth` is the largest allowed.
    value_writer(wire::writer& out, std::string_view root, std::size_t document_limit,
                 std::size_t max_depth = max_result_depth) noexcept;
    value_writer(const value_writer&) = delete;
    value_writer& operator=(const value_writer&) = delete;

    /// Names the member whose value comes next. In objects alone.
    value_writer& key(std::string_view name);
    /// One value, or the begin or end of one that holds others. They give the writer back, to go on with.
    value_writer& null();
    value_writer& number(double number);
    value_writer& boolean(bool boolean);
    value_writer& string(std::string_view text);
    value_writer& begin_object();
    value_writer& end_object();
    value_writer& begin_list();
    value_writer& end_list();

    /// `key(name)` and a value in one call.
    template <typename Value>
    value_writer& member(std::string_view name, const Value& content) {
        key(name);
        if constexpr (std::same_as<Value, bool>) {
            return boolean(content);
        } else if constexpr (std::is_arithmetic_v<Value>) {
            return number(static_cast<double>(content));
        } else {
            return string(content);
        }
    }

    /// Ends the outermost object. Nothing may be left open.
    void finish();
    /// The first fault; nothing while all is well.
    [[nodiscard]] const std::optional<write_fault>& fault() const noexcept { return fault_; }
    /// Size so far as a BSON document, in bytes.
    [[nodiscard]] std::size_t document_bytes() const noexcept { return document_bytes_; }

private:
    struct level {          // no initialisers: 101 of these would be cleared for each answer
        std::size_t key_at; // of the current member's key in the buffer, 0 before the first
        std::size_t key_size;
        std::uint64_t index; // of the next item of a list
        bool is_list;
        bool has_key;
    };

    // True when a value may be written here; opens the entry that holds it.
    bool begin_value(std::size_t value_bytes, std::size_t document_bytes);
    void end_value();
    value_writer& begin_container(std::uint32_t member_field, bool is_list);
    value_writer& end_container(bool is_list);
    void fail(write_fault::kind kind);

    wire::writer* out_;
    std::string_view root_;
    std::size_t max_document_bytes_;
    std::size_t max_depth_;
    std::size_t document_bytes_ = 5; // an empty document: length and terminator
    std::size_t depth_ = 1;
    std::array<level, max_input_depth + 1> levels_;
    std::optional<write_fault> fault_;
};

/// Writes the members of an object; anything but an object (and null, as an empty object) is misuse.
void write_members(value_writer& out, const value& object);
/// Writes one value, after `key` or into a list.
void write(value_writer& out, const value& content);
void write(value_writer& out, const value_view& content);
/// The members of an object that is off the wire.
void write_members(value_writer& out, const object_view& object);

} // namespace distworker
