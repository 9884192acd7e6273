#include <distworker/wire_reader.hpp>
#include <distworker/wire_writer.hpp>

#include <algorithm>

namespace distworker::wire {

const char* to_string(wire_error error) noexcept {
    switch (error) {
    case wire_error::none:
        return "no error";
    case wire_error::truncated:
        return "a field reaches past the end of its message";
    case wire_error::varint_too_long:
        return "a number is encoded in too many bytes";
    case wire_error::bad_field_number:
        return "a field number is out of range";
    case wire_error::bad_wire_type:
        return "a wire type does not exist";
    case wire_error::group:
        return "a group, which this protocol does not have";
    }
    return "unknown";
}

reader::long_varint reader::read_long_varint(const std::byte* at, const std::byte* end,
                                             unsigned max_bytes) noexcept {
    std::uint64_t number = 0;
    for (unsigned i = 0; i < max_bytes; ++i) {
        if (at == end) {
            return {0, at, wire_error::truncated};
        }
        const auto byte = static_cast<std::uint64_t>(*at++);
        number |= (byte & 0x7FU) << (7U * i);
        if (byte < 0x80) {
            return {number, at, wire_error::none};
        }
    }
    return {0, at, wire_error::varint_too_long};
}

void writer::close() {
    const open_message closed = open_[--depth_];
    const std::size_t length = out_->size() - closed.at - 1 + closed.growth;
    std::size_t growth = closed.growth;
    if (length < 0x80) {
        out_->data()[closed.at] = static_cast<std::byte>(length);
    } else {
        remember({closed.at, static_cast<std::uint32_t>(length)});
        growth += varint_size(length) - 1;
    }
    if (depth_ > 0) {
        open_[depth_ - 1].growth += static_cast<std::uint32_t>(growth);
    } else {
        growth_ += growth;
    }
}

void writer::remember(wide_length wide) {
    if (few_used_ < few_.size()) {
        few_[few_used_++] = wide;
    } else {
        many_.push_back(wide);
    }
}

void writer::finish() {
    if (few_used_ == 0) {
        return;
    }
    std::span<wide_length> wide{few_.data(), few_used_};
    if (!many_.empty()) {
        many_.insert(many_.end(), few_.begin(), few_.end());
        wide = many_;
    }
    std::sort(wide.begin(), wide.end(),
              [](const wide_length& a, const wide_length& b) { return a.at > b.at; });

    // From the back: each stretch behind a wide length moves once, to its final place.
    std::size_t source_end = out_->size();
    out_->extend(growth_);
    std::byte* const data = out_->data();
    std::size_t target_end = out_->size();
    for (const wide_length& w : wide) {
        const std::size_t stretch = source_end - (w.at + 1);
        target_end -= stretch;
        std::memmove(data + target_end, data + w.at + 1, stretch);
        target_end -= varint_size(w.length);
        put_varint(data + target_end, w.length);
        source_end = w.at;
    }
    growth_ = 0;
    few_used_ = 0;
    many_.clear();
}

} // namespace distworker::wire
