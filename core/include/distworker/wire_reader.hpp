// Reads the protobuf wire format, field by field, from bytes that nobody has checked yet.
//
// Use it to walk one message; nested messages are read by a further reader over `field::bytes`. It never
// reads outside its span, allocates nothing and does not recurse. It knows no schema: who calls decides
// which field numbers and wire types mean something. Groups are refused (protocol, section 2 has none).
#pragma once

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

namespace distworker::wire {

/// How the bytes of a field are laid out; the numbers are protobuf's.
enum class wire_type : std::uint8_t {
    varint = 0,      ///< int32, int64, bool and enumerations.
    fixed64 = 1,     ///< double.
    length = 2,      ///< Text, bytes and messages, behind their length.
    start_group = 3, ///< Refused.
    end_group = 4,   ///< Refused.
    fixed32 = 5      ///< float.
};

/// Why bytes are no message.
enum class wire_error : std::uint8_t {
    none,             ///< All is well so far.
    truncated,        ///< A field reaches past the end of its message.
    varint_too_long,  ///< A number of more than 10 bytes, a tag or length of more than 5.
    bad_field_number, ///< Field number 0, or a tag above 32 bits.
    bad_wire_type,    ///< Wire types 6 and 7 do not exist.
    group,            ///< Groups are not part of this protocol.
};

[[nodiscard]] const char* to_string(wire_error error) noexcept;

/// To the wire's byte order or from it: the one is the other.
template <std::unsigned_integral Unsigned>
[[nodiscard]] constexpr Unsigned little_endian(Unsigned number) noexcept {
    return std::endian::native == std::endian::little ? number : std::byteswap(number);
}

/// One field as it stands on the wire. `number` holds varints and fixed values, `bytes` the length-delimited.
struct field {
    std::uint32_t id = 0;               ///< Its number in the message; 1 or more once it is read.
    wire_type type = wire_type::varint; ///< Which of `number` and `bytes` it is in.
    std::uint64_t number = 0;           ///< Of a fixed32 the lower half.
    std::span<const std::byte> bytes;   ///< Within the message that is read: valid as long as that is.

    /// Whether it is that field, laid out in that way: another layout is an unknown field.
    [[nodiscard]] bool is(std::uint32_t wanted, wire_type wanted_type) const noexcept {
        return id == wanted && type == wanted_type;
    }
    /// `bytes`, not checked to be UTF-8.
    [[nodiscard]] std::string_view text() const noexcept {
        return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
    }
};

/// Walks the fields of one message.
class reader {
public:
    /// `message` outlives the reader and the fields that it gives.
    explicit reader(std::span<const std::byte> message) noexcept
        : at_{message.data()}, end_{message.data() + message.size()} {}

    /// Reads the next field into `out`. False at the end and at an error: `error()` tells which. Of a
    /// length-delimited field that is `truncated`, `out` holds what is there, for salvaging.
    [[nodiscard]] bool next(field& out) noexcept {
        if (at_ == end_) {
            return false;
        }
        std::uint64_t tag = 0;
        if (!read_varint(tag, 5)) {
            return false;
        }
        if (tag > UINT32_MAX || (tag >> 3U) == 0) {
            return fail(wire_error::bad_field_number);
        }
        out.id = static_cast<std::uint32_t>(tag >> 3U);
        out.type = static_cast<wire_type>(tag & 7U);
        if (out.type == wire_type::length) { // most are
            return read_bytes(out.bytes);
        }
        switch (out.type) {
        case wire_type::varint:
            return read_varint(out.number, 10);
        case wire_type::fixed64:
            return read_fixed<std::uint64_t>(out.number);
        case wire_type::fixed32:
            return read_fixed<std::uint32_t>(out.number);
        case wire_type::start_group:
        case wire_type::end_group:
            return fail(wire_error::group);
        default:
            return fail(wire_error::bad_wire_type);
        }
    }

    /// What stopped it; `none` before that, and at the end of a sound message.
    [[nodiscard]] wire_error error() const noexcept { return error_; }
    /// Where the next field begins, or the message ends. For who changes messages.
    [[nodiscard]] const std::byte* position() const noexcept { return at_; }
    /// The whole message was read, and it is sound.
    [[nodiscard]] bool done() const noexcept { return at_ == end_ && error_ == wire_error::none; }

private:
    bool fail(wire_error error) noexcept {
        error_ = error;
        at_ = end_;
        return false;
    }

    bool read_varint(std::uint64_t& out, unsigned max_bytes) noexcept {
        if (at_ != end_ && (static_cast<unsigned>(*at_) & 0x80U) == 0) {
            out = static_cast<std::uint64_t>(*at_++);
            return true;
        }
        const long_varint read = read_long_varint(at_, end_, max_bytes);
        if (read.error != wire_error::none) {
            return fail(read.error);
        }
        at_ = read.behind;
        out = read.number;
        return true;
    }

    bool read_bytes(std::span<const std::byte>& out) noexcept {
        std::uint64_t length = 0;
        if (!read_varint(length, 5)) {
            return false;
        }
        const auto left = static_cast<std::size_t>(end_ - at_);
        if (length > left) {
            out = {at_, left};
            return fail(wire_error::truncated);
        }
        out = {at_, static_cast<std::size_t>(length)};
        at_ += length;
        return true;
    }

    template <typename Unsigned>
    bool read_fixed(std::uint64_t& out) noexcept {
        if (static_cast<std::size_t>(end_ - at_) < sizeof(Unsigned)) {
            return fail(wire_error::truncated);
        }
        Unsigned little = 0;
        std::memcpy(&little, at_, sizeof little);
        at_ += sizeof little;
        out = little_endian(little);
        return true;
    }

    // Takes and gives values only: nobody outside knows a reader's address, so it can live in registers.
    struct long_varint {
        std::uint64_t number;
        const std::byte* behind;
        wire_error error;
    };
    static long_varint read_long_varint(const std::byte* at, const std::byte* end,
                                        unsigned max_bytes) noexcept;

    const std::byte* at_;
    const std::byte* end_;
    wire_error error_ = wire_error::none;
};

} // namespace distworker::wire
