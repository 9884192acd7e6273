#include <distworker/byte_buffer.hpp>
#include <distworker/payload_schema.hpp>
#include <distworker/value_view.hpp>

namespace distworker {
namespace {

// The field of that number of an object's entry; nothing when there is none.
std::span<const std::byte> field_of(std::span<const std::byte> entry, std::uint32_t id) noexcept {
    wire::reader fields{entry};
    wire::field f;
    while (fields.next(f)) {
        if (f.is(id, wire::wire_type::length)) {
            return f.bytes;
        }
    }
    return {};
}

} // namespace

const char* to_string(value_kind kind) noexcept {
    switch (kind) {
    case value_kind::null:
        return "null";
    case value_kind::number:
        return "number";
    case value_kind::string:
        return "string";
    case value_kind::boolean:
        return "boolean";
    case value_kind::object:
        return "object";
    case value_kind::list:
        return "list";
    }
    return "unknown";
}

value_view::value_view(std::span<const std::byte> message) noexcept {
    namespace id = wire::value_field;
    wire::reader fields{message};
    wire::field f;
    while (fields.next(f)) {
        if (f.is(id::number, wire::wire_type::fixed64)) {
            kind_ = value_kind::number;
            scalar_ = f.number;
        } else if (f.is(id::string, wire::wire_type::length)) {
            kind_ = value_kind::string;
            bytes_ = f.bytes;
        } else if (f.is(id::boolean, wire::wire_type::varint)) {
            kind_ = value_kind::boolean;
            scalar_ = f.number != 0 ? 1 : 0;
        } else if (f.is(id::object, wire::wire_type::length)) {
            kind_ = value_kind::object;
            bytes_ = f.bytes;
        } else if (f.is(id::list, wire::wire_type::length)) {
            kind_ = value_kind::list;
            bytes_ = f.bytes;
        } else if (f.is(id::null, wire::wire_type::varint)) {
            kind_ = value_kind::null;
        }
    }
}

std::optional<double> value_view::number() const noexcept {
    return kind_ == value_kind::number ? std::optional{std::bit_cast<double>(scalar_)} : std::nullopt;
}

std::optional<bool> value_view::boolean() const noexcept {
    return kind_ == value_kind::boolean ? std::optional{scalar_ != 0} : std::nullopt;
}

std::optional<std::string_view> value_view::string() const noexcept {
    if (kind_ != value_kind::string) {
        return std::nullopt;
    }
    return std::string_view{reinterpret_cast<const char*>(bytes_.data()), bytes_.size()};
}

std::optional<object_view> value_view::object() const noexcept {
    return kind_ == value_kind::object ? std::optional{object_view{bytes_}} : std::nullopt;
}

std::optional<list_view> value_view::list() const noexcept {
    return kind_ == value_kind::list ? std::optional{list_view{bytes_}} : std::nullopt;
}

list_view value_view::items() const noexcept {
    return list().value_or(list_view{});
}

object_view value_view::members() const noexcept {
    return object().value_or(object_view{});
}

object_view::iterator& object_view::iterator::operator++() noexcept {
    wire::field f;
    while (fields_.next(f)) {
        if (f.is(wire::struct_field::entry, wire::wire_type::length)) {
            entry_ = f.bytes;
            done_ = false;
            return *this;
        }
    }
    done_ = true;
    return *this;
}

std::string_view object_view::iterator::key() const noexcept {
    return as_text(field_of(entry_, wire::struct_field::key));
}

value_view object_view::iterator::value() const noexcept {
    return value_view{field_of(entry_, wire::struct_field::value)};
}

std::optional<value_view> object_view::find(std::string_view key) const noexcept {
    std::optional<std::span<const std::byte>> found;
    wire::reader members{body_};
    wire::field f;
    while (members.next(f)) {
        if (f.is(wire::struct_field::entry, wire::wire_type::length) &&
            as_text(field_of(f.bytes, wire::struct_field::key)) == key) {
            found = f.bytes;
        }
    }
    return found ? std::optional{value_view{field_of(*found, wire::struct_field::value)}} : std::nullopt;
}

list_view::iterator& list_view::iterator::operator++() noexcept {
    wire::field f;
    while (fields_.next(f)) {
        if (f.is(wire::list_item, wire::wire_type::length)) {
            item_ = f.bytes;
            done_ = false;
            return *this;
        }
    }
    done_ = true;
    return *this;
}

} // namespace distworker
