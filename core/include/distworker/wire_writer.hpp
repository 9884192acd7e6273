// Writes the protobuf wire format into a buffer, in one pass, nested messages included.
//
// `open` starts a nested message and `close` ends it; lengths are written minimally: each open message
// reserves one byte, and the rare ones that turn out longer than 127 bytes are widened together in
// `finish`, with one move over the buffer. Call `finish` once, last. Not thread-safe.
#pragma once

#include <distworker/byte_buffer.hpp>
#include <distworker/wire_reader.hpp>

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

namespace distworker::wire {

/// How many bytes a varint of this value takes: 1 to 10.
[[nodiscard]] constexpr std::size_t varint_size(std::uint64_t number) noexcept {
    return (static_cast<std::size_t>(std::bit_width(number | 1U)) + 6) / 7;
}

/// Appends fields to a buffer; sub-messages are opened and closed.
class writer {
public:
    /// Deepest nesting of open messages: a payload of 100 containers costs 3 each, its frame a few more.
    static constexpr std::size_t max_open = 320;

    /// Writes behind what is in `out`, which outlives the writer and which nobody else changes meanwhile.
    explicit writer(byte_buffer& out) noexcept : out_{&out} {}
    writer(const writer&) = delete;
    writer& operator=(const writer&) = delete;

    /// Writes one field, its tag included, zeros and empty ones too. All that write may throw
    /// std::bad_alloc.
    void varint(std::uint32_t id, std::uint64_t number) {
        std::byte* at = out_->extend(varint_size(tag(id, wire_type::varint)) + varint_size(number));
        put_varint(put_varint(at, tag(id, wire_type::varint)), number);
    }
    void fixed64(std::uint32_t id, double number) {
        fixed(id, wire_type::fixed64, std::bit_cast<std::uint64_t>(number));
    }
    void fixed32(std::uint32_t id, float number) {
        fixed(id, wire_type::fixed32, std::bit_cast<std::uint32_t>(number));
    }
    void bytes(std::uint32_t id, std::span<const std::byte> content) {
        const std::uint64_t head = tag(id, wire_type::length);
        std::byte* at = out_->extend(varint_size(head) + varint_size(content.size()) + content.size());
        at = put_varint(put_varint(at, head), content.size());
        if (!content.empty()) {
            std::memcpy(at, content.data(), content.size());
        }
    }
    void text(std::uint32_t id, std::string_view content) { bytes(id, as_byte_span(content)); }

    /// Starts a nested message; at most `max_open` are open at a time (the caller bounds its depth).
    void open(std::uint32_t id) {
        const std::uint64_t head = tag(id, wire_type::length);
        put_varint(out_->extend(varint_size(head) + 1), head);
        open_[depth_++] = {static_cast<std::uint32_t>(out_->size() - 1), 0};
    }
    /// Writes the head of a nested message whose length is known; its content follows.
    void open_known(std::uint32_t id, std::size_t length) {
        const std::uint64_t head = tag(id, wire_type::length);
        put_varint(put_varint(out_->extend(varint_size(head) + varint_size(length)), head), length);
    }
    /// Ends the innermost message that `open` began.
    void close();
    /// Widens the lengths that need it. Every message is closed by then.
    void finish();

    /// Bytes in the buffer, with those that `finish` is going to add.
    [[nodiscard]] std::size_t size() const noexcept { return out_->size() + growth_; }
    /// What is written so far. Lengths of messages in it are right after `finish` alone.
    [[nodiscard]] byte_buffer& buffer() noexcept { return *out_; }

private:
    struct open_message {
        std::uint32_t at;     // of the reserved length byte
        std::uint32_t growth; // bytes that lengths inside will still need
    };
    struct wide_length {
        std::uint32_t at;
        std::uint32_t length;
    };

    static constexpr std::uint64_t tag(std::uint32_t id, wire_type type) noexcept {
        return (std::uint64_t{id} << 3U) | static_cast<std::uint64_t>(type);
    }
    static std::byte* put_varint(std::byte* at, std::uint64_t number) noexcept {
        while (number >= 0x80) {
            *at++ = static_cast<std::byte>(number | 0x80U);
            number >>= 7U;
        }
        *at++ = static_cast<std::byte>(number);
        return at;
    }
    template <typename Unsigned>
    void fixed(std::uint32_t id, wire_type type, Unsigned number) {
        const std::uint64_t head = tag(id, type);
        const Unsigned little = little_endian(number);
        std::memcpy(put_varint(out_->extend(varint_size(head) + sizeof little), head), &little,
                    sizeof little);
    }
    void remember(wide_length wide);

    byte_buffer* out_;
    std::size_t growth_ = 0;
    std::size_t depth_ = 0;
    std::array<open_message, max_open> open_;
    // Few messages have long lengths; those few stay off the heap.
    std::size_t few_used_ = 0;
    std::array<wide_length, 16> few_;
    std::vector<wide_length> many_;
};

} // namespace distworker::wire
