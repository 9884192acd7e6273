#include <distworker/payload_schema.hpp>
#include <distworker/value_view.hpp>

namespace distworker {

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
        if (!f.is(wire::struct_field::entry, wire::wire_type::length)) {
            continue;
        }
        key_ = {};
        value_ = {};
        wire::reader entry{f.bytes};
        while (entry.next(f)) {
            if (f.is(wire::struct_field::key, wire::wire_type::length)) {
                key_ = f.text();
            } else if (f.is(wire::struct_field::value, wire::wire_type::length)) {
                value_ = f.bytes;
            }
        }
        done_ = false;
        return *this;
    }
    done_ = true;
    return *this;
}

std::optional<value_view> object_view::find(std::string_view key) const noexcept {
    std::optional<value_view> found;
    for (auto it = begin(); it != end(); ++it) {
        if (it.key() == key) {
            found = (*it).value;
        }
    }
    return found;
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
