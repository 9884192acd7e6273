// Reads the protobuf wire format, field by field, from bytes that nobody has checked yet.
//
// Use it to walk one message; nested messages are read by a further reader over `field::bytes`. It never
// reads outside its span, allocates nothing and does not recurse. It knows no schema: who calls decides
// which field numbers and wire types mean something. Groups are refused (protocol, section 2 has none).
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

namespace distworker::wire {

enum class wire_type : std::uint8_t {
    varint = 0,
    fixed64 = 1,
    length = 2,
    start_group = 3,
    end_group = 4,
    fixed32 = 5
};

enum class wire_error : std::uint8_t {
    none,
    truncated,        ///< A field reaches past the end of its message.
    varint_too_long,  ///< A number of more than 10 bytes, a tag or length of more than 5.
    bad_field_number, ///< Field number 0, or a tag above 32 bits.
    bad_wire_type,    ///< Wire types 6 and 7 do not exist.
    group,            ///< Groups are not part of this protocol.
};

[[nodiscard]] const char* to_string(wire_error error) noexcept;

/// One field as it stands on the wire. `number` holds varints and fixed values, `bytes` the length-delimited.
struct field {
    std::uint32_t id = 0;
    wire_type type = wire_type::varint;
    std::uint64_t number = 0;
    std::span<const std::byte> bytes;

    [[nodiscard]] bool is(std::uint32_t wanted, wire_type wanted_type) const noexcept {
        return id == wanted && type == wanted_type;
    }
    [[nodiscard]] std::string_view text() const noexcept {
        return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
    }
};

/// Walks the fields of one message.
class reader {
public:
    explicit reader(std::span<const std::byte> message) noexcept
        : at_{message.data()}, end_{message.data() + message.size()} {}

    /// Reads the next field into `out`. False at the end and at an error: `error()` tells which.
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
        switch (out.type) {
        case wire_type::varint:
            return read_varint(out.number, 10);
        case wire_type::fixed64:
            return read_fixed<std::uint64_t>(out.number);
        case wire_type::fixed32:
            return read_fixed<std::uint32_t>(out.number);
        case wire_type::length: {
            std::uint64_t length = 0;
            if (!read_varint(length, 5)) {
                return false;
            }
            if (length > static_cast<std::uint64_t>(end_ - at_)) {
                clipped_ = {at_, end_};
                return fail(wire_error::truncated);
            }
            out.bytes = {at_, static_cast<std::size_t>(length)};
            at_ += length;
            return true;
        }
        case wire_type::start_group:
        case wire_type::end_group:
            return fail(wire_error::group);
        }
        return fail(wire_error::bad_wire_type);
    }

    [[nodiscard]] wire_error error() const noexcept { return error_; }
    /// After `truncated` in a length-delimited field: the part of it that is there. For salvaging.
    [[nodiscard]] std::span<const std::byte> clipped() const noexcept { return clipped_; }

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
        return read_long_varint(out, max_bytes);
    }
    bool read_long_varint(std::uint64_t& out, unsigned max_bytes) noexcept;

    template <typename Unsigned>
    bool read_fixed(std::uint64_t& out) noexcept {
        if (static_cast<std::size_t>(end_ - at_) < sizeof(Unsigned)) {
            return fail(wire_error::truncated);
        }
        Unsigned little = 0;
        for (std::size_t i = 0; i < sizeof(Unsigned); ++i) { // compiles to one load
            little |= static_cast<Unsigned>(static_cast<Unsigned>(at_[i]) << (8U * i));
        }
        at_ += sizeof(Unsigned);
        out = little;
        return true;
    }

    const std::byte* at_;
    const std::byte* end_;
    std::span<const std::byte> clipped_;
    wire_error error_ = wire_error::none;
};

} // namespace distworker::wire
