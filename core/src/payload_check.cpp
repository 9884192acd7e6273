#include <distworker/payload_check.hpp>
#include <distworker/payload_schema.hpp>
#include <distworker/utf8.hpp>
#include <distworker/wire_reader.hpp>

#include <array>
#include <optional>

namespace distworker {
namespace {

enum class message_type : std::uint8_t { object, entry, value, list };

struct open_message {
    wire::reader fields;
    message_type type;
    std::uint8_t seen = 0; // singular fields met so far, a bit each
    std::uint32_t index = 0;
};

// An object level costs three messages (Value, Struct, entry), the outermost two.
constexpr std::size_t max_open = 3 * std::size_t{max_input_depth} + 2;

class checker {
public:
    std::expected<std::size_t, payload_fault> run(std::span<const std::byte> body) noexcept {
        enter(body, message_type::object);
        wire::field f;
        while (open_ > 0) {
            open_message& top = stack_[open_ - 1];
            if (!top.fields.next(f)) {
                if (top.fields.error() != wire::wire_error::none) {
                    return std::unexpected{payload_fault::malformed};
                }
                leave();
                continue;
            }
            if (const auto fault = visit(top, f)) {
                return std::unexpected{*fault};
            }
        }
        return bytes_;
    }

private:
    static constexpr std::size_t empty_document = 5;

    void enter(std::span<const std::byte> message, message_type type) noexcept {
        stack_[open_++] = {wire::reader{message}, type};
        if (type == message_type::object || type == message_type::list) {
            ++depth_;
            bytes_ += empty_document;
        }
    }

    void leave() noexcept {
        const message_type type = stack_[--open_].type;
        if (type == message_type::object || type == message_type::list) {
            --depth_;
        }
    }

    static bool repeated(open_message& in, std::uint32_t id) noexcept {
        const auto bit = static_cast<std::uint8_t>(1U << id);
        const bool again = (in.seen & bit) != 0;
        in.seen = static_cast<std::uint8_t>(in.seen | bit);
        return again;
    }

    std::optional<payload_fault> visit(open_message& in, const wire::field& f) noexcept {
        switch (in.type) {
        case message_type::object:
            if (f.is(wire::struct_field::entry, wire::wire_type::length)) {
                bytes_ += 2; // type byte, and the NUL behind the key
                return visit_whole_entry(f.bytes);
            }
            return std::nullopt;
        case message_type::entry:
            return visit_entry(in, f);
        case message_type::list:
            if (f.is(wire::list_item, wire::wire_type::length)) {
                bytes_ += 2 + decimal_digits(in.index++); // BSON keys list items by their number
                return visit_whole_value(f.bytes);
            }
            return std::nullopt;
        case message_type::value:
            break;
        }
        return visit_value(in, f);
    }

    // An entry as every writer makes it, a key and a value, is read at once.
    std::optional<payload_fault> visit_whole_entry(std::span<const std::byte> entry) noexcept {
        wire::reader fields{entry};
        wire::field key;
        wire::field value;
        if (!fields.next(key) || !key.is(wire::struct_field::key, wire::wire_type::length) ||
            !fields.next(value) || !value.is(wire::struct_field::value, wire::wire_type::length) ||
            !fields.done()) {
            enter(entry, message_type::entry);
            return std::nullopt;
        }
        if (!is_valid_utf8(key.text())) {
            return payload_fault::not_utf8;
        }
        bytes_ += key.bytes.size();
        return visit_whole_value(value.bytes);
    }

    // And so is a value that is one scalar and nothing else.
    std::optional<payload_fault> visit_whole_value(std::span<const std::byte> value) noexcept {
        wire::reader fields{value};
        wire::field f;
        if (!fields.next(f) || !fields.done()) {
            enter(value, message_type::value);
            return std::nullopt;
        }
        return is_member(f) ? take(f) : std::nullopt;
    }

    std::optional<payload_fault> visit_entry(open_message& in, const wire::field& f) noexcept {
        if (f.is(wire::struct_field::key, wire::wire_type::length)) {
            if (repeated(in, f.id)) {
                return payload_fault::repeated_field;
            }
            if (!is_valid_utf8(f.text())) {
                return payload_fault::not_utf8;
            }
            bytes_ += f.bytes.size();
        } else if (f.is(wire::struct_field::value, wire::wire_type::length)) {
            if (repeated(in, f.id)) {
                return payload_fault::repeated_field;
            }
            enter(f.bytes, message_type::value);
        }
        return std::nullopt;
    }

    std::optional<payload_fault> visit_value(open_message& in, const wire::field& f) noexcept {
        if (!is_member(f)) {
            return std::nullopt;
        }
        return repeated(in, f.id) ? std::optional{payload_fault::repeated_field} : take(f);
    }

    // Whether it is one of the members of a Value.
    static bool is_member(const wire::field& f) noexcept {
        using enum wire::wire_type;
        constexpr std::array types{varint, fixed64, length, varint, length, length};
        return f.id >= wire::value_field::null && f.id <= wire::value_field::list &&
               f.type == types[f.id - 1];
    }

    std::optional<payload_fault> take(const wire::field& f) noexcept {
        namespace id = wire::value_field;
        switch (f.id) {
        case id::number:
            bytes_ += sizeof(double);
            break;
        case id::boolean:
            bytes_ += 1;
            break;
        case id::string:
            if (!is_valid_utf8(f.text())) {
                return payload_fault::not_utf8;
            }
            bytes_ += f.bytes.size() + 5;
            break;
        case id::object:
        case id::list:
            if (depth_ == max_input_depth) {
                return payload_fault::too_deep;
            }
            enter(f.bytes, f.id == id::object ? message_type::object : message_type::list);
            break;
        default:
            break;
        }
        return std::nullopt;
    }

    static std::size_t decimal_digits(std::uint32_t number) noexcept {
        std::size_t digits = 1;
        while (number >= 10) {
            number /= 10;
            ++digits;
        }
        return digits;
    }

    // Left uninitialised on purpose: a shallow payload should not pay for clearing the whole stack.
    union {
        std::array<open_message, max_open>
            stack_; // NOLINT(readability-identifier-naming): a member like others
    };
    std::size_t open_ = 0;
    std::size_t depth_ = 0;
    std::size_t bytes_ = 0;

public:
    checker() noexcept {}
};

} // namespace

const char* to_string(payload_fault fault) noexcept {
    switch (fault) {
    case payload_fault::malformed:
        return "not a well-formed message";
    case payload_fault::not_utf8:
        return "text that is not UTF-8";
    case payload_fault::too_deep:
        return "nested deeper than 100 containers";
    case payload_fault::repeated_field:
        return "a field that may stand once is given twice";
    }
    return "unknown";
}

std::expected<std::size_t, payload_fault> check_payload(std::span<const std::byte> body) noexcept {
    return checker{}.run(body);
}

} // namespace distworker
